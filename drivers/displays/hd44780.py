"""A character display (HD44780 and alike, 16 x 2 or 20 x 4) behind a PCF8574 on I2C, through RPLCD.

Its face has no ÆØÅ in either letter case in the usual ROM (A00): the six are drawn into its eight free characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from RPLCD.i2c import CharLCD

from drivers.displays._small import SmallDisplay, SmallSettings
from drivers.errors import DeviceGone

DANISH = "æøåÆØÅ"
FACES: Mapping[str, tuple[int, ...]] = {
    "æ": (0b00000, 0b00000, 0b11010, 0b00101, 0b01111, 0b10100, 0b01111, 0b00000),
    "ø": (0b00000, 0b00000, 0b01110, 0b10011, 0b10101, 0b11001, 0b01110, 0b00000),
    "å": (0b00100, 0b00000, 0b01110, 0b00001, 0b01111, 0b10001, 0b01111, 0b00000),
    "Æ": (0b01111, 0b10100, 0b10100, 0b11111, 0b10100, 0b10100, 0b10111, 0b00000),
    "Ø": (0b01110, 0b10011, 0b10011, 0b10101, 0b11001, 0b11001, 0b01110, 0b00000),
    "Å": (0b00100, 0b00000, 0b01110, 0b10001, 0b11111, 0b10001, 0b10001, 0b00000),
}
MISSING = "\\~"  # in ASCII, and a yen and an arrow in ROM A00


class Settings(SmallSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`bus`: N of /dev/i2c-N. PCF8574 answer at 0x20 to 0x27, PCF8574A at 0x38 to 0x3F."""

    bus: Annotated[int, msgspec.Meta(ge=0, le=255)] = 1
    address: Annotated[int, msgspec.Meta(ge=0x20, le=0x3F)] = 0x27
    size: Literal["16x2", "20x4"] = "20x4"
    backlight: bool = True


class Driver(SmallDisplay):
    """Opened at the first word, and again after a fault: a display that was unplugged comes back with all of it."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings.bay)
        self.columns, self.rows = (int(n) for n in settings.size.split("x"))
        self._settings = settings
        self._lcd: CharLCD | None = None
        self._standing: list[bytes] = []

    def put(self, rows: tuple[str, ...]) -> None:
        """Send the display only what changed: a character takes eight transfers on the bus."""
        try:
            lcd = self._lcd = self._lcd or self._open()
            for number, text in enumerate(rows):
                self._row(lcd, number, bytes(_code(char) for char in text))
        except OSError as error:
            self.close()
            where = f"{self.name} (I2C bus {self._settings.bus}, address 0x{self._settings.address:02x})"
            raise DeviceGone(device=where) from error

    def close(self) -> None:
        """Close the bus. What stands on the display stays: it keeps its last words until its power goes."""
        lcd, self._lcd = self._lcd, None
        if lcd is not None:
            lcd.bus.close()

    def _open(self) -> CharLCD:
        wanted = self._settings
        lcd = CharLCD(
            "PCF8574",
            wanted.address,
            port=wanted.bus,
            cols=self.columns,
            rows=self.rows,
            auto_linebreaks=False,
            backlight_enabled=wanted.backlight,
        )
        for place, char in enumerate(DANISH):
            lcd.create_char(place, FACES[char])
        self._standing = [b" " * self.columns] * self.rows
        return lcd

    def _row(self, lcd: CharLCD, number: int, new: bytes) -> None:
        """From the first character that differs to the last."""
        old = self._standing[number]
        differ = [place for place in range(self.columns) if old[place] != new[place]]
        if differ:
            lcd.cursor_pos = (number, differ[0])
            for code in new[differ[0] : differ[-1] + 1]:
                lcd.write(code)
            self._standing[number] = new


def _code(char: str) -> int:
    """The display's code of a character; of a letter with an accent the letter; else a question mark."""
    if char in DANISH:
        return DANISH.index(char)
    base = unicodedata.normalize("NFD", char)[0]
    return ord(base) if " " <= base <= "}" and base not in MISSING else ord("?")
