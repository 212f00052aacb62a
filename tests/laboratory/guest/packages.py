"""What a root of another architecture is made of: Debian's packages, and PyPI's wheels of what benchwipe requires."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.laboratory.guest import debian
from tests.laboratory.guest.root import PYTHON, Root, required, words
from tests.laboratory.guest.tools import BenchLacks, CannotDownload, run

PACKAGES = words("""
    coreutils dash grep sed util-linux mount procps iproute2 kmod udev nvme-cli busybox-static python3 usr-is-merged
""")
MACHINES = {"arm64": "aarch64"}
"""Python's word for an architecture of Debian's."""
LIBRARIES = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")
"""Wheels for these C libraries run on Debian 12's 2.36 (PEP 600)."""


def base(cache: Path, apt: debian.Apt, architecture: str) -> Path:
    """A folder with the unpacked packages and wheels, made where there is none. BenchLacks, CannotDownload."""
    pins = [f"{name}=={importlib.metadata.version(name)}" for name in sorted(required("benchwipe"))]
    folder = cache / f"base-{architecture}-{_fingerprint(apt, pins)}"
    if folder.exists():
        return folder
    for old in cache.glob(f"base-{architecture}-*"):
        shutil.rmtree(old)
    root = Root(folder.with_suffix(".new"))
    archives = apt.fetch_all(PACKAGES)
    debian.unpack(archives, root.folder)
    for archive in archives:
        archive.unlink()
    python = (root.folder / "usr" / "bin" / "python3").readlink().name
    _wheels(pins, python.removeprefix("python"), MACHINES[architecture], root.folder / PYTHON)
    root.compile(PYTHON, f"usr/lib/{python}")
    folder = cache / f"base-{architecture}-{_fingerprint(apt, pins)}"  # the lists may have been fetched anew
    root.folder.rename(folder)
    return folder


def _fingerprint(apt: debian.Apt, pins: Sequence[str]) -> str:
    scripts = [Path(__file__), Path(debian.__file__)]
    parts = [apt.lists(), *PACKAGES, *pins, *(path.read_text() for path in scripts)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _wheels(pins: Sequence[str], version: str, machine: str, folder: Path) -> None:
    """The same releases as in this environment, for another Python on another machine."""
    # An environment may have been made without pip (scripts/setup.sh); its interpreter's own serves then.
    python = sys.executable if importlib.util.find_spec("pip") else str(Path(sys.base_prefix) / "bin" / "python3")
    platforms = [f"--platform={name}_{machine}" for name in LIBRARIES]
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--retries=5"]
    chosen = ["--no-deps", "--no-compile", "--only-binary=:all:", "--implementation=cp", f"--python-version={version}"]
    try:
        run([*install, *chosen, *platforms, f"--target={folder}", *pins], timeout=debian.DOWNLOAD_TIMEOUT_S)
    except BenchLacks as error:
        raise CannotDownload(f"wheels for {machine}: {error}") from None
