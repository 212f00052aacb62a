"""A tree of /sys and /proc in a folder, shaped as kernels make them for hardware that is not here."""

from __future__ import annotations

import os
from pathlib import Path

ROOT_MOUNT = "22 1 8:1 / / rw - ext4 /dev/sda1 rw"


class Machine:
    """Devices are plain folders; `/dev` has no nodes, as in a sandboxed service."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for place in ("sys/block", "sys/dev/block", "proc/self", "run/udev/data"):
            (root / place).mkdir(parents=True)
        self.mounts(ROOT_MOUNT)

    def write(self, path: Path | str, content: str | bytes) -> None:
        """An attribute."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else f"{content}\n".encode())

    def disk(self, name: str, number: str, where: str = "", *, sectors: int = 2048, **more: str | bytes) -> Path:
        """A whole disk below /sys/devices/<where>; `more` are attributes, with `__` for a slash."""
        folder = self.root / "sys/devices" / (where or "virtual") / "block" / name
        attributes: dict[str, str | bytes] = {"dev": number, "size": str(sectors), "ro": "0", "removable": "0"}
        attributes |= {"queue__logical_block_size": "512", "queue__rotational": "1", "diskseq": "7"} | more
        for key, value in attributes.items():
            self.write(folder / key.replace("__", "/"), value)
        self._link("sys/block", name, folder)
        self._link("sys/dev/block", number, folder)
        return folder

    def part(self, disk: Path, name: str, number: str) -> Path:
        """A partition."""
        folder = disk / name
        for key, value in {"dev": number, "size": "1024", "ro": "0", "partition": name[-1]}.items():
            self.write(folder / key, value)
        self._link("sys/dev/block", number, folder)
        return folder

    def stack(self, upper: Path, *lower: Path) -> None:
        """`upper` holds each of `lower`, as dm and md record it."""
        for device in lower:
            self._link(str((device / "holders").relative_to(self.root)), upper.name, upper)
            self._link(str((upper / "slaves").relative_to(self.root)), device.name, device)

    def mounts(self, *lines: str) -> None:
        """The whole of /proc/self/mountinfo."""
        self.write("proc/self/mountinfo", "\n".join(lines))

    def swaps(self, *names: str) -> None:
        """The whole of /proc/swaps."""
        self.write("proc/swaps", "\n".join(["Filename Type Size", *(f"{n} partition 100 0 -2" for n in names)]))

    def _link(self, folder: str, name: str, to: Path) -> None:
        place = self.root / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / name).symlink_to(os.path.relpath(to, place))
