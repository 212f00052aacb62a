"""A small graphic display (OLED with SSD1306 or SH1106 on I2C), through luma.oled; painted with the labels' face."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from luma.core.error import Error
from luma.core.interface.serial import i2c
from luma.oled.device import sh1106, ssd1306

from drivers.displays._small import SmallDisplay, SmallSettings
from drivers.errors import DeviceGone
from drivers.printers.languages.marks import Drawing, Text
from drivers.printers.languages.paint import paint
from drivers.senses import Senses

CONTROLLERS = {"ssd1306": ssd1306, "sh1106": sh1106}
WIDTH, ROW = 128, 16  # pixels


class Settings(SmallSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OLED burns in: a dim one lives longer."""

    bus: Annotated[int, msgspec.Meta(ge=0, le=255)] = 1
    address: Annotated[int, msgspec.Meta(ge=0x08, le=0x77)] = 0x3C
    controller: Literal["ssd1306", "sh1106"] = "ssd1306"
    height: Literal[32, 64] = 64


class Driver(SmallDisplay):
    """Opened at the first word, and again after a fault."""

    columns = 18

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings.bay)
        self.rows = settings.height // ROW
        self._settings = settings
        self._brightness = Senses().brightness
        self._device: ssd1306 | sh1106 | None = None

    def adjust(self, senses: Senses) -> None:
        """Set its contrast, which both controllers count from 0 to 255."""
        self._brightness = senses.brightness

    def put(self, rows: tuple[str, ...]) -> None:
        """Paint the whole picture, white on black."""
        texts = tuple(Text(0, number * ROW, ROW, row.rstrip()) for number, row in enumerate(rows))
        picture = paint(Drawing(WIDTH, self._settings.height, texts)).point(lambda grey: 255 - grey).convert("1")
        try:
            self._device = self._device or self._open()
            self._device.display(picture)
        except (OSError, Error) as error:
            self.close()
            where = f"{self.name} (I2C bus {self._settings.bus}, address 0x{self._settings.address:02x})"
            raise DeviceGone(device=where) from error

    def close(self) -> None:
        """Close the display, and leave its last words on it."""
        device, self._device = self._device, None
        if device is not None:
            device.persist = True
            device.cleanup()

    def _open(self) -> ssd1306 | sh1106:
        wanted = self._settings
        line = i2c(port=wanted.bus, address=wanted.address)
        device = CONTROLLERS[wanted.controller](line, width=WIDTH, height=wanted.height)
        device.contrast(255 * self._brightness // 100)
        return device
