"""Displays show what fits, and nothing that a drive or a scan could have smuggled in."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers import registry
from drivers.displays.base import fit
from drivers.displays.simulated import Driver, Settings
from drivers.errors import DeviceGone


def test_the_console_writes_to_standard_error_with_the_bay_before_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    display = registry.load("displays", "console", {}, where="display")
    display.show(("Erasing", "42 %"), bay="A1")
    display.show(("Ready.",), bay=None)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "[A1] Erasing\n[A1] 42 %\nReady.\n"


def test_terminal_escapes_of_a_scanned_code_never_reach_the_display(capsys: pytest.CaptureFixture[str]) -> None:
    display = registry.load("displays", "console", {}, where="display")
    display.show(("Unknown code: \x1b[2J\x07\u202eX\nERASED",), bay=None)
    assert capsys.readouterr().err == "Unknown code: ?[2J??X ERASED\n"


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("Bay A1: empty.", 20, "Bay A1: empty."),
        ("Bay A1: scan the asset tag.", 20, "Bay A1: scan the ..."),
        ("abcdef", 2, ".."),
        ("Bås Æ", None, "Bås Æ"),
    ],
)
def test_a_line_fits_its_display(text: str, columns: int | None, shown: str) -> None:
    assert fit(text, columns) == shown


def test_the_simulated_display_keeps_what_was_shown_and_what_stands_there(tmp_path: Path) -> None:
    file = tmp_path / "display.txt"
    display = Driver("display", Settings(file=str(file), columns=8, rows=1))
    display.show(("Erasing it", "second"), bay="1")
    display.show(("Ready.",), bay=None)
    assert file.read_text() == "1\tErasi...\n-\tReady.\n"
    assert display.now == {"1": ("Erasi...",), None: ("Ready.",)}
    assert display.shown == [("1", ("Erasi...",)), (None, ("Ready.",))]


def test_a_display_that_cannot_be_written_is_gone(tmp_path: Path) -> None:
    display = Driver("display", Settings(file=str(tmp_path / "nowhere" / "display.txt")))
    with pytest.raises(DeviceGone, match="No such file"):
        display.show(("x",), bay=None)
