"""The kernel's answers, held against what Python or the tools say of the same thing."""

from __future__ import annotations

import mmap
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from firmware_bridge import passthrough
from tests.drivers.drives.conftest import MIB, Loops, loops

__all__ = ["loops"]  # the fixture


def blockdev(option: str, device: str) -> int:
    return int(subprocess.run(["blockdev", option, device], check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("sector", ["512", "4096"])
def test_sizes_are_those_that_blockdev_tells(loops: Loops, sector: str) -> None:
    device = loops.attach(loops.image(), "--sector-size", sector)
    fd = os.open(device, os.O_RDONLY)
    found = (
        passthrough.block_size_bytes(fd),
        passthrough.logical_block_bytes(fd),
        passthrough.physical_block_bytes(fd),
        passthrough.is_read_only(fd),
    )
    os.close(fd)
    asked = tuple(blockdev(option, device) for option in ("--getsize64", "--getss", "--getpbsz", "--getro"))
    assert found == asked
    assert found[1] == int(sector)


def test_a_read_only_device_says_so(loops: Loops) -> None:
    fd = os.open(loops.attach(loops.image(), "--read-only"), os.O_RDONLY)
    assert passthrough.is_read_only(fd)
    os.close(fd)


def test_the_disk_sequence_is_that_of_sysfs_and_grows(loops: Loops) -> None:
    image = loops.image()
    device = loops.attach_apart(image)
    sequences = []
    for _ in range(2):
        fd = os.open(device, os.O_RDONLY)
        sequences.append(passthrough.disk_sequence(fd))
        assert sequences[-1] == int(Path("/sys/block", Path(device).name, "diskseq").read_text())
        os.close(fd)
        loops.replug(device, image)
    assert sequences[0] < sequences[1]


def test_a_loop_tells_the_file_under_it_and_its_window(loops: Loops) -> None:
    image = loops.image()
    fd = os.open(loops.attach(image, "--offset", "4096", "--sizelimit", str(MIB)), os.O_RDONLY)
    found = passthrough.loop_status(fd)
    os.close(fd)
    assert (found.inode, found.offset, found.size_limit) == (image.stat().st_ino, 4096, MIB)


def test_questions_to_a_file_that_is_no_device_raise(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        for question in (passthrough.block_size_bytes, passthrough.loop_status, passthrough.is_read_only):
            with pytest.raises(OSError, match="ioctl"):
                question(file.fileno())


def test_same_memory_agrees_with_python_on_every_kind_of_buffer() -> None:
    draw = random.Random(7)
    for size in (0, 1, 511, 512, 4097, 70_000):
        a = bytes(draw.randbytes(size))
        for b in (a, bytearray(a), memoryview(a)):
            assert passthrough.same_memory(a, b, size)
        for at in {0, size // 2, size - 1} if size else ():
            b = bytearray(a)
            b[at] ^= 1 << draw.randrange(8)
            assert not passthrough.same_memory(memoryview(a), b, size)
            assert passthrough.same_memory(a, b, at)


def test_same_memory_looks_where_a_slice_begins() -> None:
    memory = mmap.mmap(-1, 8192)
    memory[100:104] = b"abcd"
    assert passthrough.same_memory(memoryview(memory)[100:], b"abcd", 4)
    assert not passthrough.same_memory(memoryview(memory)[99:], b"abcd", 4)


@pytest.mark.parametrize("length", [-1, 4, 1 << 40])
def test_same_memory_never_looks_past_a_buffer(length: int) -> None:
    with pytest.raises(ValueError, match="bytes of buffers"):
        passthrough.same_memory(b"abc", b"abcd", length)


def test_same_memory_keeps_no_reference_and_lets_a_mapping_close() -> None:
    memory, other = mmap.mmap(-1, 4096), bytes(4096)
    before = sys.getrefcount(other)
    assert all(passthrough.same_memory(memory, other, 4096) for _ in range(100))
    assert sys.getrefcount(other) == before
    memory.close()


def test_cached_pages_are_counted_and_dropped(loops: Loops) -> None:
    fd = os.open(loops.attach(loops.image()), os.O_RDWR)
    passthrough.drop_buffers(fd)
    assert passthrough.cached_pages(fd, MIB, MIB) == 0
    os.pread(fd, MIB, MIB)
    assert passthrough.cached_pages(fd, MIB, MIB) == MIB // mmap.PAGESIZE
    passthrough.drop_buffers(fd)
    assert passthrough.cached_pages(fd, MIB, MIB) == 0
    os.close(fd)


def test_the_clocks_state_is_read_and_nothing_is_set() -> None:
    first, second = passthrough.clock_state(), passthrough.clock_state()
    assert first.synchronised == second.synchronised
    assert first.maximum_error_us >= 0
