"""SCSI commands and what comes back (SPC-5, SBC-4). Pure. Only `sanitize` changes a drive."""

from __future__ import annotations

from typing import Literal

import msgspec

from firmware_bridge.reply import CHECK_CONDITION, ScsiReply, Unreadable

NOT_READY = 0x02
UNIT_ATTENTION = 0x06
RECOVERED_ERROR = 0x01
SANITIZE_ACTIONS = {"overwrite": 0x01, "block": 0x02, "crypto": 0x03, "exit-failure": 0x1F}  # SBC-4, table 97
SanitizeAction = Literal["overwrite", "block", "crypto", "exit-failure"]
SANITIZE = 0x48
ATA_VENDOR = "ATA"  # SAT-4, 9.2.2: what stands as vendor where an ATA drive is translated


# --- sense data ----------------------------------------------------------------------------------------------


class Sense(msgspec.Struct, frozen=True, kw_only=True):
    """Sense data (SPC-5, 4.4). `progress`: of 65536, where the drive says how far a background work is."""

    key: int
    asc: int
    ascq: int
    deferred: bool
    progress: int | None = None


def parse_sense(raw: bytes) -> Sense | Unreadable:
    """Parse descriptor format (72h, 73h) and fixed format (70h, 71h)."""
    code = raw[0] & 0x7F if raw else 0
    if code in (0x72, 0x73) and len(raw) >= 8:
        progress = _descriptor_progress(raw)
        return Sense(key=raw[1] & 0xF, asc=raw[2], ascq=raw[3], deferred=code == 0x73, progress=progress)
    if code in (0x70, 0x71) and len(raw) >= 8:
        asc, ascq = (raw[12], raw[13]) if min(len(raw), 8 + raw[7]) >= 14 else (0, 0)
        return Sense(key=raw[2] & 0xF, asc=asc, ascq=ascq, deferred=code == 0x71, progress=_fixed_progress(raw))
    return Unreadable("no sense data" if not raw else "sense data of an unknown format", raw)


def _fixed_progress(raw: bytes) -> int | None:
    """Sense-key specific field, bytes 15 to 17, where its first bit (SKSV) is set and the key means progress."""
    if len(raw) < 18 or raw[7] < 10 or not raw[15] & 0x80 or raw[2] & 0xF not in (0x0, 0x2):
        return None
    return int.from_bytes(raw[16:18], "big")


def _descriptor_progress(raw: bytes) -> int | None:
    """Sense-key specific (02h) or another progress indication (0Ah) descriptor."""
    at, end = 8, min(8 + raw[7], len(raw))
    while at + 8 <= end:
        kind, size = raw[at], raw[at + 1]
        if kind == 0x02 and size == 6 and raw[at + 4] & 0x80 and raw[1] & 0xF in (0x0, 0x2):
            return int.from_bytes(raw[at + 5 : at + 7], "big")
        if kind == 0x0A and size == 6:
            return int.from_bytes(raw[at + 6 : at + 8], "big")
        at += 2 + size
    return None


def sense_of(reply: ScsiReply) -> Sense | Unreadable | None:
    """Parse the sense data of a reply with CHECK CONDITION. None where it ended otherwise."""
    return parse_sense(reply.sense) if reply.status == CHECK_CONDITION else None


def request_sense(length: int = 252) -> bytes:
    """Build REQUEST SENSE (SPC-5, 6.39) in descriptor format."""
    return bytes([0x03, 0x01, 0, 0, length, 0])


# --- INQUIRY -------------------------------------------------------------------------------------------------


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """Standard INQUIRY data (SPC-5, 6.7.2). `device_type` 0 is a disk."""

    device_type: int
    connected: bool
    removable: bool
    version: int
    vendor: str
    product: str
    revision: str


def inquiry(length: int = 96) -> bytes:
    """Build a standard INQUIRY."""
    return bytes([0x12, 0, 0, *length.to_bytes(2, "big"), 0])


def inquiry_page(page: int, length: int = 252) -> bytes:
    """Build an INQUIRY for a vital product data page."""
    return bytes([0x12, 1, page, *length.to_bytes(2, "big"), 0])


def parse_inquiry(data: bytes) -> Inquiry | Unreadable:
    """Parse standard INQUIRY data, 36 bytes at least."""
    if len(data) < 36:
        return Unreadable(f"INQUIRY of {len(data)} bytes", data)
    return Inquiry(
        device_type=data[0] & 0x1F,
        connected=data[0] >> 5 == 0,
        removable=bool(data[1] & 0x80),
        version=data[2],
        vendor=text(data[8:16]),
        product=text(data[16:32]),
        revision=text(data[32:36]),
    )


def text(raw: bytes) -> str:
    """Keep the printable part without surrounding blanks."""
    return "".join(chr(b) for b in raw if 0x20 <= b < 0x7F).strip()


def page_of(data: bytes, page: int) -> bytes | Unreadable:
    """Read what stands in a vital product data page.

    Some targets answer with standard INQUIRY data, or another page.
    """
    if len(data) < 4 or data[1] != page:
        return Unreadable(f"no VPD page {page:02X}h", data)
    size = int.from_bytes(data[2:4], "big")
    if len(data) < 4 + size:
        return Unreadable(f"VPD page {page:02X}h is cut off", data)
    return data[4 : 4 + size]


def parse_rotation(data: bytes) -> int | Unreadable:
    """Parse VPD page B1h (SBC-4, 6.6.2): rotations a minute, 1 where nothing turns, 0 where it does not say."""
    body = page_of(data, 0xB1)
    if isinstance(body, bytes):
        return int.from_bytes(body[:2], "big") if len(body) >= 2 else Unreadable("VPD page B1h is too short", data)
    return body


# --- capacity and capabilities -------------------------------------------------------------------------------


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """READ CAPACITY(16) (SBC-4, 5.20)."""

    blocks: int
    logical_block_bytes: int
    physical_block_bytes: int
    protection: bool

    @property
    def bytes(self) -> int:
        """What the logical unit shows."""
        return self.blocks * self.logical_block_bytes


def read_capacity_16(length: int = 32) -> bytes:
    """Build READ CAPACITY(16), SBC-4, 5.20."""
    return bytes([0x9E, 0x10, *bytes(8), *length.to_bytes(4, "big"), 0, 0])


def parse_capacity_16(data: bytes) -> Capacity | Unreadable:
    """Parse the 32 bytes.

    Unreadable where the block size is none, or the last block is "more than I can say".
    """
    if len(data) < 32:
        return Unreadable(f"READ CAPACITY(16) of {len(data)} bytes", data)
    last, block = int.from_bytes(data[:8], "big"), int.from_bytes(data[8:12], "big")
    if last >= (1 << 64) - 1 or not 256 <= block <= 1 << 16:
        return Unreadable("READ CAPACITY(16) tells no size", data)
    return Capacity(
        blocks=last + 1,
        logical_block_bytes=block,
        physical_block_bytes=block << (data[13] & 0xF),
        protection=bool(data[12] & 1),
    )


def report_supported(opcode: int, action: int) -> bytes:
    """Build REPORT SUPPORTED OPERATION CODES (SPC-5, 6.34) for one operation code and service action."""
    return bytes([0xA3, 0x0C, 0x02, opcode, *action.to_bytes(2, "big"), *(64).to_bytes(4, "big"), 0, 0])


def parse_supported(data: bytes) -> bool | Unreadable:
    """Say whether that command is there.

    SUPPORT 3 (as the standard says) or 5 (in a vendor's way, which is no yes).
    """
    if len(data) < 4 or data[1] & 7 not in (1, 3, 5):
        return Unreadable("REPORT SUPPORTED OPERATION CODES says nothing of it", data)
    return data[1] & 7 == 3


# --- commands that erase -------------------------------------------------------------------------------------


def sanitize(action: SanitizeAction, *, immediate: bool = True, exit_allowed: bool = False, listed: int = 0) -> bytes:
    """Build SANITIZE (SBC-4, 5.30), which destroys everything.

    `listed`: length of the parameter list, for overwrite only.
    """
    flags = immediate << 7 | exit_allowed << 5
    return bytes([SANITIZE, flags | SANITIZE_ACTIONS[action], 0, 0, 0, 0, 0, *listed.to_bytes(2, "big"), 0])


def overwrite_list(pattern: bytes, *, passes: int = 1, invert: bool = False) -> bytes:
    """Build the parameter list of SANITIZE OVERWRITE (SBC-4, 5.30.2.2).

    1 to 31 passes of a repeated pattern.
    """
    if not 1 <= passes <= 31 or not 0 < len(pattern) < 1 << 16:
        raise ValueError(f"{passes} passes of a pattern of {len(pattern)} bytes")
    return bytes([invert << 7 | passes, 0, *len(pattern).to_bytes(2, "big")]) + pattern
