"""A bus with a character display on it: the four-wire protocol of Hitachi's sheet, decoded back into what is seen.

Written from the HD44780U data sheet (ADE-207-272, tables 6 and 12, figure 24) and the PCF8574's pins; knows no driver.
"""

from __future__ import annotations

import errno

RS, RW, E, BACKLIGHT = 1, 2, 4, 8


class LcdBus:
    """Takes the place of smbus2.SMBus. `gone`: nobody acknowledges any more."""

    instances: list[LcdBus]
    gone = False

    def __init__(self, number: int) -> None:
        self.number = number
        self.ddram, self.cgram = [0x20] * 128, [0] * 64
        self.address, self.into_cgram = 0, False
        self.wide, self.high = True, 0
        self.lines = 1
        self.on = self.backlight = self.closed = False
        self.enabled, self.half = False, False
        self.characters = 0
        type(self).instances.append(self)

    def write_byte(self, _: int, value: int) -> None:
        if type(self).gone:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        assert not value & RW, "it would drive the bus against us"
        self.backlight = bool(value & BACKLIGHT)
        falling, self.enabled = self.enabled and not value & E, bool(value & E)
        if falling:
            self._latch(value >> 4, bool(value & RS))

    def close(self) -> None:
        self.closed = True

    def _latch(self, nibble: int, data: bool) -> None:
        if self.wide:
            self._byte(nibble << 4, data)
        elif not self.half:
            self.high, self.half = nibble, True
        else:
            self.half = False
            self._byte(self.high << 4 | nibble, data)

    def _byte(self, value: int, data: bool) -> None:
        if data:
            self._data(value)
        elif value & 0x80:
            self.address, self.into_cgram = value & 0x7F, False
        elif value & 0x40:
            self.address, self.into_cgram = value & 0x3F, True
        elif value & 0x20:
            self.wide, self.lines = bool(value & 0x10), 2 if value & 0x08 else 1
        elif value & 0x08:
            self.on = bool(value & 0x04)
        elif value == 0x01:
            self.ddram, self.address, self.into_cgram = [0x20] * 128, 0, False

    def _data(self, value: int) -> None:
        if self.into_cgram:
            self.cgram[self.address] = value
            self.address = (self.address + 1) & 0x3F
            return
        self.characters += 1
        self.ddram[self.address] = value
        self.address = (self.address + 1) & 0x7F

    def seen(self, columns: int, rows: int, faces: dict[tuple[int, ...], str]) -> list[str]:
        """What a person reads: ROM A00 for codes of ASCII, and the drawn faces by their dots."""
        starts = (0x00, 0x40, columns, 0x40 + columns)[:rows]
        return ["".join(self._char(self.ddram[start + n], faces) for n in range(columns)) for start in starts]

    def _char(self, code: int, faces: dict[tuple[int, ...], str]) -> str:
        if code < 16:
            place = (code & 7) * 8
            return faces.get(tuple(self.cgram[place : place + 8]), "\N{REPLACEMENT CHARACTER}")
        return {0x5C: "¥", 0x7E: "→"}.get(code, chr(code))
