"""ATA commands and what drives answer (ACS-4; HPA and DCO as in ACS-2, where they were described last). Pure.

A `TaskFile` is a command without its transport: sat.py wraps it for SCSI. Those of `READ_ONLY` change nothing in a
drive; the builders after them erase or lock, and are for whoever has planned that.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from firmware_bridge.reply import Unreadable

SECTOR = 512
ERR, DEVICE_FAULT, DATA_REQUEST, BUSY = 0x01, 0x20, 0x08, 0x80  # STATUS, ACS-4, 6.2

Transfer = Literal["none", "pio-in", "pio-out"]
Sanitize = Literal["block", "crypto", "overwrite"]


class TaskFile(msgspec.Struct, frozen=True, kw_only=True):
    """The registers of a command. `ext`: a 48-bit command. Data are 512 bytes or none."""

    name: str
    command: int
    feature: int = 0
    count: int = 0
    lba: int = 0
    device: int = 0x40
    ext: bool = False
    transfer: Transfer = "none"


class Registers(msgspec.Struct, frozen=True, kw_only=True):
    """The registers as a command left them. COUNT is 16 bits and LBA 48, where the bridge carried all of them."""

    error: int
    count: int
    lba: int
    device: int
    status: int

    @property
    def failed(self) -> bool:
        """Whether the drive says that the command did not complete (error, device fault, still busy)."""
        return bool(self.status & (ERR | DEVICE_FAULT | BUSY))


# ACS-4, 7.13, 7.2 (GET NATIVE MAX ADDRESS EXT); ACS-2, 7.32, 7.33 (READ NATIVE MAX), 7.9.3 (DCO IDENTIFY).
IDENTIFY_DEVICE = TaskFile(name="IDENTIFY DEVICE", command=0xEC, count=1, transfer="pio-in")
READ_NATIVE_MAX = TaskFile(name="READ NATIVE MAX ADDRESS", command=0xF8)
READ_NATIVE_MAX_EXT = TaskFile(name="READ NATIVE MAX ADDRESS EXT", command=0x27, ext=True)
GET_NATIVE_MAX_EXT = TaskFile(name="GET NATIVE MAX ADDRESS EXT", command=0x78, feature=0, ext=True)
DCO_IDENTIFY = TaskFile(name="DEVICE CONFIGURATION IDENTIFY", command=0xB1, feature=0xC2, count=1, transfer="pio-in")
SANITIZE_STATUS = TaskFile(name="SANITIZE STATUS EXT", command=0xB4, ext=True)
READ_ONLY = (IDENTIFY_DEVICE, READ_NATIVE_MAX, READ_NATIVE_MAX_EXT, GET_NATIVE_MAX_EXT, DCO_IDENTIFY, SANITIZE_STATUS)


# --- IDENTIFY DEVICE -----------------------------------------------------------------------------------------


class Security(msgspec.Struct, frozen=True, kw_only=True):
    """The security feature set (ACS-4, 4.18; words 82, 85, 89, 90, 92, 128). Times in minutes, None: not said."""

    enabled: bool
    locked: bool
    frozen: bool
    count_expired: bool
    enhanced: bool
    master_maximum: bool
    master_password_id: int
    erase_minutes: int | None
    enhanced_erase_minutes: int | None


class Identify(msgspec.Struct, frozen=True, kw_only=True):
    """IDENTIFY DEVICE (ACS-4, 7.13.6). `checksum` is "absent" where word 255 carries no signature (before ATA-5)."""

    model: str
    serial: str
    firmware: str
    wwn: int
    rotation: int
    sectors: int
    logical_block_bytes: int
    physical_block_bytes: int
    checksum: Literal["good", "absent"]
    lba48: bool
    security: Security | None
    sanitize: tuple[Sanitize, ...]
    sanitize_antifreeze: bool
    hpa_supported: bool
    hpa_enabled: bool
    hpa_security: bool
    dco: bool
    amac: bool
    trusted_computing: bool

    @property
    def capacity_bytes(self) -> int:
        """What the drive shows now: with an HPA, AMAC or DCO set, less than it has."""
        return self.sectors * self.logical_block_bytes


def checksum_of(data: bytes) -> Literal["good", "bad", "absent"]:
    """Check word 255.

    With the signature A5h the sum of all 512 bytes is 0 (ACS-4, 7.13.6.96; the same in DCO IDENTIFY).
    """
    if data[510] != 0xA5:
        return "absent"
    return "good" if sum(data[:SECTOR]) & 0xFF == 0 else "bad"


def parse_identify(data: bytes) -> Identify | Unreadable:
    """Parse 512 bytes of IDENTIFY DEVICE.

    Unreadable where they are too few, empty, an ATAPI device's, or damaged.
    """
    if len(data) < SECTOR:
        return Unreadable(f"IDENTIFY DEVICE of {len(data)} bytes", data)
    data = data[:SECTOR]
    words = [int.from_bytes(data[i : i + 2], "little") for i in range(0, SECTOR, 2)]
    if len(set(data)) == 1:
        return Unreadable("IDENTIFY DEVICE holds one byte only, repeated", data)
    if words[0] & 0x8000:
        return Unreadable("IDENTIFY DEVICE is not that of an ATA device", data)
    checksum = checksum_of(data)
    if checksum == "bad":
        return Unreadable("IDENTIFY DEVICE has a wrong checksum", data)
    supported = words[82:84] if _valid(words[83]) else [0, 0]
    enabled = words[85:87] if _valid(words[87]) else [0, 0]
    logical, physical = _block_sizes(words)
    return Identify(
        model=text(data[54:94]),
        serial=text(data[20:40]),
        firmware=text(data[46:54]),
        wwn=words[108] << 48 | words[109] << 32 | words[110] << 16 | words[111],
        rotation=words[217],
        sectors=_sectors(words, lba48=bool(supported[1] & 1 << 10)),
        logical_block_bytes=logical,
        physical_block_bytes=physical,
        checksum=checksum,
        lba48=bool(supported[1] & 1 << 10),
        security=_security(words, enabled[0]) if supported[0] & 1 << 1 or words[128] & 1 else None,
        sanitize=_sanitize(words[59]),
        sanitize_antifreeze=bool(words[59] & 1 << 10),
        hpa_supported=bool(supported[0] & 1 << 10),
        hpa_enabled=bool(enabled[0] & 1 << 10),
        hpa_security=bool(supported[1] & 1 << 8),
        dco=bool(supported[1] & enabled[1] & 1 << 11),
        amac=bool(enabled[1] & 1 << 15) and _valid(words[119]) and bool(words[119] & 1 << 8),
        trusted_computing=words[48] & 0xC001 == 0x4001,
    )


def text(words: bytes) -> str:
    """Decode ATA strings: two characters a word, the first in the high byte (ACS-4, 3.4.9)."""
    swapped = b"".join(words[i : i + 2][::-1] for i in range(0, len(words), 2))
    return "".join(chr(b) for b in swapped if 0x20 <= b < 0x7F).strip()


def _valid(word: int) -> bool:
    """Bit 14 set and bit 15 cleared: the word, or the group that it ends, is meant."""
    return word & 0xC000 == 0x4000


def _sectors(words: list[int], *, lba48: bool) -> int:
    """Addressable sectors: words 230-233 (word 69 bit 3), else 100-103 (48-bit), else 60-61."""
    if words[69] & 1 << 3 and (found := _number(words[230:234])):
        return found
    if lba48 and (found := _number(words[100:104])):
        return found
    return _number(words[60:62])


def _number(words: list[int]) -> int:
    return sum(word << 16 * place for place, word in enumerate(words))


def _block_sizes(words: list[int]) -> tuple[int, int]:
    """(logical, physical) sector in bytes: words 106 and 117-118 (ACS-4, 7.13.6.38)."""
    if not _valid(words[106]):
        return SECTOR, SECTOR
    long = words[106] & 1 << 12 and _number(words[117:119]) * 2
    logical = long or SECTOR
    return logical, logical << (words[106] & 0xF) if words[106] & 1 << 13 else logical


def _security(words: list[int], enabled: int) -> Security:
    status = words[128]
    return Security(
        enabled=bool(status & 1 << 1 or enabled & 1 << 1),
        locked=bool(status & 1 << 2),
        frozen=bool(status & 1 << 3),
        count_expired=bool(status & 1 << 4),
        enhanced=bool(status & 1 << 5),
        master_maximum=bool(status & 1 << 8),
        master_password_id=words[92],
        erase_minutes=erase_minutes(words[89]),
        enhanced_erase_minutes=erase_minutes(words[90]),
    )


OPEN_ENDED = 2 * 0xFF  # minutes; the largest value of 8 bits: "more than 508 minutes"


def erase_minutes(word: int) -> int | None:
    """Decode words 89 and 90: units of two minutes in 15 or 8 bits (ACS-4, 7.13.6.33).

    The largest value means "or more".
    """
    value = word & 0x7FFF if word & 0x8000 else word & 0xFF
    return value * 2 or None


def _sanitize(word: int) -> tuple[Sanitize, ...]:
    kinds: tuple[tuple[int, Sanitize], ...] = ((15, "block"), (13, "crypto"), (14, "overwrite"))
    return tuple(kind for bit, kind in kinds if word & 1 << 12 and word & 1 << bit)


# --- hidden areas --------------------------------------------------------------------------------------------


def parse_native_max(task: TaskFile, found: Registers) -> int | Unreadable:
    """Parse how many sectors the drive has.

    READ NATIVE MAX ADDRESS (EXT) or GET NATIVE MAX ADDRESS EXT leave the last LBA.
    """
    if found.failed:
        return Unreadable(f"{task.name}: STATUS {found.status:02X}h, ERROR {found.error:02X}h")
    last = found.lba if task.ext else (found.device & 0x0F) << 24 | found.lba & 0xFFFFFF
    return last + 1 if last else Unreadable(f"{task.name} left no address")


def parse_dco(data: bytes) -> int | Unreadable:
    """Parse how many sectors the drive was made with: DCO IDENTIFY, words 3-6 (ACS-2, 7.9.3).

    Its checksum must stand.
    """
    if len(data) < SECTOR or checksum_of(data) != "good":
        return Unreadable("DEVICE CONFIGURATION IDENTIFY has no good checksum", data)
    last = int.from_bytes(data[6:14], "little")
    if not any(data[:2]) or not last or last >> 48:
        return Unreadable("DEVICE CONFIGURATION IDENTIFY tells no size", data)
    return last + 1


# --- commands that change what a drive shows -----------------------------------------------------------------

DCO_RESTORE = TaskFile(name="DEVICE CONFIGURATION RESTORE", command=0xB1, feature=0xC0)  # ACS-2, 7.9.4
MOST_28, MOST_48 = 1 << 28, 1 << 48
OBSOLETE = 0xA0
"""DEVICE bits 7 and 5: one before ATA-5, where 28-bit addresses are from; as hdparm and libata send them."""


def set_max(sectors: int, *, ext: bool) -> TaskFile:
    """Build SET MAX ADDRESS (EXT), ACS-2, 7.41, non-volatile.

    Only right after READ NATIVE MAX, and once per power-on.
    """
    if not 0 < sectors <= (MOST_48 if ext else MOST_28):
        raise ValueError(f"{sectors} sectors")
    last = sectors - 1
    if ext:
        return TaskFile(name="SET MAX ADDRESS EXT", command=0x37, count=1, lba=last, ext=True)
    return TaskFile(
        name="SET MAX ADDRESS", command=0xF9, count=1, lba=last & 0xFFFFFF, device=OBSOLETE | 0x40 | last >> 24
    )


def set_accessible_max(sectors: int) -> TaskFile:
    """Build SET ACCESSIBLE MAX ADDRESS EXT (ACS-4, 7.2.4): once per power-on."""
    if not 0 < sectors <= MOST_48:
        raise ValueError(f"{sectors} sectors")
    return TaskFile(name="SET ACCESSIBLE MAX ADDRESS EXT", command=0x78, feature=1, lba=sectors - 1, ext=True)


# --- commands that erase or lock -----------------------------------------------------------------------------

PASSWORD_BYTES = 32
SIGNATURES = {"crypto": (0x11, 0x43727970), "block": (0x12, 0x426B4572)}  # "Cryp", "BkEr": ACS-4, 7.32
OVERWRITE = (0x14, 0x4F57)  # "OW" in LBA 47:32


def sanitize(kind: Sanitize, *, pattern: int = 0, passes: int = 1, failure_mode: bool = False) -> TaskFile:
    """Build SANITIZE DEVICE (ACS-4, 7.32), which destroys everything.

    `passes` 1 to 16 and `pattern` (32 bits) for overwrite.
    """
    if kind == "overwrite":
        if not 1 <= passes <= 16 or not 0 <= pattern < 1 << 32:
            raise ValueError(f"{passes} passes of {pattern:#x}")
        feature, lba, count = OVERWRITE[0], OVERWRITE[1] << 32 | pattern, passes & 0xF
    else:
        (feature, lba), count = SIGNATURES[kind], 0
    count |= failure_mode << 4
    return TaskFile(name=f"SANITIZE {kind}", command=0xB4, feature=feature, count=count, lba=lba, ext=True)


ERASE_PREPARE = TaskFile(name="SECURITY ERASE PREPARE", command=0xF3)


def security(command: Literal["set-password", "unlock", "erase-unit", "disable-password"]) -> TaskFile:
    """Build a command of the security feature set that takes a password (ACS-4, 7.37 to 7.42).

    512 bytes go with it.
    """
    codes = {"set-password": 0xF1, "unlock": 0xF2, "erase-unit": 0xF4, "disable-password": 0xF6}
    name = "SECURITY " + command.replace("-", " ").upper()
    return TaskFile(name=name, command=codes[command], count=1, transfer="pio-out")


def password_block(password: bytes, *, master: bool = False, enhanced: bool = False, maximum: bool = False) -> bytes:
    """Build the 512 bytes (ACS-4, tables 137 to 141). `enhanced` is for erase unit, `maximum` for set password."""
    if not 0 < len(password) <= PASSWORD_BYTES:
        raise ValueError(f"a password of {len(password)} bytes")
    head = bytes([master | enhanced << 1, int(maximum)])
    return (head + password).ljust(SECTOR, b"\0")
