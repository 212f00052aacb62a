"""A SCSI/ATA translation layer: what a USB dock, or a SAS controller, puts before an ATA drive (SAT-4).

Bridges differ most in how they bring the registers back: `Bridge.registers` says how this one does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.laboratory.models.ata import AtaDrive, Command, Result
from tests.laboratory.models.identify import identify
from tests.laboratory.models.target import (
    ABORTED,
    BAD_FIELD,
    CHECK,
    NOT_READY,
    PROTECT,
    UNKNOWN_COMMAND,
    Answer,
    ScsiTarget,
    check,
    described,
    fixed,
    number,
)

NEEDS_MEDIUM = frozenset({0x00, 0x28, 0x2A, 0x88, 0x8A, 0x35, 0x91})
RegistersBack = Literal["descriptor", "fixed", "zero", "none"]
NON_DATA, PIO_IN, PIO_OUT = 3, 4, 5  # PROTOCOL (SAT-4, table 150); DMA is 6


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """What is peculiar to a bridge. `registers`: how they come back; `passes`: whether it lets ATA commands through.

    `knows_sanitize`: it translates SANITIZE in progress (SAT-4, 8.17); others pass on that the drive aborted a read, as
    libata does.
    """

    vendor: str = "BENCH"
    product: str = "USB-SATA"
    serial: str = "000000000001"
    registers: RegistersBack = "descriptor"
    passes: bool = True
    knows_sanitize: bool = True


class SatTarget(ScsiTarget):
    """An ATA drive behind a bridge. Its own identity shows only through the pass-through, and in VPD page 89h."""

    def __init__(self, drive: AtaDrive, bridge: Bridge | None = None) -> None:
        super().__init__(drive.medium)
        self.drive, self.bridge = drive, bridge or Bridge()
        self.vendor, self.product, self.serial = self.bridge.vendor, self.bridge.product, self.bridge.serial

    @property
    def blocks(self) -> int:
        """What the drive shows of itself."""
        return self.drive.sizes.shown

    def power_cycle(self) -> None:
        """Off and on, the bridge with it."""
        self.drive.power_cycle()
        self.attention = True

    def disconnect(self) -> None:
        """Pulled out of its dock, a drive has no power."""
        super().disconnect()
        self.drive.power_off()

    def connect(self) -> None:
        """In a dock it has."""
        if not self.drive.powered:
            self.drive.power_on()
            self.attention = True

    def refuse(self, cdb: bytes) -> Answer | None:
        """The translation of a drive that is being sanitized (SAT-4, 8.17) or is locked."""
        if cdb[0] not in NEEDS_MEDIUM:
            return None
        progress = self.drive.eraser.progress()
        if progress is not None:
            return check(NOT_READY, 0x04, 0x1B, progress=progress) if self.bridge.knows_sanitize else check(ABORTED, 0)
        if cdb[0] != 0x00 and not self.drive.readable:
            return check(PROTECT, 0x74, 0x71)
        return None

    def pages(self) -> dict[int, bytes]:
        """As bridges do: a serial number of their own; the drive's IDENTIFY only where commands pass."""
        name = f"{self.vendor:8.8}{self.serial}".encode("ascii")
        pages = {0x80: self.serial.encode("ascii"), 0x83: bytes([2, 1, 0, len(name)]) + name, 0xB0: bytes(60)}
        pages[0xB1] = self.drive.rotation.to_bytes(2, "big") + bytes(58)
        if self.bridge.passes:
            head = bytes(4) + f"{self.vendor:8.8}{self.product:16.16}1.0 ".encode("ascii")
            pages[0x89] = head + bytes(20) + bytes([0xEC, 0, 0, 0]) + identify(self.drive)
        return pages

    def table(self) -> dict[int, Callable[[bytes, bytes], Answer]]:
        """With ATA PASS-THROUGH."""
        return {**super().table(), 0x85: self._pass_through, 0xA1: self._pass_through}

    def _pass_through(self, cdb: bytes, data: bytes) -> Answer:
        """ATA PASS-THROUGH(16) and (12) (SAT-4, 12.2.2)."""
        if not self.bridge.passes:
            return UNKNOWN_COMMAND
        protocol, wants_registers = cdb[1] >> 1 & 0xF, bool(cdb[2] & 0x20)
        if protocol not in (NON_DATA, PIO_IN, PIO_OUT, 6):
            return BAD_FIELD
        command = _command_16(cdb, data) if cdb[0] == 0x85 else _command_12(cdb, data)
        if protocol == PIO_OUT and len(data) != 512 * command.count:
            return BAD_FIELD
        result = self.drive.execute(command)
        if not self.drive.powered:
            return Answer(silent=True)
        if result.status & 0x21:
            return self._returned(ABORTED, result, command)
        return self._returned(0x01, result, command) if wants_registers else Answer(data=result.data)

    def _returned(self, key: int, result: Result, command: Command) -> Answer:
        """The registers, as this bridge brings them (SAT-4, 12.2.2.6 and 12.2.2.7)."""
        asc, ascq = (0x00, 0x1D) if key == 0x01 else (0x00, 0x00)
        kind = self.bridge.registers
        if kind == "none":
            return Answer(data=result.data) if key == 0x01 else Answer(status=CHECK, sense=fixed(key, asc, ascq))
        if kind == "fixed":
            return Answer(status=CHECK, data=result.data, sense=_fixed(key, result, command))
        b = result.lba.to_bytes(6, "little")
        registers = [result.error, result.count >> 8, result.count & 0xFF, b[3], b[0], b[4], b[1], b[5], b[2]]
        body = bytes([*registers, result.device, result.status])
        body = bytes(11) if kind == "zero" else body
        descriptor = bytes([0x09, 0x0C, int(command.ext)]) + body
        return Answer(status=CHECK, data=result.data, sense=described(key, asc, ascq, descriptor))


def _command_16(cdb: bytes, data: bytes) -> Command:
    low = [cdb[8], cdb[10], cdb[12]]
    high = [cdb[7], cdb[9], cdb[11]]
    ext = bool(cdb[1] & 1)
    return Command(
        command=cdb[14],
        feature=number(cdb[3:5]) if ext else cdb[4],
        count=number(cdb[5:7]) if ext else cdb[6],
        lba=int.from_bytes(bytes(low + (high if ext else [])), "little"),
        device=cdb[13],
        ext=ext,
        data=data,
    )


def _command_12(cdb: bytes, data: bytes) -> Command:
    lba = int.from_bytes(cdb[5:8], "little")
    return Command(command=cdb[9], feature=cdb[3], count=cdb[4], lba=lba, device=cdb[8], data=data)


def _fixed(key: int, result: Result, command: Command) -> bytes:
    """COUNT(15:8) and LBA(47:24) are left out; only flags say whether they were zero (SAT-4, table 158)."""
    b = result.lba.to_bytes(6, "little")
    flags = bool(command.ext) << 7 | bool(result.count >> 8) << 6 | any(b[3:]) << 5
    sense = bytearray(18)
    sense[0:8] = bytes([0x70, 0, key, result.error, result.status, result.device, result.count & 0xFF, 10])
    sense[8:12] = bytes([flags, *b[:3]])
    sense[12:14] = bytes([0x00, 0x1D])
    return bytes(sense)
