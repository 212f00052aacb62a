"""The saved guest: built, booted, warmed and written down once, then restored for every test.

Kept in build/bench under a hash of everything that it is made of: kernel, environment, the code under test and the
scripts here. A change of any of them makes another.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import json
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.laboratory.arch import AMD64, Arch
from tests.laboratory.guest import debian, kernel, packages, root
from tests.laboratory.guest.tools import run
from tests.laboratory.machine.qemu import STATE_BYTES, Image, Machine

log = logging.getLogger("bench")

CACHE = root.REPOSITORY / "build" / "bench"
KEPT = 2
WARM_TIMEOUT_S = 400.0  # some 20 s on two cores of its own
BENCH = Path(__file__).resolve().parents[1]
UNDER_UDEV = (
    "ahci nvme xhci-pci sd_mod sg usb-storage uas usbhid hid-generic evdev usblp cdc-acm"
    " virtio_net nvme-tcp dm-mod dm-flakey virtio-rng ext4 tcm_loop"
)
LEFT_OUT = ("agent.demo", "agent.pdf")
"""Packages of the code under test that need what the guest has not."""
REHEARSAL = """
import json, sys
sys.argv = ["benchwipe", "erase", "/dev/sda", "--state-dir", "/tmp/rehearsal", "--yes", "--json"]
from agent.cli import main
try:
    main()
except SystemExit:
    print(json.dumps(sorted(sys.modules)))
"""


def image(arch: Arch = AMD64) -> Image:
    """The saved guest of this very code, made where there is none. BenchLacks. Safe with several processes at once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with _locked(CACHE / f"lock-{arch.debian}"):
        parts = _parts(arch)
        folder = CACHE / f"guest-{arch.debian}-{_fingerprint(parts)}"
        found = _image(parts, folder)
        if not found.saved.exists():
            _make(parts, folder)
            _forget_old(folder)
        return found


@dataclass(frozen=True)
class Parts:
    """What a guest is built of: a kernel, and a base (guest/packages.py) where this machine's own files do not run."""

    arch: Arch
    kernel: Path
    base: Path | None


def _parts(arch: Arch) -> Parts:
    apt = debian.Apt(arch.debian, CACHE)
    unpacked = kernel.unpacked(CACHE, apt, arch.debian)
    return Parts(arch, unpacked, packages.base(CACHE, apt, arch.debian) if apt.foreign else None)


def _image(parts: Parts, folder: Path) -> Image:
    return Image(
        arch=parts.arch,
        kernel=parts.kernel / "boot" / "vmlinux",
        ram_disk=folder / "initrd.gz",
        root=folder / "root.squashfs",
        saved=folder / "saved",
        state=folder / "state.img",
    )


def _make(parts: Parts, folder: Path) -> None:
    """Build, boot, warm and save; in a folder beside, so that a half-made guest is never found."""
    start = time.monotonic()
    scratch = folder.with_suffix(".new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    found = _image(parts, scratch)
    with tempfile.TemporaryDirectory(prefix="bw-root-") as temporary:
        root.initial_ram_disk(parts.kernel, parts.base, found.ram_disk, Path(temporary) / "initrd")
        root.build(Path(temporary) / "root", parts.kernel, parts.base)
        squash = ["mksquashfs", f"{temporary}/root", str(found.root), "-comp", "lz4", "-noappend", "-all-root"]
        run([*squash, "-quiet", "-no-progress"], timeout=300)
    with found.state.open("wb") as file:
        file.truncate(STATE_BYTES)
    run(["mkfs.ext4", "-q", "-F", str(found.state)])
    built = time.monotonic()
    with Machine(found) as machine:
        machine.boot()
        _warm(machine, parts.arch)
        machine.save(found.saved)
    scratch.rename(folder)
    size = (folder / "saved").stat().st_size >> 20
    log.warning(
        "%s guest built in %.1f s, booted, warmed and saved in %.1f s, %d MiB",
        parts.arch.debian,
        built - start,
        time.monotonic() - built,
        size,
    )


def _warm(machine: Machine, arch: Arch) -> None:
    """What would otherwise be slow once in every test: modules, udev, imports, programs in the page cache."""
    machine.sh(f"modprobe usb-storage delay_use=0; modprobe -a {UNDER_UDEV}").checked()
    machine.sh("udevadm trigger --subsystem-nomatch=tty --subsystem-nomatch=vc; udevadm settle").checked()
    machine.sh("ip addr add 10.0.2.15/24 dev $(ls /sys/class/net | grep -v lo)").checked()
    machine.sh("ip link set $(ls /sys/class/net | grep -v lo) up; ip route add default via 10.0.2.2").checked()
    machine.control.start(warm=_modules(arch)).wait(WARM_TIMEOUT_S).checked()
    used = machine.control.start(code=REHEARSAL).wait(WARM_TIMEOUT_S).checked().out.splitlines()[-1]
    machine.control.start(warm=json.loads(used)).wait(WARM_TIMEOUT_S).checked()
    machine.benchwipe("drives", "--json", timeout=WARM_TIMEOUT_S).checked()
    for command in ("nvme version", "hdparm -V", "sg_inq -V", "smartctl -V", "mount", "dd --version", "date"):
        machine.sh(command)
    machine.sh("blockdev --flushbufs /dev/sda /dev/sdb; rm -rf /tmp/*; sync").checked()
    machine.control.start(call="leftovers:main", argv=["leftovers", "note"]).wait().checked()


def _modules(arch: Arch) -> list[str]:
    """The modules of the code under test that are imported before it is saved."""
    paths = [path for name in root.PROJECT for path in sorted((root.REPOSITORY / name).rglob("*.py"))]
    names = [".".join(path.relative_to(root.REPOSITORY).with_suffix("").parts) for path in paths]
    names = [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]
    names = [*(name for name in names if not name.startswith(LEFT_OUT)), "paho.mqtt.client"]
    return ["leftovers", "tcmu", "waiting", *(name for name in names if name.startswith(arch.warmed))]


def _fingerprint(parts: Parts) -> str:
    digest = hashlib.sha256()
    base = parts.base.name if parts.base else sys.version
    digest.update(f"{parts.arch} {parts.kernel.name} {base} {run([parts.arch.qemu, '--version'])}".encode())
    for one in sorted(importlib.metadata.distributions(), key=lambda d: d.name):
        digest.update(f"{one.name} {one.version}".encode())
    sources = [path for name in root.PROJECT for path in (root.REPOSITORY / name).rglob("*") if path.suffix != ".pyc"]
    sources += [root.RULES, *(BENCH / "guest").glob("*.*"), *(BENCH / "machine").glob("*.py")]
    for path in sorted(path for path in sources if path.is_file()):
        digest.update(str(path.relative_to(root.REPOSITORY)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _forget_old(keep: Path) -> None:
    """Guests of code that has changed since: some hundred megabytes each."""
    others = sorted(
        CACHE.glob(f"{keep.name.rpartition('-')[0]}-*"), key=lambda path: path.stat().st_mtime, reverse=True
    )
    for folder in [path for path in others if path != keep][KEPT - 1 :]:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
