"""Two files of one inode number on a FUSE file system: loop devices over them say that they are the same drive.

Run as `python -m tests.faults.twins FOLDER MEDIUM MEDIUM`, until standard input ends.
"""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.faults.fuse import ATTR, ENTRY, FILE, LOOKUP, MAX_WRITE, READ, READ_IN, WRITE, Server

NAMES = (b"one", b"two")


class Twins(Server):
    """Node 2 is the file `one`, node 3 is `two`; both show the inode number 2."""

    def __init__(self, device: int, media: tuple[mmap.mmap, ...]) -> None:
        super().__init__(device, media[0])
        self._media = media

    def _answer(self, opcode: int, node: int, body: memoryview) -> bytes:
        if opcode == LOOKUP and (name := bytes(body).rstrip(b"\0")) in NAMES:
            node = FILE + NAMES.index(name)
            return ENTRY.pack(node, 1, 0, 0, 0, 0) + self._attributes(node)
        if opcode in (READ, WRITE):
            medium, (offset, size) = self._media[node - FILE], self._range(body)
            if opcode == READ:
                return medium[offset : offset + size]
            medium[offset : offset + size] = bytes(body[READ_IN.size :][:size])
            return struct.pack("<II", size, 0)
        return super()._answer(opcode, node, body)

    def _attributes(self, node: int) -> bytes:
        size = len(self._media[0]) if node >= FILE else 0
        mode = 0o100600 if node >= FILE else 0o040700
        return ATTR.pack(min(node, FILE), size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


@contextmanager
def twins(folder: Path, media: tuple[Path, Path]) -> Iterator[tuple[str, str]]:
    """Two loop devices over these media, of one identity."""
    mount = folder / "twins"
    mount.mkdir()
    with ExitStack() as stack:
        stack.callback(subprocess.run, ["umount", "-l", str(mount)], check=False, stderr=subprocess.DEVNULL)
        command = [sys.executable, "-m", "tests.faults.twins", str(mount), *map(str, media)]
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        )
        stack.callback(_end, server)
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        devices = []
        for name in NAMES:
            attach = ["losetup", "--find", "--show", "--direct-io=on", str(mount / name.decode())]
            device = subprocess.run(attach, check=True, capture_output=True, text=True).stdout.strip()
            stack.callback(subprocess.run, ["losetup", "--detach", device], check=False, stderr=subprocess.DEVNULL)
            devices.append(device)
        yield devices[0], devices[1]


def _end(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    server.stdin.close()
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()


def main(folder: str, *media: str) -> None:
    """Mount at `folder`, serve until standard input ends, unmount."""
    maps = []
    for medium in media:
        with Path(medium).open("r+b") as file:
            maps.append(mmap.mmap(file.fileno(), 0))
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other,max_read={MAX_WRITE}"
    mount = ["mount", "-i", "-t", "fuse", "-o", options, "benchwipe-twins", folder]
    subprocess.run(mount, check=True, pass_fds=[device])
    server = Twins(device, tuple(maps))
    for _ in range(4):
        threading.Thread(target=server.serve, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    subprocess.run(["umount", "-l", folder], check=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
