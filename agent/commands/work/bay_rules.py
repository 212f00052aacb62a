"""udev rules for the drives that stand in this station's bays, and for no other drive of the machine.

A drive in a bay belongs to the daemon's group and to nobody else's business: nothing mounts it, assembles a RAID or
activates a volume group from it, and it cannot take over the name of one of this machine's own file systems (a
cloned drive has the same UUID and label). Bays are known by their port (`ID_PATH`, path_id of udev), never by the
drive that stands in them.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.errors import SettingsError
from agent.settings import Settings

RULES_FILE = Path("/etc/udev/rules.d/59-benchwipe-bays.rules")
"""Before 60-persistent-storage.rules, which reads file systems and makes links of what it finds."""
GROUP = "benchwipe"
BY_PATH = "/dev/disk/by-path/"

# What path_id makes (udev-builtin-path_id.c). Anything else could be read as a pattern, or end the string.
PORT = re.compile(r"[A-Za-z0-9:._+@,-]+")

UNWATCHED = 'OPTIONS:="nowatch"'
"""Final, because 60-block.rules asks for the watch: a look at its partitions whenever somebody lets go of a drive."""

HEAD = """\
# Written by `benchwipe bays udev-rules` from the bays of the station's configuration; do not edit.
ACTION=="remove", GOTO="benchwipe_bays_end"
SUBSYSTEM!="block", GOTO="benchwipe_bays_end"
ENV{DEVTYPE}=="disk", DEVPATH!="*/virtual/*", IMPORT{builtin}="path_id"
ENV{DEVTYPE}=="disk", SUBSYSTEMS=="nvme-subsystem", IMPORT{builtin}="path_id"
ENV{DEVTYPE}=="partition", IMPORT{parent}="BENCHWIPE_BAY"
"""
TAIL = f"""\
ENV{{BENCHWIPE_BAY}}!="?*", GOTO="benchwipe_bays_end"
# No look for file systems: mdadm, LVM, btrfs and bcache act on what it finds, and by-uuid links come from it.
ENV{{UDEV_DISABLE_PERSISTENT_STORAGE_BLKID_FLAG}}="1"
ENV{{UDISKS_IGNORE}}="1"
# No look for partitions each time somebody lets go of the drive. One that is being sanitized answers no read: the
# kernel would repeat them for minutes, and a station that came back meanwhile could not open the drive before.
{UNWATCHED}
ENV{{DEVTYPE}}=="disk", GROUP="{GROUP}", MODE="0660"
LABEL="benchwipe_bays_end"
"""


def block_bays(settings: Settings) -> tuple[tuple[str, str], ...]:
    """List (port, name) of the bays that hold the kernel's block devices. SettingsError for a port that is none."""
    bays = [(i, bay, bay.port.removeprefix(BY_PATH)) for i, bay in enumerate(settings.bay) if bay.source == "block"]
    problems = tuple(
        f"bay[{i}].port = {bay.port!r}: allowed for the daemon's udev rules is a name that stands under {BY_PATH}"
        for i, bay, port in bays
        if not PORT.fullmatch(port)
    )
    if problems:
        raise SettingsError("bay", problems)
    return tuple((port, bay.name) for _, bay, port in bays)


def refuse_bays(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return the same, or raise SettingsError too where this machine itself uses what stands in a bay."""
    bays = block_bays(settings)
    taken = tuple(
        f"bay port {port!r}: the drive there holds this machine's {mount}; allowed is a port where drives come and go"
        for port, mount in system_ports(port for port, _ in bays)
    )
    if taken:
        raise SettingsError("bay", taken)
    return bays


def rules(bays: Iterable[tuple[str, str]]) -> str:
    """Write the rules' text. All of udev's names for a port are matched (drivers/drives/ports.py)."""
    lines = [
        f'ENV{{DEVTYPE}}=="disk", ENV{{{key}}}=="{port}", ENV{{BENCHWIPE_BAY}}="{name}"'
        for port, name in bays
        for key in ("ID_PATH", "ID_PATH_ATA_COMPAT", "ID_PATH_WITH_USB_REVISION")
    ]
    return HEAD + "".join(f"{line}\n" for line in lines) + TAIL


def system_ports(ports: Iterable[str], root: Path = Path("/")) -> Iterator[tuple[str, str]]:
    """Find (port, mount point) of each port whose drive holds a file system that this machine has mounted.

    Such a drive must not lose its by-uuid link: the machine might not start again.
    """
    mounted = dict(_mounted(root))
    for port in ports:
        disk = root / "dev/disk/by-path" / port
        try:
            number = _number(disk.stat().st_rdev)
        except OSError:
            continue  # no drive stands there
        for used in _with_children(root, number):
            if used in mounted:
                yield port, mounted[used]
                break


def _mounted(root: Path) -> Iterator[tuple[str, str]]:
    """(major:minor, mount point), proc_pid_mountinfo(5). btrfs shows a number of its own: its source's counts too.

    Ours, to which all mounts of the machine arrive; and those of the first process, where it is shown to us.
    """
    lines = (root / "proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    with contextlib.suppress(OSError):  # the unit's sandbox
        lines += (root / "proc/1/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    for line in lines:
        fields = line.split(" ")
        yield fields[2], fields[4]
        source = fields[fields.index("-") + 2]
        if source.startswith("/dev/"):
            try:
                yield _number((root / source[1:]).stat().st_rdev), fields[4]
            except OSError:
                continue


def _with_children(root: Path, number: str) -> Iterator[str]:
    """The device, its partitions, and all that stands on top of them (LVM, RAID, dm-crypt)."""
    folder = Path(os.path.realpath(root / "sys/dev/block" / number))
    yield number
    children = [*folder.glob("*/partition"), *folder.glob("holders/*/dev")]
    for child in children:
        yield from _with_children(root, (child.parent / "dev").read_text(encoding="ascii").strip())


def _number(device: int) -> str:
    return f"{os.major(device)}:{os.minor(device)}"
