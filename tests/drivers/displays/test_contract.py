"""Every file in drivers/displays/ keeps the contract of base.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import smbus2
from RPLCD import i2c as rplcd

from drivers import registry
from drivers.displays.base import Display
from drivers.senses import Senses
from tests.drivers.displays.lcd_bus import LcdBus
from tests.drivers.displays.test_small_displays import OledBus

SETTINGS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "simulated": lambda folder: {"file": str(folder / "display.txt"), "columns": 20, "rows": 4},
}
HOSTILE = ("\x1b[2J\u202e\x00Bås {x} %s\nÆ" * 20, "second", *["more"] * 30)


@pytest.fixture(params=registry.known("displays"))
def display(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Display:
    monkeypatch.setattr(LcdBus, "instances", [], raising=False)
    monkeypatch.setattr(rplcd, "SMBus", LcdBus)
    monkeypatch.setattr(smbus2, "SMBus", OledBus)
    monkeypatch.setattr(OledBus, "gone", False)
    settings = SETTINGS[request.param](tmp_path) if request.param in SETTINGS else {}
    return registry.load("displays", request.param, settings, where="display.one")


@pytest.mark.parametrize("bay", [None, "A1"])
@pytest.mark.parametrize("lines", [(), ("",), ("Ready.",), HOSTILE])
def test_it_takes_any_words_for_the_bench_and_for_a_bay(
    display: Display, bay: str | None, lines: tuple[str, ...]
) -> None:
    assert display.name == "display.one"
    display.show(lines, bay=bay)
    display.show(lines, bay=bay)
    display.close()
    display.close()


def test_nothing_is_opened_before_the_first_word(display: Display) -> None:
    assert LcdBus.instances == []
    display.close()


@pytest.mark.parametrize("percent", [1, 100])
def test_it_takes_whatever_the_senses_want_and_opens_nothing_for_it(display: Display, percent: int) -> None:
    display.adjust(Senses(brightness=percent, blinking="off"))
    assert LcdBus.instances == []
    display.show(("Ready.",), bay=None)
    display.close()
