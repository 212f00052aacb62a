"""In the guest: whether anything is left of a test, so that the next one may have this guest as if newly restored.

    leftovers note      write down what is there (once, before the guest is saved)
    leftovers clear     empty the state folder and /tmp, then hold what is there against that; says what differs

What has just been unplugged is given a moment to go. Nothing is ended or taken away by force: where something stays,
the guest is of no more use.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

NOTE = Path("/opt/bench/leftovers.json")
STATE, RULES = Path("/state"), Path("/run/udev/rules.d")
EMPTIED = (STATE, Path("/tmp"))
WRITTEN = ("/rw/upper", "/run", "/tmp", "/dev/shm")
"""Where everything is that was written since it booted: the layer over the read-only root (init.sh), and memory."""
CHANGING = ("/run/udev",)
"""udev's own memory of what it has seen. What it has written of disks is among the devices: it goes last."""
DEVICES = (
    "/sys/block/*",
    "/sys/bus/usb/devices/*",
    "/sys/bus/pci/devices/*",
    "/sys/class/nvme/*",
    "/sys/class/scsi_host/*",
    "/sys/class/input/*",
    "/run/udev/data/b*",
    "/sys/kernel/config/target/core/user_*",
    "/sys/kernel/config/target/loopback/naa*",
)
PATIENCE_S, LOOK_S = 5.0, 0.03


def inventory() -> dict[str, list[str]]:
    """What a test could leave behind."""
    mounts = Path("/proc/mounts").read_text().splitlines()
    return {
        "devices": _devices(),
        "processes": sorted(_processes()),
        "mounts": sorted(line for line in mounts if line.split()[1] != str(STATE)),
        "files": sorted(_files()),
        "kernel": [Path("/proc/sys/kernel/tainted").read_text().strip()],
    }


def _devices() -> list[str]:
    return sorted(path for pattern in DEVICES for path in glob.glob(pattern))


def _processes() -> Iterator[str]:
    """All but the kernel's own, udev's workers, and whoever asks."""
    for ident in filter(str.isdigit, os.listdir("/proc")):
        try:
            status, _, rest = Path(f"/proc/{ident}/stat").read_text().rpartition(")")
            name, parent = status.partition("(")[2], rest.split()[1]
            if "2" not in (ident, parent) and name != "(udev-worker)" and int(ident) != os.getpid():
                yield f"{name} {Path(f'/proc/{ident}/cmdline').read_bytes()!r}"
        except OSError:
            continue  # it has just ended


def _files() -> Iterator[str]:
    """With size and time, by which a changed one is seen."""
    for top in WRITTEN:
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if f"{folder}/{name}" not in CHANGING]
            for name in names:
                path = f"{folder}/{name}"
                status = os.lstat(path)
                if not path.endswith(str(NOTE)):
                    yield f"{path} {status.st_size} {status.st_mtime_ns}"


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            if path.name != "lost+found":
                shutil.rmtree(path)
        else:
            path.unlink()


def _differences() -> list[str]:
    before, now = json.loads(NOTE.read_text()), inventory()
    return [
        f"{kind}: {sign}{name}"
        for kind in now
        for sign, more, fewer in (("+", now, before), ("-", before, now))
        for name in more[kind]
        if name not in fewer[kind]
    ]


def clear() -> list[str]:
    """What is left although it was given its time."""
    if RULES.exists():
        shutil.rmtree(RULES)
        subprocess.run(["udevadm", "control", "--reload"], check=True)
    for folder in EMPTIED:
        _empty(folder)
    end, devices = time.monotonic() + PATIENCE_S, json.loads(NOTE.read_text())["devices"]
    while _devices() != devices and time.monotonic() < end:
        time.sleep(LOOK_S)
    while (left := _differences()) and time.monotonic() < end:
        time.sleep(LOOK_S)
    return left


def main() -> int:
    """As it is told."""
    if sys.argv[1] == "note":
        NOTE.write_text(json.dumps(inventory()))
        return 0
    for line in clear():
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
