"""A bare Debian in a folder, as its installer leaves it: systemd, sudo, one ordinary user, and nothing of ours."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.patience import PROGRAM_S

CACHE = Path(__file__).resolve().parents[2] / "build" / "installing"
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "systemd-sysv,dbus,udev,sudo,ca-certificates"
USER = "tech"
AUTHORITIES = Path("/usr/local/share/ca-certificates")
"""What this machine trusts besides Debian's: a proxy's authority, say, without which nothing could be fetched."""


class NoRoot(Exception):
    """A clean root cannot be made here."""


def run(*command: str | Path, seconds: float = PROGRAM_S) -> str:
    """Run a command to its end. NoRoot with its last words."""
    done = subprocess.run(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )
    if done.returncode != 0:
        raise NoRoot(f"{command[0]} {command[1]}: {done.stdout.strip()[-400:]}")
    return done.stdout


def bare(suite: str) -> Path:
    """Return the folder with a suite's bare system. It is made once and kept: a clean root is a layer above it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / suite
    with (CACHE / f"{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            scratch = CACHE / f"{suite}.new"
            shutil.rmtree(scratch, ignore_errors=True)
            run(
                "debootstrap",
                "--variant=minbase",
                f"--include={PACKAGES}",
                suite,
                scratch,
                MIRROR,
                seconds=2 * PROGRAM_S,
            )
            _settle(scratch)
            scratch.rename(folder)
    return folder


def _settle(root: Path) -> None:
    """Do what the installer does besides: a user who may sudo, a name; and trust what this machine trusts."""
    for file in AUTHORITIES.glob("*.crt"):
        shutil.copy(file, root / AUTHORITIES.relative_to("/"))
    run("chroot", root, "update-ca-certificates")
    run("chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", USER)
    (root / f"etc/sudoers.d/{USER}").write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
    (root / "etc/hostname").write_text("bench\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost bench\n")


@contextlib.contextmanager
def clean(suite: str) -> Iterator[Path]:
    """Lay a root over the bare system that nothing was done in, and take it away at the end."""
    below = bare(suite)
    scratch = Path(tempfile.mkdtemp(prefix=f"bw-{suite}-", dir=CACHE))
    for name in ("above", "work", "root"):
        (scratch / name).mkdir()
    root = scratch / "root"
    layers = f"lowerdir={below},upperdir={scratch / 'above'},workdir={scratch / 'work'}"
    run("mount", "-t", "overlay", "overlay", "-o", layers, root)
    try:
        yield root
    finally:
        run("umount", "--recursive", root)
        shutil.rmtree(scratch, ignore_errors=True)
