"""The kernel's answers, held against what Python or the tools say of the same thing."""

from __future__ import annotations

import ctypes
import mmap
import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from firmware_bridge import kernel_clock, nvme, passthrough, scsi
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
    first, second = kernel_clock.clock_state(), kernel_clock.clock_state()
    assert first.synchronised == second.synchronised
    assert first.maximum_error_us >= 0


def offsets(structure: type[ctypes.Structure], *names: str) -> list[int]:
    return [getattr(structure, name).offset for name in names]


def test_structures_lie_as_the_kernels_headers_say() -> None:
    """include/scsi/sg.h and include/uapi/linux/nvme_ioctl.h; with 32-bit pointers the first has 64 bytes."""
    wide = struct.calcsize("P") == 8
    names = ("dxferp", "cmdp", "sbp", "timeout", "status", "sb_len_wr", "host_status", "driver_status", "resid")
    layout = [16, 24, 32, 40, 64, 67, 68, 70, 72] if wide else [16, 20, 24, 28, 44, 47, 48, 50, 52]
    assert offsets(passthrough._SgIoHdr, *names) == layout
    assert ctypes.sizeof(passthrough._SgIoHdr) == (88 if wide else 64)
    assert offsets(passthrough._NvmePassthruCmd, "nsid", "addr", "data_len", "cdw", "timeout_ms", "result") == [
        *(4, 24, 36, 40, 64, 68)
    ]
    assert ctypes.sizeof(passthrough._NvmePassthruCmd) == 72 == passthrough.NVME_IOCTL_ADMIN_CMD >> 16 & 0x3FFF


def test_a_device_that_takes_no_commands_says_so(loops: Loops) -> None:
    fd = os.open(loops.attach(loops.image()), os.O_RDONLY)
    with pytest.raises(OSError, match=r"Invalid argument|Inappropriate ioctl"):
        passthrough.sg_io(fd, scsi.inquiry(), data_in=96, timeout_ms=1000)
    with pytest.raises(OSError, match=r"Invalid argument|Inappropriate ioctl"):
        passthrough.nvme_namespace(fd)
    with pytest.raises(OSError, match=r"Invalid argument|Inappropriate ioctl"):
        passthrough.nvme_admin(fd, nvme.identify_controller(), timeout_ms=1000)
    os.close(fd)


def test_what_the_kernel_is_given_is_the_command_and_what_it_leaves_is_the_reply(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[object] = []

    def kernel(fd: int, request: int, header: passthrough._SgIoHdr) -> int:
        seen.append((fd, request, ctypes.string_at(header.cmdp, header.cmd_len).hex(), header.dxfer_direction))
        ctypes.memmove(header.dxferp, b"answer", 6)
        ctypes.memmove(header.sbp, b"\x70sense", 6)
        header.status, header.sb_len_wr, header.host_status, header.resid = 2, 6, 0, header.dxfer_len - 6
        return 0

    monkeypatch.setattr(passthrough, "ioctl", kernel)
    found = passthrough.sg_io(7, scsi.inquiry(), data_in=96, timeout_ms=1000)
    assert (found.status, found.sense, found.data, found.resid) == (2, b"\x70sense", b"answer", 90)
    assert passthrough.sg_io(7, b"\x48" + bytes(9), data_out=bytes(8), timeout_ms=1000).data == b""
    assert seen == [(7, 0x2285, "120000006000", -3), (7, 0x2285, "48" + "00" * 9, -2)]
    with pytest.raises(ValueError, match="one way"):
        passthrough.sg_io(7, b"", data_in=1, data_out=b"x", timeout_ms=1)


def test_an_nvme_command_that_failed_brings_a_status_and_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def kernel(fd: int, request: int, command: passthrough._NvmePassthruCmd) -> int:
        assert (fd, request, command.opcode, command.cdw[0]) == (7, 0xC0484E41, 6, 1)
        ctypes.memmove(command.addr, b"id", 2)
        return status

    monkeypatch.setattr(passthrough, "ioctl", kernel)
    status = 0
    assert passthrough.nvme_admin(7, nvme.identify_controller(), timeout_ms=1000).data[:3] == b"id\0"
    status = 0x4002
    failed = passthrough.nvme_admin(7, nvme.identify_controller(), timeout_ms=1000)
    assert (failed.good, failed.status, failed.data) == (False, 0x4002, b"")
