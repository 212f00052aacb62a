"""What a simulated drive's firmware answers, in the bytes that real drives use: so the same parsers read both. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.drives.drive import Drive
from firmware_bridge.reply import CHECK_CONDITION, ScsiReply

SANITIZE_BITS = {"crypto": 13, "overwrite": 14, "block": 15}  # IDENTIFY DEVICE word 59
SANICAP_BITS = {"crypto": 0, "block": 1, "overwrite": 2}
READY = 0x50  # ATA STATUS: DRDY and DSC


def identify(
    drive: Drive, *, sanitize: Iterable[str], security: int | None, minutes: int, hides: Iterable[str] = ()
) -> bytes:
    """Build 512 bytes of IDENTIFY DEVICE with a good checksum. `security`: word 128, None without the feature set."""
    words = [0] * 256
    sectors = drive.capacity_bytes // drive.logical_block_bytes
    for first, text, size in ((10, drive.serial, 20), (23, drive.firmware, 8), (27, drive.model, 40)):
        raw = (text or "").encode("ascii", "replace").ljust(size)[:size]
        words[first : first + size // 2] = [raw[i] << 8 | raw[i + 1] for i in range(0, size, 2)]
    kinds = tuple(sanitize)
    words[59] = sum(1 << SANITIZE_BITS[kind] for kind in kinds) | (bool(kinds) << 12)
    words[60:62] = [min(sectors, 0x0FFFFFFF) & 0xFFFF, min(sectors, 0x0FFFFFFF) >> 16]
    features = set(hides)
    words[82] = words[85] = ("hpa" in features) << 10
    words[83] = words[86] = 0x4000 | 1 << 10 | ("dco" in features) << 11
    words[86] |= 1 << 15  # words 119 and 120 are there
    words[84] = words[87] = 0x4000
    words[119] = 0x4000 | ("amac" in features) << 8
    if security is not None:
        words[82] |= 2
        words[85] |= bool(security & 2) << 1
        words[89] = words[90] = min(minutes // 2, 0xFF)
        words[128] = security
    words[100:104] = [sectors >> 16 * place & 0xFFFF for place in range(4)]
    if drive.logical_block_bytes > 512:
        words[106] = 0x5000
        words[117:119] = [drive.logical_block_bytes // 2 & 0xFFFF, drive.logical_block_bytes // 2 >> 16]
    words[217] = 1 if drive.media in ("ssd", "nvme") else 7200
    words[255] = 0xA5
    body = bytearray(b"".join(word.to_bytes(2, "little") for word in words))
    body[511] = -sum(body) & 0xFF
    return bytes(body)


def dco(last: int) -> bytes:
    """Build 512 bytes of DEVICE CONFIGURATION IDENTIFY with a good checksum.

    `last`: the last sector that the drive has.
    """
    body = bytearray(512)
    body[0:2] = (2).to_bytes(2, "little")
    body[6:14] = last.to_bytes(8, "little")
    body[510] = 0xA5
    body[511] = -sum(body) & 0xFF
    return bytes(body)


def registers(*, error: int = 0, count: int = 0, lba: int = 0, failed: bool = False) -> ScsiReply:
    """Build a command's end with its registers in the ATA Status Return descriptor (SAT-4, 12.2.2.6)."""
    d = lba.to_bytes(6, "little")
    status = READY | failed
    descriptor = [0x09, 0x0C, 1, error, count >> 8, count & 0xFF, d[3], d[0], d[4], d[1], d[5], d[2], 0x40, status]
    key = 0x0B if failed else 0x01
    return check(bytes([0x72, key, 0, 0 if failed else 0x1D, 0, 0, 0, 14, *descriptor]))


def zero_registers() -> ScsiReply:
    """Answer as some bridges do: with a descriptor that nobody filled."""
    return check(bytes([0x72, 0x01, 0, 0x1D, 0, 0, 0, 14, 0x09, 0x0C, 1, *bytes(11)]))


def fixed_sense(key: int, asc: int = 0, ascq: int = 0, progress: int | None = None) -> bytes:
    """Build fixed-format sense data, with a progress indication where there is one."""
    tail = bytes([0x80, *progress.to_bytes(2, "big")]) if progress is not None else bytes(3)
    return bytes([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq, 0]) + tail


def check(sense: bytes) -> ScsiReply:
    """Build a CHECK CONDITION reply."""
    return ScsiReply(status=CHECK_CONDITION, host_status=0, driver_status=8, sense=sense)


def good(data: bytes = b"") -> ScsiReply:
    """Build a GOOD reply."""
    return ScsiReply(status=0, host_status=0, driver_status=0, data=data)


def controller(drive: Drive, *, sanitize: Iterable[str], format_nvm: bool, crypto: bool) -> bytes:
    """Build 4096 bytes of Identify Controller."""
    page = bytearray(4096)
    for at, text, size in ((4, drive.serial, 20), (24, drive.model, 40), (64, drive.firmware, 8)):
        page[at : at + size] = (text or "").encode("ascii", "replace").ljust(size)[:size]
    page[256] = format_nvm << 1
    page[328] = sum(1 << SANICAP_BITS[kind] for kind in sanitize)
    page[516] = 1
    page[524] = crypto << 2
    return bytes(page)


def namespace(drive: Drive) -> bytes:
    """Build 4096 bytes of Identify Namespace: one format, no metadata."""
    page = bytearray(4096)
    page[0:8] = (drive.capacity_bytes // drive.logical_block_bytes).to_bytes(8, "little")
    page[8:24] = page[0:8] * 2
    page[128 + 2] = drive.logical_block_bytes.bit_length() - 1
    return bytes(page)


def sanitize_log(*, progress: int, status: int, command: int) -> bytes:
    """Build 512 bytes of the sanitize status log. Every estimate is one second."""
    page = bytearray(512)
    page[0:2] = progress.to_bytes(2, "little")
    page[2:4] = (status | (status in (1, 4)) << 8).to_bytes(2, "little")
    page[4:8] = command.to_bytes(4, "little")
    for at in (8, 12, 16):
        page[at : at + 4] = (1).to_bytes(4, "little")
    return bytes(page)
