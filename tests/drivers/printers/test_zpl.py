"""ZPL says what the layout says, and nothing on a label can become a command."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from drivers.printers.languages import render
from drivers.printers.languages.label import Label, Media, Row
from drivers.printers.languages.layout import lay_out
from drivers.printers.languages.marks import Box, Text
from drivers.printers.languages.zpl import escape, parse_host_status
from drivers.printers.languages.zpl_reader import read
from tests.drivers.printers.labels import ALL, ERASED, LABELS, MEDIA, QR, SIZES
from tests.patience import PROGRAM_S

ORACLE = Path(__file__).parent / "zpl_oracle"


@settings(max_examples=40, deadline=None)
@given(LABELS, MEDIA)
def test_what_is_written_reads_back_as_it_was_laid_out(label: Label, media: Media) -> None:
    drawing = lay_out(label, media)
    wanted = [
        Box(m.x, m.y, m.width, m.height, min(m.width, m.height)) if isinstance(m, Box) and m.full else m
        for m in drawing.marks
    ]
    assert list(read(render(label, media)).marks) == wanted


@given(st.text(max_size=60))
def test_no_text_on_a_label_can_become_a_command(text: str) -> None:
    data = render(Label(**{**ERASED.__dict__, "rows": (Row(text),), "footer": text, "barcode": text}), Media())
    known = r"\^(XA|CI28|PW|LL|LH|PQ|FO|A0N|FR|FH|FD|FS|GB|GD|BQN|BY|BCN|XZ)"
    assert re.sub(known, "", data.decode()).count("^") == 0
    assert b"~" not in data
    assert data.count(b"^XA") == data.count(b"^XZ") == 1


@pytest.mark.parametrize(
    ("text", "field"),
    [("a^b~c", "a_5Eb_7Ec"), ("_5E", "_5F5E"), ("a\\&b", "a_5C&b"), ("ÆØÅ", "ÆØÅ"), ("\n\x7f", "_0A_7F")],
)
def test_what_zpl_could_misread_is_escaped_and_letters_stay_utf8(text: str, field: str) -> None:
    assert escape(text) == field


def test_danish_letters_are_utf8_under_ci28() -> None:
    data = render(Label(**{**ERASED.__dict__, "rows": (Row("Bås på Ærø"),)}), Media())
    assert b"^CI28" in data.splitlines()[0]
    assert "Bås på Ærø".encode() in data


def host_status(
    *, paper: int = 0, pause: int = 0, waiting: int = 0, head: int = 0, ribbon: int = 0, left: int = 0
) -> bytes:
    """The three strings of ~HS as Zebra's guide lists their fields."""
    one = f"030,{paper},{pause},0256,{waiting:03},0,0,0,000,0,0,0"
    two = f"000,0,{head},{ribbon},0,2,4,0,{left:08},1,000"
    return b"".join(b"\x02" + s.encode() + b"\x03\r\n" for s in (one, two, "1234,0"))


def test_a_host_status_is_read_flag_by_flag() -> None:
    ready = parse_host_status(host_status())
    assert ready is not None
    assert (ready.ready, ready.problems, ready.waiting) == (True, (), 0)
    bad = parse_host_status(host_status(paper=1, pause=1, head=1, ribbon=1, waiting=2, left=3))
    assert bad is not None
    assert (bad.ready, bad.waiting) == (False, 5)
    assert bad.problems == ("paper out", "paused", "head open", "ribbon out")


def test_half_a_host_status_is_none_yet() -> None:
    whole = host_status(paper=1)
    assert all(parse_host_status(whole[:cut]) is None for cut in range(len(whole) - 3))


@given(st.binary(max_size=200))
def test_garbage_for_a_host_status_never_breaks_the_reader(data: bytes) -> None:
    parse_host_status(b"\x02" + data)


# Each size and each resolution once: the renderer takes most of a second for each.
CASES = [("erased", SIZES[0]), ("failed", SIZES[3]), ("aborted", SIZES[2]), ("erased", SIZES[5])]


def test_an_independent_renderer_prints_codes_that_read_back_and_texts_that_fit(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed (apt-get install nodejs npm)")
    if not (ORACLE / "node_modules" / "zpl-renderer-js").is_dir():
        pytest.skip("zpl-renderer-js is not installed (npm install --prefix tests/drivers/printers/zpl_oracle)")
    command = [node, str(ORACLE / "render.cjs")]
    for number, (outcome, media) in enumerate(CASES):
        zpl, dots = tmp_path / f"{number}.zpl", 8 if media.dpi == 203 else 12
        zpl.write_bytes(render(ALL[outcome], media))
        command += [
            str(zpl),
            f"{tmp_path / str(number)}.png",
            f"{media.width / dots}",
            f"{media.height / dots}",
            f"{dots}",
        ]
    subprocess.run(command, check=True, timeout=PROGRAM_S, capture_output=True)
    for number, (outcome, media) in enumerate(CASES):
        check_rendered(ALL[outcome], media, Image.open(tmp_path / f"{number}.png").convert("L"))


def check_rendered(label: Label, media: Media, image: Image.Image) -> None:
    codes = {str(code.format): code.text for code in zxingcpp.read_barcodes(image)}
    assert codes.pop("QR Code") == QR
    assert codes == ({"Code 128": label.barcode} if media.height_mm >= 40 and label.barcode else {})
    for text in lay_out(label, media).marks:
        if isinstance(text, Text) and not text.reverse and text.text:
            cell = image.crop((text.x, text.y, text.x + text.width, text.y + text.height))
            after = image.crop((text.x + text.width, text.y, text.x + text.width + 3, text.y + text.height * 3 // 4))
            assert min(cell.tobytes()) < 64, f"{text.text!r} was not printed"
            assert min(after.tobytes()) > 192, f"{text.text!r} is wider than it was laid out for"
