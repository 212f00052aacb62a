"""The picture is the label: its codes read back, its letters are there."""

from __future__ import annotations

import io
import sys
from functools import cache
from itertools import cycle

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from drivers.errors import DriverUnavailable
from drivers.printers.languages.code128 import bars
from drivers.printers.languages.label import Media
from drivers.printers.languages.layout import lay_out
from drivers.printers.languages.marks import Code128, Drawing, Text, code128_modules
from drivers.printers.languages.paint import paint, png
from drivers.printers.languages.preview import preview
from tests.drivers.printers.labels import ALL, QR, SIZES

LATIN_1 = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ"


# Each size at each resolution, each outcome at least once; every outcome at every size is laid out in test_layout.py.
@pytest.mark.parametrize(("outcome", "media"), list(zip(cycle(ALL), SIZES[:6], strict=False)), ids=str)
def test_the_qr_code_of_the_picture_reads_back(outcome: str, media: Media) -> None:
    image = Image.open(io.BytesIO(preview(ALL[outcome], media)))
    assert image.size == (2 * media.width, 2 * media.height)
    codes = {str(code.format): code.text for code in zxingcpp.read_barcodes(image)}
    assert codes.pop("QR Code") == QR
    assert codes == ({"Code 128": ALL[outcome].barcode} if media.height_mm >= 40 and ALL[outcome].barcode else {})


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet=[chr(c) for c in range(32, 127)], min_size=1, max_size=24))
def test_every_code_128_reads_back(data: str) -> None:
    assert len(bars(data)) == code128_modules(data)
    image = paint(Drawing(2 * code128_modules(data) + 60, 100, (Code128(30, 20, 2, 60, data),)))
    assert [code.text for code in zxingcpp.read_barcodes(image)] == [data]


@cache
def ink(text: str) -> Image.Image:
    return paint(Drawing(120, 120, (Text(20, 30, 60, text),)))


@pytest.mark.parametrize("letter", LATIN_1)
def test_every_letter_of_latin_1_is_drawn_and_is_no_question_mark_or_plain_letter(letter: str) -> None:
    drawn = ink(letter)
    assert drawn.getextrema()[0] == 0
    for other in "?AOaoEeUuIiNnCcYy":
        assert ImageChops.difference(drawn, ink(other)).getbbox() is not None, other


def test_danish_letters_differ_from_one_another() -> None:
    pictures = {letter: ink(letter).tobytes() for letter in "ÆØÅæøåAEOaeo"}
    assert len(set(pictures.values())) == len(pictures)


@pytest.mark.parametrize("text", ["Wide WWW", "illi", "ÆØÅ", "bench-01-000123"])
def test_a_text_stays_within_the_width_that_it_was_laid_out_for(text: str) -> None:
    mark = Text(20, 40, 40, text)
    box = ImageChops.invert(paint(Drawing(600, 120, (mark,)))).getbbox()
    assert box is not None
    assert box[0] >= mark.x - 1
    assert box[2] <= mark.x + mark.width + 1


@pytest.mark.parametrize("library", ["PIL", "segno"])
def test_without_the_labels_extra_it_says_what_is_missing(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(DriverUnavailable, match=f"{library}.*extra `labels`"):
        png(lay_out(ALL["erased"], Media()))
