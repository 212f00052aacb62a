"""A real loop device over the misbehaving file system, with its medium in sight, and always taken down again."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.faults.fuse import Rules
from tests.leftovers import FOLDERS

SECRET = b"Kundedata 0815! "


def missing() -> str | None:
    """What this machine lacks for the rig; None if nothing."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "needs /dev/fuse"
    if not Path("/dev/loop-control").exists():
        return "needs loop devices"
    absent = [name for name in ("losetup", "mount", "umount", "addpart", "delpart") if shutil.which(name) is None]
    return f"needs {', '.join(absent)}" if absent else None


class Rig:
    """`device` is the loop device; `medium` the file that stands for the platter."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=FOLDERS, dir=shared)))
            self.medium = self.folder / "medium"
            self.fill_with_secrets()
            self._server = stack.enter_context(serve(self.folder, self.medium))
            self.device = stack.enter_context(_loop(self.folder / "mount" / "drive"))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def fill_with_secrets(self) -> None:
        """The medium as it comes in: every byte is somebody's."""
        self.medium.write_bytes((SECRET * (self.size // len(SECRET) + 1))[: self.size])

    def set(self, rules: Rules) -> None:
        """From now on these faults."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(asdict(rules)) + "\n")
        self._server.stdin.flush()
        assert self._server.stdout.readline() == "set\n"

    def kill(self) -> None:
        """The drive is dead: every request fails from now on."""
        self._server.kill()

    def shrink(self, size: int) -> None:
        """The device has only `size` bytes from now on."""
        self.set(Rules(size=size))
        (self.folder / "mount" / "drive").stat()
        subprocess.run(["losetup", "--set-capacity", self.device], check=True)

    def written(self) -> int:
        """Bytes written to the device since it was made, as its kernel says."""
        return 512 * int(Path(f"/sys/class/block/{Path(self.device).name}/stat").read_text().split()[6])

    def write_as_another(self, data: bytes, offset: int, *, device: str = "") -> None:
        """A program that asks for no exclusive use, as a virtual machine does, writes and flushes."""
        fd = os.open(device or self.device, os.O_WRONLY)
        try:
            os.pwrite(fd, data, offset)
            os.fsync(fd)
        finally:
            os.close(fd)

    def add_partition(self, start: int, size: int) -> str:
        """The path of a partition that the kernel is told of; the medium has no table."""
        subprocess.run(["addpart", self.device, "1", str(start // 512), str(size // 512)], check=True)
        name = f"{Path(self.device).name}p1"
        major, minor = Path(f"/sys/class/block/{name}/dev").read_text().split(":")
        node = self.folder / name
        os.mknod(node, 0o600 | stat.S_IFBLK, os.makedev(int(major), int(minor)))
        self._stack.callback(subprocess.run, ["delpart", self.device, "1"], check=False)
        return str(node)

    def image(self) -> bytes:
        """What is really on the medium."""
        return self.medium.read_bytes()


@contextmanager
def serve(folder: Path, medium: Path, threads: int = 4) -> Iterator[subprocess.Popen[str]]:
    """The file system at `folder`/mount: its file `drive` is the medium."""
    mount = folder / "mount"
    mount.mkdir()
    command = [sys.executable, "-m", "tests.faults.fuse", str(mount), str(medium), str(threads)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
            subprocess.run(["umount", "-l", str(mount)], check=False, stderr=subprocess.DEVNULL)


@contextmanager
def _loop(path: Path) -> Iterator[str]:
    command = ["losetup", "--find", "--show", "--direct-io=on", str(path)]
    device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    # Whoever had this number before may have left its count of writes switched off.
    Path(f"/sys/class/block/{Path(device).name}/queue/iostats").write_text("1")
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=False, stderr=subprocess.DEVNULL)
