"""Every language says what the layout says: its bytes, read by the rules of its own manual, are the painted label."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import get_args, get_type_hints

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from drivers.errors import DriverUnavailable
from drivers.printers.base import PrinterSettings
from drivers.printers.languages import MODULES, brother_ql, epl, escpos, language, render, tspl
from drivers.printers.languages.errors import LabelDoesNotFit, UnknownLanguage
from drivers.printers.languages.label import Label, Media, Row
from drivers.printers.languages.layout import lay_out
from drivers.printers.languages.marks import Box, Diagonal, Drawing, Text
from drivers.printers.languages.paint import paint
from drivers.printers.languages.raster import Bitmap, Tile
from drivers.printers.languages.reading import read
from tests.drivers.printers.labels import ABORTED, ERASED, FAILED, LABELS, QR, REFUSED

DOTS = ("tspl", "epl", "escpos", "brother-ql")
CASES = (  # each outcome, a barcode, both resolutions, and labels that a Brother QL prints upright, turned and die-cut
    (ERASED, Media(width_mm=57, height_mm=32)),
    (FAILED, Media(width_mm=100, height_mm=50, dpi=300)),
    (ABORTED, Media(width_mm=62, height_mm=29)),
    (REFUSED, Media(width_mm=90, height_mm=29, dpi=300)),
)


def dots(image: Image.Image) -> Image.Image:
    return image.point([0] * 128 + [255] * 128)


def painted(label: Label, media: Media) -> Image.Image:
    """The label as the preview paints it, at one pixel a dot."""
    return dots(paint(lay_out(label, language(media.language).adapted(media))))


def printed(label: Label, media: Media) -> Image.Image:
    """The label as its reader prints it; a Brother's is cut out of the tape and turned upright."""
    data, image = render(label, media), painted(label, media)
    sheet = read(data, media)
    if media.language != "brother-ql":
        return sheet.crop((0, 0, image.width, image.height))
    roll = brother_ql.roll_for(media)
    across = image.height if roll.turned else image.width
    right = sheet.width - roll.offset - (roll.across - across) // 2
    cut = sheet.crop((right - across, 0, right, sheet.height))
    assert ImageChops.invert(sheet).getbbox() == inked(cut, right - across)
    return cut.transpose(Image.Transpose.ROTATE_90) if roll.turned else cut


def inked(cut: Image.Image, left: int) -> tuple[int, int, int, int]:
    box = ImageChops.invert(cut).getbbox()
    assert box is not None
    return box[0] + left, box[1], box[2] + left, box[3]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].headline}-{case[1].width_mm}x{case[1].height_mm}")
@pytest.mark.parametrize("name", DOTS)
def test_the_printed_label_is_the_painted_one_and_its_codes_read_back(name: str, case: tuple[Label, Media]) -> None:
    label, media = case[0], replace(case[1], language=name)
    image = printed(label, media)
    assert ImageChops.difference(image, painted(label, media)).getbbox() is None
    codes = {str(code.format): code.text for code in zxingcpp.read_barcodes(image)}
    assert codes == {"QR Code": QR} | ({"Code 128": label.barcode} if media.height_mm >= 40 else {})


@pytest.mark.parametrize("name", DOTS)
def test_danish_letters_are_printed_as_themselves(name: str) -> None:
    media = Media(language=name)
    pictures = {
        render(replace(ERASED, rows=(Row(text),)), media) for text in ("Bås på Ærø", "Bas pa Ero", "B?s p? ?r?")
    }
    assert len(pictures) == 3


HOSTILE = st.text(st.sampled_from('"\\\r\n\x00\x10\x04\x1b!?^~,\x1dP1N$Ø\x1a'), min_size=1, max_size=12)


@pytest.mark.parametrize("name", DOTS)
@settings(max_examples=8, deadline=None)
@given(label=LABELS, text=HOSTILE, qr=HOSTILE)
def test_no_text_on_a_label_can_become_a_command(name: str, label: Label, text: str, qr: str) -> None:
    """The readers take one label and nothing else: any command that a text could smuggle in is a ValueError."""
    rows = (Row(text, identifier=True), *label.rows)
    media = Media(language=name, width_mm=62, height_mm=40)
    made = replace(label, rows=rows, footer=text, barcode=text, qr=qr)
    assert read(render(made, media), media).height >= brother_ql.adapted(media).height * (203 / 300) - 1


@pytest.mark.parametrize("name", DOTS)
def test_the_qr_code_of_any_address_reads_back_and_is_no_command(name: str) -> None:
    qr = 'https://x.dk/?a="\r\nPRINT 9,9\r\n'
    media = Media(language=name)
    label = replace(ERASED, qr=qr)
    data = render(label, media)
    assert b"PRINT 9" not in data
    assert [code.text for code in zxingcpp.read_barcodes(printed(label, media))] == [qr]


def test_an_unknown_language_lists_the_known() -> None:
    with pytest.raises(UnknownLanguage, match=r"'xpl'; known: brother-ql, epl, escpos, tspl, zpl$"):
        language("xpl")


def test_the_settings_know_every_language() -> None:
    assert set(get_args(get_type_hints(PrinterSettings)["language"])) == set(MODULES)
    for name in MODULES:
        assert language(name).name == name
        assert language(name).dialogue is not None


@pytest.mark.parametrize("name", DOTS)
def test_without_the_labels_extra_it_says_what_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DriverUnavailable, match=r"PIL.*extra `labels`"):
        render(ERASED, Media(language=name))


@pytest.mark.parametrize(
    ("gap", "tspl_line", "epl_line"), [(3, b"GAP 3 mm,", b"Q255,24\r"), (0, b"GAP 0 mm,", b"Q255,0\r")]
)
def test_the_gap_between_labels_is_told(gap: int, tspl_line: bytes, epl_line: bytes) -> None:
    settings = PrinterSettings(language="tspl", gap_mm=gap)
    assert render(ERASED, settings.media()).splitlines()[:2] == [b"SIZE 57 mm,32 mm", tspl_line + b"0 mm"]
    assert epl_line in render(ERASED, Media(language="epl", gap_mm=gap))
    assert b"Q255,16\r" in render(ERASED, Media(language="epl", gap_mm=1))


def test_a_plain_address_is_a_native_qr_code_of_model_2_in_tspl() -> None:
    assert f'M2,S7,"{QR}"'.encode() in render(ERASED, Media(language="tspl"))


@pytest.mark.parametrize("command", [b"\x10\x04\x01", b"\x10\x14\x02", b"\x10\x05\x02"])
def test_a_picture_that_holds_a_command_of_esc_pos_loses_it_and_gains_one_dot(command: bytes) -> None:
    rows = b"\x00\x00\x10" + command[1:] + b"\x00" + command + command  # across two rows, and within one
    data = escpos.write(Bitmap(48, 2, rows))
    assert command not in data
    wanted = Image.frombytes("1", (48, 2), rows, "raw", "1;I").convert("L")
    different = ImageChops.difference(read(data, Media(language="escpos")), wanted)
    assert different.tobytes().count(255) == 3


def test_a_picture_that_holds_a_command_of_tspl_loses_it() -> None:
    line = tspl.image_command(Tile(0, 0, Bitmap(32, 1, bytes(255 - b for b in b"\x1b!R\x1b"))))
    assert line == b"BITMAP 0,0,4,1,0,\x1a!R\x1b"


@pytest.mark.parametrize("name", ["tspl", "epl"])
def test_marks_at_the_very_edge_are_printed_without_leaving_the_label(name: str) -> None:
    """Pictures are whole bytes wide: at the right edge they begin further to the left."""
    width, height = Media(height_mm=30, width_mm=30).width, Media(height_mm=30).height
    marks = (
        Diagonal(width - 20, 0, 20, 20, 5, rising=True),
        Text(width - 30, height - 40, 40, "JÅ"),
        Box(0, 0, 4, 4, 1),
    )
    drawing, media = Drawing(width, height, marks), Media(language=name, width_mm=30, height_mm=30)
    data = {"tspl": tspl, "epl": epl}[name].write(drawing, media)
    assert ImageChops.difference(read(data, media), dots(paint(drawing))).getbbox() is None


def test_strips_of_esc_pos_fit_the_smallest_buffer_and_the_label_is_cut_off() -> None:
    for media in (Media(language="escpos", width_mm=110, height_mm=60, dpi=300), Media(language="escpos")):
        data = render(ERASED, media)
        assert read(data, media).height == media.height
        assert data.startswith(b"\x1b@")
        assert data.endswith(b"\x1dVB\x00")


# Pins of the print head: free at the left, printed, free at the right (Raster Command Reference 2.3.5).
TAPES = {29: (408, 306, 6), 38: (295, 413, 12), 50: (154, 554, 12), 54: (130, 590, 0), 62: (12, 696, 12)}


@pytest.mark.parametrize(
    ("size", "tape", "length", "turned"),
    [
        ((57, 32), 62, 0, False),
        ((40, 25), 50, 0, False),
        ((30, 20), 38, 0, False),
        ((62, 29), 62, 29, False),
        ((62, 100), 62, 100, False),
        ((100, 62), 62, 100, True),
        ((90, 29), 29, 90, True),
        ((100, 50), 50, 0, True),
        ((62, 300), 62, 0, False),
        ((100, 150), 102, 0, False),
        ((102, 51), 102, 51, False),
    ],
)
def test_a_brother_gets_a_roll_that_holds_the_label(
    size: tuple[int, int], tape: int, length: int, turned: bool
) -> None:
    media = Media(language="brother-ql", width_mm=size[0], height_mm=size[1])
    roll = brother_ql.roll_for(media)
    assert (roll.width_mm, roll.length_mm, roll.turned) == (tape, length, turned)
    if tape in TAPES:
        assert (720 - roll.right - roll.across, roll.across, roll.right) == TAPES[tape]
    made = brother_ql.adapted(media)
    across, along = (made.height, made.width) if turned else (made.width, made.height)
    assert across <= roll.across
    assert along == (roll.along or int(max(size if turned else size[1:]) * 300 / 25.4))


def test_a_brother_is_told_media_lines_and_margin_as_its_manual_shows() -> None:
    continuous = render(ERASED, Media(language="brother-ql"))
    assert continuous.startswith(bytes(200) + b"\x1b@\x1bia\x01\x1biz\x86\x0a\x3e\x00" + (377).to_bytes(4, "little"))
    assert b"\x1bid\x23\x00g\x00\x5a" in continuous
    die_cut = render(ERASED, Media(language="brother-ql", width_mm=62, height_mm=29))
    assert b"\x1biz\x8e\x0b\x3e\x1d" + (271).to_bytes(4, "little") in die_cut
    assert b"\x1bid\x00\x00g\x00\x5a" in die_cut


def test_a_label_wider_than_any_brother_tape_is_refused() -> None:
    with pytest.raises(
        LabelDoesNotFit, match="110 x 110 mm cannot be printed: no Brother QL tape is wider than 102 mm"
    ):
        render(ERASED, Media(language="brother-ql", width_mm=110, height_mm=110))


@pytest.mark.parametrize("name", DOTS)
def test_a_reader_prints_nothing_of_half_a_label_or_of_more_than_one(name: str) -> None:
    media = Media(language=name)
    data = render(ERASED, media)
    for wrong in (data[:-1], data[: len(data) // 2], data + b"x", b"x" + data, b""):
        with pytest.raises(ValueError, match=r"\w"):
            read(wrong, media)
