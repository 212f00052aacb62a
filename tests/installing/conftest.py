"""What a clean root is given from outside: this commit as a repository to clone, and a drive to put into a bay."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.installing.container import Container
from tests.installing.roots import CACHE, run

REPOSITORY = Path(__file__).resolve().parents[2]
ASKED = "BENCHWIPE_INSTALL"
"""The suites that are wanted, in one word with commas; `make prove-install` sets it."""
USER_ID = 1000
PORT = "pci-0000:00:14.0-usb-0:1.1:1.0-scsi-0:0:0:0"
BYTES = 64 << 20


def suites() -> list[str]:
    return os.environ.get(ASKED, "").split(",") if os.environ.get(ASKED) else []


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """This commit as the one that `git clone` gets. It belongs to the user who clones it, as git wants it."""
    bare = tmp_path / "benchwipe.git"
    run("git", "clone", "--quiet", "--bare", REPOSITORY, bare)
    run("git", "-C", bare, "update-ref", "refs/heads/main", "HEAD")
    run("git", "-C", bare, "symbolic-ref", "HEAD", "refs/heads/main")
    run("chown", "--recursive", f"{USER_ID}:{USER_ID}", bare)
    run("chmod", "--recursive", "a+rX", bare, tmp_path, tmp_path.parent)
    return bare


@dataclass(frozen=True)
class LoopDrive:
    """A drive that this kernel can make without hardware, and the port that it comes to."""

    image: Path
    device: str

    def plug_into(self, container: Container) -> str:
        """Show it inside, with the name that udev would give it there: a container has no udevd. Nothing is typed."""
        number = self.device.removeprefix("/dev/loop")
        container.root_says(
            f"[ -e {self.device} ] || mknod {self.device} b 7 {number}; mkdir -p /dev/disk/by-path; "
            f"ln -s ../../loop{number} /dev/disk/by-path/{PORT}"
        )
        return ""

    def contents(self) -> bytes:
        """Read the medium, past every cache of the container."""
        run("blockdev", "--flushbufs", self.device)
        return self.image.read_bytes()


@pytest.fixture
def drive() -> Iterator[LoopDrive]:
    CACHE.mkdir(parents=True, exist_ok=True)
    image = CACHE / f"drive-{os.getpid()}.img"
    image.write_bytes(b"somebody's letters\n" * (BYTES // 19) + bytes(BYTES % 19))
    device = run("losetup", "--find", "--show", image).strip()
    yield LoopDrive(image, device)
    subprocess.run(["losetup", "--detach", device], check=False)
    image.unlink()


def lacking() -> str:
    """Tell why no clean root can be made here; nothing where one can."""
    missing = [name for name in ("debootstrap", "systemd-nspawn", "losetup", "git") if shutil.which(name) is None]
    if os.geteuid() != 0:
        return "needs root"
    return f"not installed: {', '.join(missing)}" if missing else ""
