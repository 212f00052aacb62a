"""A SAS disk with SANITIZE (SBC-4, 5.30) and FORMAT UNIT, which goes on through resets and power cuts."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.laboratory.models.eraser import Eraser
from tests.laboratory.models.medium import Medium
from tests.laboratory.models.target import (
    BAD_FIELD,
    MEDIUM_ERROR,
    NOT_READY,
    Answer,
    ScsiTarget,
    check,
    number,
)

OVERWRITE, BLOCK, CRYPTO, EXIT_FAILURE = 0x01, 0x02, 0x03, 0x1F
# What a drive still answers while it is being sanitized (SBC-4, 4.11.2), and after that has failed.
ANSWERED_WHILE_BUSY = frozenset({0x03, 0x12, 0x25, 0x9E, 0xA0, 0xA3, 0x4D, 0x1A, 0x5A})
BUSY, FAILED = (0x04, 0x1B), (0x31, 0x03)  # SANITIZE IN PROGRESS, SANITIZE COMMAND FAILED


class SasDrive(ScsiTarget):
    """`kinds`: the service actions that it has."""

    def __init__(
        self,
        medium: Medium,
        *,
        serial: str = "BW-SAS-1",
        model: str = "BENCH SAS 1",
        kinds: tuple[int, ...] = (OVERWRITE, BLOCK, CRYPTO, EXIT_FAILURE),
        rotation: int = 7200,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(medium)
        self.vendor, self.product, self.serial, self.rotation = "BENCH", model, serial, rotation
        self.actions[0x48] = kinds
        self.eraser = Eraser(medium, clock)

    def power_cycle(self) -> None:
        """Off and on: the cache is lost, an erasure goes on, the first command meets UNIT ATTENTION."""
        self.medium.lose_cache()
        self.eraser.power(on=False)
        self.eraser.power(on=True)
        self.attention = True

    def disconnect(self) -> None:
        """Without power an erasure stands still."""
        super().disconnect()
        self.medium.lose_cache()
        self.eraser.power(on=False)

    def connect(self) -> None:
        """With it, it goes on."""
        self.eraser.power(on=True)
        self.attention = True

    def refuse(self, cdb: bytes) -> Answer | None:
        """SANITIZE IN PROGRESS or SANITIZE COMMAND FAILED before everything that needs the medium."""
        progress = self.eraser.progress()
        if cdb[0] in ANSWERED_WHILE_BUSY:
            return None
        if progress is not None:
            return check(NOT_READY, *BUSY, progress=progress)
        if self.eraser.state == "failed" and cdb[0] != 0x48:
            return check(MEDIUM_ERROR, *FAILED)
        return None

    def condition(self) -> tuple[int, int, int, int | None]:
        """Progress, or that it failed; else nothing (SBC-4, 5.30.1)."""
        progress = self.eraser.progress()
        if progress is not None:
            return NOT_READY, *BUSY, progress
        return (MEDIUM_ERROR, *FAILED, None) if self.eraser.state == "failed" else (0, 0, 0, None)

    def pages(self) -> dict[int, bytes]:
        """Serial number, NAA, limits, rotation."""
        naa = bytes([1, 3, 0, 8]) + (0x5000C500 << 32 | sum(self.serial.encode()) << 8 | 1).to_bytes(8, "big")
        name = f"BENCH   {self.serial}".encode("ascii")
        return {
            0x80: f"{self.serial:>20}".encode("ascii"),
            0x83: naa + bytes([2, 1, 0, len(name)]) + name,
            0xB0: bytes(60),
            0xB1: self.rotation.to_bytes(2, "big") + bytes(58),
            0xB2: bytes(4),
        }

    def table(self) -> dict[int, Callable[[bytes, bytes], Answer]]:
        """With SANITIZE and FORMAT UNIT."""
        return {**super().table(), 0x48: self._sanitize, 0x04: self._format}

    def _sanitize(self, cdb: bytes, data: bytes) -> Answer:
        action = cdb[1] & 0x1F
        if action not in self.actions[0x48]:
            return BAD_FIELD
        if action == EXIT_FAILURE:
            self.eraser.forgive()
            return Answer()
        pattern = b"\0"
        if action == OVERWRITE:
            size = number(data[2:4])
            if number(cdb[7:9]) != len(data) or not size or len(data) != 4 + size or not data[0] & 0x1F:
                return BAD_FIELD
            pattern = data[4:]
        self.eraser.start(action, pattern)
        return Answer() if cdb[1] & 0x80 else self._until_done()

    def _until_done(self) -> Answer:
        """Without IMMED the command ends with the erasure."""
        while self.eraser.progress() is not None:
            time.sleep(0.01)
        return check(MEDIUM_ERROR, *FAILED) if self.eraser.state == "failed" else Answer()

    def _format(self, _cdb: bytes, _data: bytes) -> Answer:
        """FORMAT UNIT: here it takes no time."""
        if self.eraser.ending != "lies":
            self.medium.fill(b"\0")
        return Answer()
