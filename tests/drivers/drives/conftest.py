"""Real loop devices for the tests of drives; each is taken down whatever the test does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

MIB = 1 << 20


def needs_root() -> None:
    """Loop devices are made by root."""
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
        pytest.skip("needs root and /dev/loop-control for loop devices")


class Loops:
    """Makes loop devices over fresh files, and detaches them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.made: list[str] = []

    def image(self, size: int = 4 * MIB, name: str = "") -> Path:
        """A file of recognisable bytes: nothing in it is zero."""
        path = self._folder / (name or f"image{len(list(self._folder.iterdir()))}")
        path.write_bytes(b"benchwipe" * (size // 9) + b"x" * (size % 9))
        return path

    def attach(self, image: Path | str, *options: str) -> str:
        """The new device's path."""
        command = ["losetup", "--find", "--show", *options, str(image)]
        device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        self.made.append(device)
        return device

    def attach_apart(self, image: Path) -> str:
        """A device whose number nobody else is given once it is free again: `--find` hands out the lowest ones."""
        device = f"/dev/loop{64 + os.getpid() % 64}"
        self._put(device, image)
        self.made.append(device)
        return device

    def replug(self, device: str, image: Path) -> None:
        """Out, and in again under the same number."""
        subprocess.run(["losetup", "-d", device], check=True)
        self._put(device, image)

    def _put(self, device: str, image: Path) -> None:
        subprocess.run(["losetup", device, str(image)], check=True)

    def detach(self, device: str) -> None:
        """Give the loop device back."""
        subprocess.run(["losetup", "-d", device], check=True)
        self.made.remove(device)


@pytest.fixture
def loops(tmp_path: Path) -> Iterator[Loops]:
    needs_root()
    folder = tmp_path / "loops"
    folder.mkdir()
    made = Loops(folder)
    yield made
    for device in reversed(made.made):
        subprocess.run(["losetup", "-d", device], check=False, capture_output=True)
