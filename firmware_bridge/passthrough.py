"""What talks to the kernel below Python's own library: ioctl(2), and libc through ctypes.

kernel_clock.py and memory.py are the rest.

Thin and typed: each function asks one question, returns plain values, and raises OSError as the kernel reported it.
Structures are laid out by ctypes, so that they are right on 32 and on 64 bits. Numbers are those of the generic
`asm/ioctl.h` (x86, ARM, RISC-V), not those of PowerPC, MIPS and SPARC.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import sys
import time
from fcntl import ioctl

import msgspec

from firmware_bridge.nvme import AdminCommand
from firmware_bridge.reply import NvmeReply, ScsiReply

Buffer = bytes | bytearray | memoryview | mmap.mmap


def _ior(kind: int, number: int, size: int) -> int:
    """`_IOR` of asm-generic/ioctl.h: direction 2 in bits 31:30, size in 29:16."""
    return 2 << 30 | size << 16 | kind << 8 | number


# include/uapi/linux/fs.h
BLKROGET = 0x125E
BLKFLSBUF = 0x1261
BLKSSZGET = 0x1268
BLKPBSZGET = 0x127B
BLKBSZGET = _ior(0x12, 112, ctypes.sizeof(ctypes.c_size_t))
BLKGETSIZE64 = _ior(0x12, 114, ctypes.sizeof(ctypes.c_size_t))
BLKGETDISKSEQ = _ior(0x12, 128, 8)
# include/uapi/linux/loop.h
LOOP_GET_STATUS64 = 0x4C05
LPABORT = 0x0604  # linux/lp.h
LPGETSTATUS = 0x060B
# include/uapi/linux/input.h: _IOW('E', number, int)
EVIOCGRAB = 1 << 30 | 4 << 16 | 0x45 << 8 | 0x90
EVIOCSCLOCKID = 1 << 30 | 4 << 16 | 0x45 << 8 | 0xA0

_libc = ctypes.CDLL(None, use_errno=True)


def block_size_bytes(fd: int) -> int:
    """Ask for the capacity of the block device in bytes (BLKGETSIZE64)."""
    return int.from_bytes(ioctl(fd, BLKGETSIZE64, bytes(8)), sys.byteorder)


def logical_block_bytes(fd: int) -> int:
    """Ask for the smallest unit that the device addresses (BLKSSZGET)."""
    return _int_ioctl(fd, BLKSSZGET)


def physical_block_bytes(fd: int) -> int:
    """Ask for the smallest unit that the device writes without read-modify-write (BLKPBSZGET)."""
    return _int_ioctl(fd, BLKPBSZGET)


def cache_block_bytes(fd: int) -> int:
    """Ask for the unit in which the page cache writes to the device (BLKBSZGET).

    One byte that was changed sends so many.
    """
    return _int_ioctl(fd, BLKBSZGET)


def is_read_only(fd: int) -> bool:
    """Say whether the kernel refuses to write to the device (BLKROGET)."""
    return _int_ioctl(fd, BLKROGET) != 0


def drop_buffers(fd: int) -> None:
    """Write back and forget the device's whole page cache (BLKFLSBUF; needs CAP_SYS_ADMIN)."""
    ioctl(fd, BLKFLSBUF, 0)


def disk_sequence(fd: int) -> int:
    """Ask for a number that no other disk, and no other medium in it, gets until reboot.

    BLKGETDISKSEQ; Linux 5.15.
    """
    return int.from_bytes(ioctl(fd, BLKGETDISKSEQ, bytes(8)), sys.byteorder)


def give_up_at_printer_errors(fd: int) -> None:
    """Let a write to this printer (usblp, lp) end with ENOSPC when its paper is out, and not wait for ever."""
    ioctl(fd, LPABORT, 1)


def printer_port_status(fd: int) -> int:
    """Ask for the byte that a printer of the kernel (usblp, lp) says of its port: LPGETSTATUS.

    A silent one takes 5 s.

    Bit 5 paper empty, 4 selected, 3 no error (USB Printing Devices 1.1, 4.2.2).
    """
    return _int_ioctl(fd, LPGETSTATUS) & 0xFF


def grab_input(fd: int) -> None:
    """Let nobody but this descriptor hear the keyboard from now on (EVIOCGRAB; EBUSY: somebody else has it).

    Its events are stamped with the monotonic clock: a clock that is set must not look like a pause inside a scan.
    """
    ioctl(fd, EVIOCSCLOCKID, struct.pack("@i", time.CLOCK_MONOTONIC))
    ioctl(fd, EVIOCGRAB, 1)


def _int_ioctl(fd: int, request: int) -> int:
    value: int = struct.unpack("@i", ioctl(fd, request, bytes(struct.calcsize("@i"))))[0]
    return value


class _LoopInfo64(ctypes.Structure):
    """struct loop_info64."""

    _fields_ = (
        ("device", ctypes.c_uint64),
        ("inode", ctypes.c_uint64),
        ("rdevice", ctypes.c_uint64),
        ("offset", ctypes.c_uint64),
        ("sizelimit", ctypes.c_uint64),
        ("number", ctypes.c_uint32),
        ("encrypt_type", ctypes.c_uint32),
        ("encrypt_key_size", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("file_name", ctypes.c_char * 64),
        ("crypt_name", ctypes.c_char * 64),
        ("encrypt_key", ctypes.c_uint8 * 32),
        ("init", ctypes.c_uint64 * 2),
    )


class LoopStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What stands under a loop device: a file (device and inode), and the window of it that the loop shows."""

    device: int
    inode: int
    backing_rdevice: int
    offset: int
    size_limit: int
    flags: int


def loop_status(fd: int) -> LoopStatus:
    """Ask for LOOP_GET_STATUS64. Raise ENXIO where nothing is attached, ENOTTY where it is no loop device."""
    raw = _LoopInfo64.from_buffer_copy(ioctl(fd, LOOP_GET_STATUS64, bytes(ctypes.sizeof(_LoopInfo64))))
    return LoopStatus(
        device=raw.device,
        inode=raw.inode,
        backing_rdevice=raw.rdevice,
        offset=raw.offset,
        size_limit=raw.sizelimit,
        flags=raw.flags,
    )


SG_IO = 0x2285  # include/scsi/sg.h
SG_DXFER_NONE, SG_DXFER_TO_DEV, SG_DXFER_FROM_DEV = -1, -2, -3
SENSE_BYTES = 252  # SPC-5, 4.4.1: the most that sense data may have


class _SgIoHdr(ctypes.Structure):
    """struct sg_io_hdr (include/scsi/sg.h): 88 bytes with 64-bit pointers, 64 with 32-bit ones."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("interface_id", "dxfer_direction")),
        *((name, ctypes.c_ubyte) for name in ("cmd_len", "mx_sb_len")),
        ("iovec_count", ctypes.c_ushort),
        ("dxfer_len", ctypes.c_uint),
        *((name, ctypes.c_void_p) for name in ("dxferp", "cmdp", "sbp")),
        *((name, ctypes.c_uint) for name in ("timeout", "flags", "pack_id")),
        ("usr_ptr", ctypes.c_void_p),
        *((name, ctypes.c_ubyte) for name in ("status", "masked_status", "msg_status", "sb_len_wr")),
        *((name, ctypes.c_ushort) for name in ("host_status", "driver_status")),
        ("resid", ctypes.c_int),
        *((name, ctypes.c_uint) for name in ("duration", "info")),
    )


def sg_io(fd: int, cdb: bytes, *, data_in: int = 0, data_out: bytes = b"", timeout_ms: int) -> ScsiReply:
    """Send one SCSI command, once.

    `data_in`: bytes to receive, or `data_out` to send. Waits, without the GIL.

    `timeout_ms` is the kernel's: past it, it aborts the command and may reset the device, which can take much longer
    than the timeout. OSError where the kernel did not send it (EPERM: CAP_SYS_RAWIO; ENOTTY: no SCSI device).
    """
    if data_in and data_out:
        raise ValueError("data go one way only")
    size = data_in or len(data_out)
    command = ctypes.create_string_buffer(cdb, len(cdb))
    sense = ctypes.create_string_buffer(SENSE_BYTES)
    data = ctypes.create_string_buffer(data_out, size) if size else None
    header = _SgIoHdr(
        interface_id=ord("S"),
        dxfer_direction=SG_DXFER_FROM_DEV if data_in else SG_DXFER_TO_DEV if data_out else SG_DXFER_NONE,
        cmd_len=len(cdb),
        mx_sb_len=SENSE_BYTES,
        dxfer_len=size,
        dxferp=ctypes.addressof(data) if data is not None else None,
        cmdp=ctypes.addressof(command),
        sbp=ctypes.addressof(sense),
        timeout=timeout_ms,
    )
    ioctl(fd, SG_IO, header)
    came = max(0, size - max(0, header.resid)) if data_in else 0
    return ScsiReply(
        status=header.status,
        host_status=header.host_status,
        driver_status=header.driver_status,
        sense=sense.raw[: header.sb_len_wr],
        data=data.raw[:came] if data is not None else b"",
        resid=header.resid,
    )


class _NvmePassthruCmd(ctypes.Structure):
    """struct nvme_passthru_cmd (include/uapi/linux/nvme_ioctl.h): 72 bytes everywhere."""

    _fields_ = (
        *((name, ctypes.c_uint8) for name in ("opcode", "flags")),
        ("rsvd1", ctypes.c_uint16),
        *((name, ctypes.c_uint32) for name in ("nsid", "cdw2", "cdw3")),
        *((name, ctypes.c_uint64) for name in ("metadata", "addr")),
        *((name, ctypes.c_uint32) for name in ("metadata_len", "data_len")),
        ("cdw", ctypes.c_uint32 * 6),
        *((name, ctypes.c_uint32) for name in ("timeout_ms", "result")),
    )


NVME_IOCTL_ID = 0x4E40  # _IO('N', 0x40)
NVME_IOCTL_ADMIN_CMD = 0xC0484E41  # _IOWR('N', 0x41, struct nvme_admin_cmd)


def nvme_namespace(fd: int) -> int:
    """Ask for the namespace's number behind the block device (NVME_IOCTL_ID)."""
    return ioctl(fd, NVME_IOCTL_ID)


def nvme_admin(fd: int, command: AdminCommand, *, timeout_ms: int) -> NvmeReply:
    """Send one admin command, once.

    Raise OSError where the kernel did not send it (EACCES: CAP_SYS_ADMIN before Linux 6.2).
    """
    data = ctypes.create_string_buffer(command.data_in) if command.data_in else None
    request = _NvmePassthruCmd(
        opcode=command.opcode,
        nsid=command.nsid,
        addr=ctypes.addressof(data) if data is not None else 0,
        data_len=command.data_in,
        cdw=(command.cdw10, command.cdw11),
        timeout_ms=timeout_ms,
    )
    status = ioctl(fd, NVME_IOCTL_ADMIN_CMD, request)
    return NvmeReply(status=status, result=request.result, data=data.raw if data is not None and not status else b"")


class _PyBuffer(ctypes.Structure):
    """Py_buffer, part of the stable ABI since Python 3.11."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = (ctypes.py_object, ctypes.POINTER(_PyBuffer), ctypes.c_int)
_get_buffer.restype = ctypes.c_int
_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.argtypes = (ctypes.POINTER(_PyBuffer),)
_release_buffer.restype = None

_memcmp = _libc.memcmp
_memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_memcmp.restype = ctypes.c_int


def address_of(buffer: Buffer) -> int:
    """Find where the buffer begins in memory: O_DIRECT asks for aligned ones."""
    view = _PyBuffer()
    _get_buffer(buffer, ctypes.byref(view), 0)
    try:
        return int(view.buf or 0)
    finally:
        _release_buffer(ctypes.byref(view))


def same_memory(a: Buffer, b: Buffer, length: int) -> bool:
    """Compare the first `length` bytes of both by memcmp. Copies nothing, releases the GIL meanwhile.

    Raise ValueError where a buffer is shorter than `length`.
    """
    # No context manager for what holds the buffers in place: with two of them a call took twice as long (4.5 us).
    first, second = _PyBuffer(), _PyBuffer()
    _get_buffer(a, ctypes.byref(first), 0)
    try:
        _get_buffer(b, ctypes.byref(second), 0)
        try:
            if not 0 <= length <= min(first.len, second.len):
                raise ValueError(f"{length} bytes of buffers of {first.len} and {second.len} bytes")
            return length == 0 or _memcmp(first.buf, second.buf, length) == 0
        finally:
            _release_buffer(ctypes.byref(second))
    finally:
        _release_buffer(ctypes.byref(first))


_mincore = _libc.mincore
_mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
_mincore.restype = ctypes.c_int


def cached_pages(fd: int, offset: int, length: int) -> int:
    """Count the pages of this range of the file or device that lie in the page cache (mincore(2)).

    The kernel tells the truth only to somebody who may write to it, and says "all" to others. `offset` is a multiple
    of the page size.
    """
    pages = (length + mmap.PAGESIZE - 1) // mmap.PAGESIZE
    found = ctypes.create_string_buffer(pages)
    window = mmap.mmap(fd, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset)
    with window:
        start = address_of(window)
        if _mincore(start, length, found) != 0:
            raise _os_error()
    return sum(byte & 1 for byte in found.raw)


SYNC_FILE_RANGE_WAITED = 7  # include/uapi/linux/fs.h: wait before, write, wait after


def write_back(fd: int, offset: int = 0, length: int = 0) -> None:
    """Send what the page cache alone holds of this range, and wait for it (sync_file_range(2)); 0 bytes: to the end.

    OSError where that failed. The device's own cache is not flushed.
    """
    place = ctypes.c_int64(offset), ctypes.c_int64(length)
    if _libc.sync_file_range(ctypes.c_int(fd), *place, ctypes.c_uint(SYNC_FILE_RANGE_WAITED)) != 0:
        raise _os_error()


def _os_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


class _Statx(ctypes.Structure):
    """struct statx up to the alignment fields (include/uapi/linux/stat.h); 256 bytes."""

    _fields_ = (
        ("mask", ctypes.c_uint32),
        ("before", ctypes.c_uint8 * 148),
        ("dio_mem_align", ctypes.c_uint32),
        ("dio_offset_align", ctypes.c_uint32),
        ("after", ctypes.c_uint8 * 96),
    )


AT_EMPTY_PATH = 0x1000
STATX_DIOALIGN = 0x2000


def direct_alignment(fd: int) -> tuple[int, int] | None:
    """Ask for the (memory, offset) alignment in bytes that O_DIRECT asks for.

    None where the kernel (< 6.1) does not say.
    """
    statx = getattr(_libc, "statx", None)
    if statx is None:
        return None
    found = _Statx()
    asked = statx(ctypes.c_int(fd), b"", AT_EMPTY_PATH, STATX_DIOALIGN, ctypes.byref(found))
    if asked != 0 or not found.mask & STATX_DIOALIGN or not found.dio_offset_align:
        return None
    return found.dio_mem_align, found.dio_offset_align
