"""Bytes that came from real drives (tests/samples/firmware), and makers of replies shaped as the standards say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "firmware"


def capture(name: str) -> bytes:
    """The bytes of a sample; lines that begin with # say where it comes from."""
    lines = (SAMPLES / f"{name}.hex").read_text(encoding="ascii").splitlines()
    return bytes.fromhex(" ".join(line for line in lines if not line.startswith("#")))


def swapped(text: str, size: int) -> bytes:
    """An ATA string: blank-padded, the bytes of each word exchanged."""
    raw = text.ljust(size).encode()
    return b"".join(raw[i : i + 2][::-1] for i in range(0, size, 2))


def with_checksum(data: bytes) -> bytes:
    """Word 255 as ATA asks for it."""
    head = data[:510] + b"\xa5"
    return head + bytes([-sum(head) & 0xFF])


def identify(
    *,
    model: str = "BENCH SSD 1",
    serial: str = "S4X-0042",
    sectors: int = 1_953_525_168,
    more: Mapping[int, int] = MappingProxyType({}),
    **words: int,
) -> bytes:
    """IDENTIFY DEVICE of a present drive; `words` are w59=..., put in last, as `more` are by number."""
    data = bytearray(512)
    data[20:40], data[46:54], data[54:94] = swapped(serial, 20), swapped("FW01", 8), swapped(model, 40)
    known = {60: min(sectors, 0x0FFFFFFF) & 0xFFFF, 61: min(sectors, 0x0FFFFFFF) >> 16, 83: 0x4400, 84: 0x4000}
    known |= {86: 0x0400, 87: 0x4000, 108: 0x5000, 109: 0xC500, 110: 0xA1B2, 111: 0xC3D4, 217: 1}
    known |= (
        {100 + i: sectors >> 16 * i & 0xFFFF for i in range(4)} | {int(k[1:]): v for k, v in words.items()} | dict(more)
    )
    for word, value in known.items():
        data[2 * word : 2 * word + 2] = value.to_bytes(2, "little")
    return with_checksum(bytes(data))


def dco(sectors: int) -> bytes:
    """DEVICE CONFIGURATION IDENTIFY of a drive that was made with so many sectors."""
    return with_checksum(b"\x02\x00\x07\x00\x7f\x00" + (sectors - 1).to_bytes(8, "little") + bytes(498))


def returned(
    *, lba: int = 0, count: int = 0, status: int = 0x50, error: int = 0, device: int = 0x40, extend: bool = True
) -> bytes:
    """Sense data with the ATA Status Return descriptor, as libata makes them for CK_COND."""
    b = lba.to_bytes(6, "little")
    registers = [error, count >> 8, count & 0xFF, b[3], b[0], b[4], b[1], b[5], b[2], device, status]
    return bytes([0x72, 0x01, 0x00, 0x1D, 0, 0, 0, 14, 0x09, 0x0C, int(extend), *registers])


def controller(*, serial: str = "S5GXNF0R", **fields: tuple[int, int, int]) -> bytes:
    """Identify Controller; each of `fields` is (offset, size, value)."""
    data = bytearray(4096)
    data[4:24], data[24:64], data[64:72] = serial.ljust(20).encode(), b"BENCH NVME".ljust(40), b"1.0".ljust(8)
    for at, size, value in fields.values():
        data[at : at + size] = value.to_bytes(size, "little")
    return bytes(data)


def namespace(blocks: int, *, exponent: int = 9, flbas: int = 0, dps: int = 0, formats: int = 1) -> bytes:
    """Identify Namespace whose current format has blocks of 2^exponent bytes."""
    data = bytearray(4096)
    data[0:8], data[25], data[26], data[29] = blocks.to_bytes(8, "little"), formats - 1, flbas, dps
    index = flbas & 0xF | (flbas >> 1 & 0x30 if formats > 16 else 0)
    data[128 + 4 * index + 2] = exponent
    return bytes(data)
