"""Whatever stands on a label: nothing overlaps, nothing leaves it, and the codes keep their quiet zones."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import example, given, settings

from drivers.printers.languages.errors import LabelDoesNotFit
from drivers.printers.languages.label import Label, Media, Row, Shape
from drivers.printers.languages.layout import QUIET, lay_out
from drivers.printers.languages.marks import Box, Code128, Diagonal, Drawing, Mark, Qr, Text, text_width
from tests.drivers.printers.labels import ALL, ERASED, FAILED, LABELS, MEDIA, SIZES

TAILS = "gjpqyQJ,;()[]{}|_@$/\\çÇ§µ¶þÿýýß"
Extent = tuple[int, int, int, int]


def extent(mark: Mark) -> Extent:
    """Where its ink can be: below three quarters of a text's cell there are only tails."""
    tails = not isinstance(mark, Text) or any(c in TAILS for c in mark.text)
    return mark.x, mark.y, mark.x + mark.width, mark.y + (mark.height if tails else mark.height * 3 // 4)


def overlap(a: Extent, b: Extent) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def inside(a: Extent, b: Extent) -> bool:
    return a[0] >= b[0] and a[1] >= b[1] and a[2] <= b[2] and a[3] <= b[3]


def contents(drawing: Drawing) -> list[Mark]:
    """What must not touch; the frame, the grade's box and the icon's strokes hold or cross others on purpose."""
    return [
        m for m in drawing.marks if isinstance(m, (Qr, Code128)) or (isinstance(m, Text) and m.text and not m.reverse)
    ]


def check(drawing: Drawing) -> None:
    whole = (0, 0, drawing.width, drawing.height)
    for mark in drawing.marks:
        assert inside(extent(mark), whole), mark
    full = [m for m in drawing.marks if isinstance(m, Box) and m.full]
    for one, other in combinations(contents(drawing), 2):
        assert not overlap(extent(one), extent(other)), (one, other)
    for one in contents(drawing):
        for box in full:
            assert not overlap(extent(one), extent(box)), (one, box)
    for text in drawing.marks:
        if isinstance(text, Text) and text.reverse:
            capitals = (text.x, text.y, text.x + text.width, text.y + text.height * 3 // 4)
            assert any(inside(capitals, extent(b)) for b in full), text


def check_quiet(drawing: Drawing) -> None:
    (qr,) = (m for m in drawing.marks if isinstance(m, Qr))
    quiet = QUIET * qr.module
    zone = (qr.x - quiet, qr.y - quiet, qr.x + qr.width + quiet, qr.y + qr.height + quiet)
    frame = [m for m in drawing.marks if isinstance(m, Box) and m.width > drawing.width * 9 // 10 and not m.full]
    for mark in drawing.marks:
        if mark is not qr and mark not in frame and not (isinstance(mark, Text) and not mark.text):
            assert not overlap(zone, extent(mark)), (qr, mark)
    for mark in frame:
        line = mark.line
        assert inside(zone, (mark.x + line, mark.y + line, mark.x + mark.width - line, mark.y + mark.height - line))


@settings(max_examples=60, deadline=None)
@given(LABELS, MEDIA)
@example(
    Label("ATTESTED, NOT MEASURED", Shape.TICK, False, (), "", "benchwipe:" + "0123456789abcdef" * 4),
    Media(width_mm=55, height_mm=25, dpi=300),
)
def test_nothing_overlaps_and_nothing_leaves_the_label(label: Label, media: Media) -> None:
    drawing = lay_out(label, media)
    check(drawing)
    check_quiet(drawing)


@pytest.mark.parametrize("media", SIZES, ids=lambda m: f"{m.width_mm}x{m.height_mm}-{m.dpi}")
@pytest.mark.parametrize("outcome", ALL)
def test_every_outcome_fits_every_usual_size_with_headline_number_and_code(outcome: str, media: Media) -> None:
    label = ALL[outcome]
    drawing = lay_out(label, media)
    texts = [m.text for m in drawing.marks if isinstance(m, Text)]
    assert label.headline in texts
    assert label.footer in texts
    assert texts.count(label.rows[0].text) == 1
    check(drawing)


def test_a_headline_is_never_cut_to_another_claim() -> None:
    label = Label(**{**ERASED.__dict__, "headline": "NOT " * 30 + "ERASED", "grade": "A"})
    with pytest.raises(LabelDoesNotFit, match="headline"):
        lay_out(label, Media())


def test_a_label_too_small_for_its_code_says_so() -> None:
    with pytest.raises(LabelDoesNotFit, match="25 x 15 mm cannot be printed: a QR code of"):
        lay_out(Label(**{**ERASED.__dict__, "qr": "https://" + "x" * 200}), Media(width_mm=25, height_mm=15))


def test_an_identifier_loses_its_middle_and_a_sentence_its_end() -> None:
    rows = (Row("A" + "x" * 90 + "Z", identifier=True), Row("B" + "y" * 90 + "Q"))
    texts = [m for m in lay_out(Label(**{**ERASED.__dict__, "rows": rows}), Media()).marks if isinstance(m, Text)]
    (one,) = (t.text for t in texts if t.text.startswith("A") and "..." in t.text)
    (two,) = (t.text for t in texts if t.text.startswith("B") and "..." in t.text)
    assert one.endswith("Z")
    assert two.endswith("y...")


def test_a_drive_to_destroy_has_a_frame_a_cross_and_white_words_and_nothing_else_has() -> None:
    def facts(label: Label) -> tuple[bool, int, bool]:
        marks = lay_out(label, Media()).marks
        frame = any(isinstance(m, Box) and m.width > 430 and m.height > 230 for m in marks)
        white = any(isinstance(m, Text) and m.reverse and m.text == label.headline for m in marks)
        return frame, sum(isinstance(m, Diagonal) for m in marks), white

    assert facts(FAILED) == (True, 2, True)
    assert facts(ALL["aborted"]) == facts(ALL["refused"]) == (False, 0, False)
    assert facts(ERASED) == (False, 2, False)
    crossing = [m for m in lay_out(FAILED, Media()).marks if isinstance(m, Diagonal)]
    assert extent(crossing[0]) == extent(crossing[1])


@pytest.mark.parametrize("tag", ["", "Ærø-1", "x" * 80])
def test_a_barcode_that_cannot_be_printed_is_left_out(tag: str) -> None:
    marks = lay_out(Label(**{**ERASED.__dict__, "barcode": tag}), Media(width_mm=100, height_mm=50)).marks
    assert not any(isinstance(m, Code128) for m in marks)


def test_characters_that_no_printer_has_become_question_marks() -> None:
    rows = (Row("盤 Ærø\x1b^XA"),)
    texts = [m.text for m in lay_out(Label(**{**ERASED.__dict__, "rows": rows}), Media()).marks if isinstance(m, Text)]
    assert "? Ærø?^XA" in texts
    assert text_width("Ærø", 100) > text_width("er", 100)


def test_a_label_that_is_too_small_for_the_words_in_its_code_holds_the_short_ones() -> None:
    short = "benchwipe:" + "0123456789abcdef" * 4
    made = Label("ERASED", Shape.TICK, False, (), "", "words " * 50, qr_short=short)
    for media, held in ((Media(width_mm=30, height_mm=20), short), (Media(width_mm=100, height_mm=50), made.qr)):
        assert [m.data for m in lay_out(made, media).marks if isinstance(m, Qr)] == [held]


def test_what_is_no_warning_and_no_identifier_makes_room_for_warnings() -> None:
    plain = tuple(Row(f"plain row number {n}") for n in range(9))
    made = Label(
        "ERASED", Shape.TICK, False, (Row("ID", identifier=True), *plain, Row("of two words", whole=True)), "", "x"
    )
    told = [m.text for m in lay_out(made, Media(width_mm=40, height_mm=20)).marks if isinstance(m, Text)]
    assert "ID" in told
    assert "of two words" in " ".join(told)
    assert "plain row number 8" not in told
