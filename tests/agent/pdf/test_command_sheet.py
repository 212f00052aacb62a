"""The command sheet: each code is read back from the rendered page, and is what the sheet says to the station."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
import zxingcpp
from PIL import Image

from agent.cli import main
from agent.pdf.command_codes import NoCodeForPattern, Shape, groups
from agent.pdf.command_sheet import COLOURS, command_sheet
from agent.phrases import LANGUAGES
from agent.scan.codes import Kind, read
from agent.settings import Destination, Scanning, Settings
from tests.agent.engine_rig import settings

poppler = pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="pdftoppm is not installed (poppler-utils)")


def bench(**scanning: str) -> Settings:
    """Five bays, two destinations, one of them with a code that is too long for bars."""
    goals = (
        Destination(code="DEST-SHOP", name="Webbutikken på Ærø"),
        Destination(code="DEST-a-very-long-code-that-fits-in-no-row-of-bars", name="Elsewhere"),
    )
    rules = msgspec.structs.replace(Scanning(), **scanning)
    return msgspec.structs.replace(settings("A1", "A2", "A3", "B-4", "B.5"), destination=goals, scanning=rules)


def codes(data: bytes, folder: Path) -> list[tuple[str, str]]:
    """(text, format) of every code on every page."""
    subprocess.run(["pdftoppm", "-r", "150", "-gray", "-png", "-", str(folder / "page")], input=data, check=True)
    pages = [Image.open(path) for path in sorted(folder.glob("page*.png"))]
    return [(code.text, code.format.name) for page in pages for code in zxingcpp.read_barcodes(page, try_rotate=False)]


@poppler
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_is_read_back_from_the_page(language: str, tmp_path: Path) -> None:
    made = bench()
    data, pages = command_sheet(made, language)
    wanted = [entry.text for group in groups(made, language) for entry in group.entries]
    found = codes(data, tmp_path)
    assert sorted(text for text, _ in found) == sorted(wanted)
    assert {"YES", "NO", "TABLET", "UNDO", "CANCEL", "BAY-B.5", "GRADE-D", "DEST-SHOP"} <= set(wanted)
    assert {name for text, name in found if len(text) > 30} == {"QRCode"}
    assert {name for text, name in found if len(text) <= 30} == {"Code128"}
    assert pages == 2


def test_the_station_takes_each_code_for_what_it_says() -> None:
    made = bench(yes="JA", no=r"NEJ\!", bay=r"^B(?P<bay>[A-Z0-9.-]+)$", grade=r"K:(?P<grade>(A|B|C|D))")
    kinds = [read(entry.text, None, made).kind for group in groups(made, "da") for entry in group.entries]
    assert kinds[:6] == [Kind.YES, Kind.NO, Kind.UNDO, Kind.CANCEL, Kind.REPRINT, Kind.LOGOUT]
    assert kinds[6:12] == [Kind.NODRIVE, Kind.TABLET, *[Kind.DRIVES] * 3, Kind.BOX]
    assert kinds[12:] == [Kind.GRADE] * 4 + [Kind.BAY] * 5 + [Kind.DESTINATION] * 2
    assert [entry.text for entry in groups(made, "da")[0].entries[:2]] == ["JA", "NEJ!"]


def test_a_pattern_that_no_code_is_found_for_is_said_by_its_key() -> None:
    with pytest.raises(NoCodeForPattern, match=r"scanning\.yes"):
        groups(bench(yes="[JY](A|ES)+?x"), "en")


def test_the_same_configuration_gives_the_same_sheet() -> None:
    assert command_sheet(bench(), "en") == command_sheet(bench(), "en")
    assert COLOURS.keys() == set(Shape)


def test_the_command_writes_the_example_benchs_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sheet.pdf"
    example = Path(__file__).resolve().parents[3] / "config" / "station.example.toml"
    with pytest.raises(SystemExit) as ended:
        main(["command-sheet", "--out", str(out), "--config", str(example), "--language", "en"])
    assert ended.value.code == 0
    assert out.read_bytes().startswith(b"%PDF")
    assert "for 4 bays" in capsys.readouterr().err
