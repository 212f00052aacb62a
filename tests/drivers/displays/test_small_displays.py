"""Character displays and OLEDs: what a person reads on them, decoded from what goes over the bus."""

from __future__ import annotations

import errno
from typing import Any

import pytest
import smbus2
from RPLCD import i2c as rplcd

from drivers import registry
from drivers.displays._small import wrapped
from drivers.displays.base import Display
from drivers.displays.hd44780 import FACES
from drivers.errors import DeviceGone
from drivers.senses import Senses
from tests.drivers.displays.lcd_bus import LcdBus

LETTERS = {dots: char for char, dots in FACES.items()}


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> type[LcdBus]:
    class Bus(LcdBus):
        instances: list[LcdBus] = []  # noqa: RUF012 - one list for each test

    monkeypatch.setattr(rplcd, "SMBus", Bus)
    return Bus


def lcd(size: str = "20x4", **settings: Any) -> Display:  # noqa: ANN401 - fields of Settings
    return registry.load("displays", "hd44780", {"size": size, **settings}, where="lcd")


def seen(bus: type[LcdBus], columns: int = 20, rows: int = 4) -> list[str]:
    made = bus.instances[-1]
    assert (made.wide, made.lines, made.on) == (False, 2, True)
    return [line.rstrip() for line in made.seen(columns, rows, LETTERS)]


def test_danish_reads_right_and_sentences_break_between_words(bus: type[LcdBus]) -> None:
    lcd().show(("Bås 3: kontrollerer ÆØÅ æøå, 45 %.",), bay=None)
    assert seen(bus) == ["Bås 3: kontrollerer", "ÆØÅ æøå, 45 %.", "", ""]
    assert bus.instances[-1].backlight


def test_sixteen_by_two_shows_the_newest_and_dots_where_it_is_too_long(bus: type[LcdBus]) -> None:
    display = lcd("16x2", backlight=False)
    display.show(("Scan the asset tag of the device first.",), bay=None)
    assert seen(bus, 16, 2) == ["Scan the asset", "tag of the de..."]
    display.show(("Bay 1: ERASED.",), bay="1")
    assert seen(bus, 16, 2) == ["Bay 1: ERASED.", ""]
    assert not bus.instances[-1].backlight


def test_the_bench_keeps_its_sentence_above_and_the_newest_of_the_bays_below(bus: type[LcdBus]) -> None:
    display = lcd()
    display.show(("KK-1: scan nu båsen.",), bay=None)
    display.show(("Bås 1: sletter, 1 %, 3 min tilbage.", "S1"), bay="1")
    display.show(("Bås 2: SLETTET. Tag drevet ud.",), bay="2")
    display.show(("Bås 1: sletter, 2 %, 90 s tilbage.", "S1"), bay="1")
    assert seen(bus) == ["KK-1: scan nu båsen.", "", "Bås 2: SLETTET. Tag", "drevet ud."]


def test_a_display_of_one_bay_shows_that_bay_and_no_other(bus: type[LcdBus]) -> None:
    display = lcd(bay="2")
    display.show(("Bay 1: empty.",), bay="1")
    display.show(("Scan your badge.",), bay=None)
    assert bus.instances == []
    display.show(("Bay 2: erasing, 45 %.", "S3Z9NB0K123456A"), bay="2")
    assert seen(bus) == ["Bay 2: erasing, 45", "%.", "S3Z9NB0K123456A", ""]


def test_only_characters_that_changed_are_sent(bus: type[LcdBus]) -> None:
    display = lcd(bay="1")
    display.show(("Bay 1: erasing, 45 %.",), bay="1")
    before = bus.instances[-1].characters
    display.show(("Bay 1: erasing, 45 %.",), bay="1")
    assert bus.instances[-1].characters == before
    display.show(("Bay 1: erasing, 46 %.",), bay="1")
    assert bus.instances[-1].characters == before + 1


@pytest.mark.parametrize(("text", "shown"), [("\\~", "??"), ("é漢\x1b", "e??"), ("ÅÄ", "ÅA")])
def test_what_the_display_has_not_is_a_question_mark_and_never_another_character(
    bus: type[LcdBus], text: str, shown: str
) -> None:
    lcd().show((text,), bay=None)
    assert seen(bus)[0] == shown


def test_a_display_that_was_unplugged_is_gone_and_comes_back_with_everything(bus: type[LcdBus]) -> None:
    display = lcd()
    display.show(("Ready.",), bay=None)
    bus.gone = True
    with pytest.raises(DeviceGone, match="0x27"):
        display.show(("Scan your badge.",), bay=None)
    assert bus.instances[-1].closed
    bus.gone = False
    display.show(("Ready again.",), bay=None)
    assert seen(bus)[0] == "Ready again."
    display.close()
    display.close()


@pytest.mark.parametrize("columns", [1, 16, 20])
def test_wrapping_gives_exactly_the_display(columns: int) -> None:
    for text in ("", "a" * 100, "a b " * 60, "Ærø " * 9):
        rows = wrapped((text, text), columns, 4)
        assert [len(row) for row in rows] == [columns] * 4


class OledBus:
    """Counts the picture's white dots; SSD1306 takes pages of eight rows a byte."""

    def __init__(self, _: int) -> None:
        OledBus.data = b""

    data = b""
    gone = False

    def write_i2c_block_data(self, address: int, mode: int, values: list[int]) -> None:
        if OledBus.gone:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")

    def i2c_rdwr(self, message: Any) -> None:  # noqa: ANN401 - smbus2's
        if OledBus.gone:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        OledBus.data = bytes(list(message))[1:]

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.mark.parametrize("controller", ["ssd1306", "sh1106"])
def test_an_oled_shows_white_letters_on_black_and_says_when_it_is_gone(
    monkeypatch: pytest.MonkeyPatch, controller: str
) -> None:
    monkeypatch.setattr(smbus2, "SMBus", OledBus)
    monkeypatch.setattr(OledBus, "gone", False)
    display = registry.load("displays", "oled", {"controller": controller}, where="oled")
    display.show(("Bås 3: ÆØÅ",), bay=None)
    assert OledBus.data
    white = sum(byte.bit_count() for byte in OledBus.data)
    assert white < len(OledBus.data) * 8 // 4
    monkeypatch.setattr(OledBus, "gone", True)
    with pytest.raises(DeviceGone, match="0x3c"):
        display.show(("Other.",), bay=None)
    display.close()


@pytest.mark.parametrize("controller", ["ssd1306", "sh1106"])
def test_an_oled_is_as_bright_as_it_may_be(monkeypatch: pytest.MonkeyPatch, controller: str) -> None:
    told: list[list[int]] = []
    monkeypatch.setattr(smbus2, "SMBus", OledBus)
    monkeypatch.setattr(OledBus, "gone", False)
    monkeypatch.setattr(OledBus, "write_i2c_block_data", lambda _, __, ___, values: told.append(list(values)))
    display = registry.load("displays", "oled", {"controller": controller}, where="oled")
    display.adjust(Senses(brightness=20))
    display.show(("Bås 3",), bay=None)
    display.close()
    contrasts = [values[1] for values in told if values[0] == 0x81]  # "set contrast control", 0 to 255
    assert contrasts[-1] == 51
