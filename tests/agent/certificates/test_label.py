"""A label says what its certificate says: only an erased drive gets the word and the tick."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from agent.certificates.certificate import Certificate, sign
from agent.certificates.label import Words, capacity, label_for, preview_png, write_label
from agent.certificates.record import (
    Asset,
    CapacityProof,
    Disposition,
    Drives,
    OutcomeName,
    Reason,
    Record,
    Sample,
    Verification,
)
from agent.jobs.label_proof import label_named
from agent.phrases import phrase
from drivers.printers.languages.errors import UnknownLanguage
from drivers.printers.languages.label import Label, Media, Shape
from drivers.printers.languages.layout import lay_out
from drivers.printers.languages.marks import Text
from drivers.printers.languages.reading import read
from tests.agent.samples import CAPACITY, record

KEY = Ed25519PrivateKey.generate()
SMALL = Media(width_mm=57, height_mm=32)


@pytest.fixture(autouse=True)
def _greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Labels show the time of the machine's own zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


OUTCOMES: tuple[OutcomeName, ...] = get_args(OutcomeName)
LANGUAGES: tuple[Words, ...] = get_args(Words)


def certificate(**facts: Any) -> Certificate:  # noqa: ANN401 - fields of Record
    return sign(record(**facts), KEY)


def ended(outcome: OutcomeName, **facts: Any) -> Certificate:  # noqa: ANN401 - fields of Record
    if outcome == "erased":
        return certificate(**facts)
    nothing = msgspec.structs.replace(
        record().sanitization, level="none", level_nist_800_88_r1="none", level_ieee_2883="none"
    )
    why = Reason(code="BW-E02", text="Parts of the drive could not be read")
    return certificate(**{"outcome": outcome, "sanitization": nothing, "reason": why, **facts})


def words(label: Label) -> str:
    return " | ".join((label.headline, *(row.text for row in label.rows), label.footer, label.copy))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_only_an_erased_drive_has_the_word_the_tick_and_a_level(outcome: OutcomeName, language: Words) -> None:
    label = label_for(ended(outcome), language=language)
    claims = {"ERASED", "SLETTET"}
    assert (label.headline in claims) is (outcome == "erased")
    assert (label.shape is Shape.TICK) is (outcome == "erased")
    assert ("Clear" in words(label)) is (outcome == "erased")
    assert label.alarm is (outcome == "failed")
    if outcome != "erased":
        text = words(label).upper()
        for claim in claims:
            assert text.count(claim) == text.count(f"NOT {claim}") + text.count(f"IKKE {claim}")


@pytest.mark.parametrize(
    ("language", "told"), [("en", "FAKE: shows 512 GB, has 8 GB"), ("da", "FALSK: viser 512 GB, har 8 GB")]
)
def test_a_counterfeit_is_named_on_its_label_with_what_it_has(language: Words, told: str) -> None:
    proof = CapacityProof(seed="ab", places=1024, bytes=1, result="failed", real_bytes=8 * 10**9)
    made = ended("failed", capacity_proof=proof)
    shown = msgspec.structs.replace(made.record.drive, capacity_bytes=512 * 10**9)
    why = Reason(code="BW-E65", text="The drive is a counterfeit")
    false = sign(msgspec.structs.replace(made.record, drive=shown, reason=why), KEY)
    label = label_for(false, language=language)
    assert told in words(label)
    assert ("may hold data" in words(label)) or ("kan indeholde data" in words(label))
    assert label.headline in ("DESTROY", "DESTRUER")
    assert write_label(false, Media(), language=language)


def test_the_outcomes_differ_in_words_and_in_shape() -> None:
    assert len({label_for(ended(outcome)).shape for outcome in OUTCOMES}) == len(OUTCOMES)
    assert [label_for(ended(o)).headline for o in OUTCOMES] == [
        "ERASED",
        "DESTROY",
        "ABORTED - ERASE AGAIN",
        "NOT ERASED",
    ]
    assert [label_for(ended(o), language="da").headline for o in OUTCOMES] == [
        "SLETTET",
        "DESTRUER",
        "AFBRUDT - SLET IGEN",
        "IKKE SLETTET",
    ]


def test_a_failed_drive_shows_why_and_that_it_may_hold_data() -> None:
    assert "BW-E02 may hold data" in words(label_for(ended("failed")))


@pytest.mark.parametrize(("language", "word"), [("en", "ERASE AGAIN"), ("da", "SLET IGEN")])
def test_a_drive_that_another_program_wrote_to_is_not_to_be_destroyed(language: Words, word: str) -> None:
    why = Reason(code="BW-E60", text="Another program wrote 4096 bytes to the drive", hint="Erase it again.")
    label = label_for(ended("failed", reason=why), language=language)
    assert (label.headline, label.alarm) == (word, False)
    assert label.shape not in (Shape.TICK, Shape.CROSS)


def test_it_shows_number_asset_drive_method_date_and_code() -> None:
    made = certificate()
    label = label_for(made)
    shown = [row.text for row in label.rows]
    assert shown[0] == made.record.asset.tag if made.record.asset else False
    assert shown[1] == made.record.drive.serial
    assert shown[2] == "ACME Wheel 67.1 MB"
    assert "2026-11-22 20:00" in shown
    assert label.footer == made.record.number
    url = "https://certificates.example.dk/c/"
    assert label_for(made, certificate_url=url).qr == url + made.id


def test_without_an_asset_the_number_is_the_barcode() -> None:
    assert label_for(certificate(asset=None)).barcode == record().number
    assert label_for(certificate(asset=Asset(tag="KK-1"))).barcode == "KK-1"


@pytest.mark.parametrize(
    ("verification", "shown"),
    [
        (Verification(kind="full", result="passed", bytes=CAPACITY), "Verified: all of it"),
        (
            Verification(kind="sample", result="passed", bytes=9, sample=Sample(seed="00", locations=9, fraction=0.1)),
            "Verified: 10 % sampled",
        ),
        (Verification(kind="none", result="not-run"), "Not verified"),
    ],
)
def test_what_was_not_read_back_is_never_called_verified(verification: Verification, shown: str) -> None:
    assert shown in [row.text for row in label_for(certificate(verification=verification)).rows]


def test_a_clock_that_nobody_set_is_said() -> None:
    clock = msgspec.structs.replace(record().clock, synchronised=False)
    assert "2026-11-22 20:00, clock not set" in [r.text for r in label_for(certificate(clock=clock)).rows]


def test_a_letter_grade_is_big_and_a_longer_one_is_a_row_and_a_drive_to_destroy_has_none() -> None:
    assert label_for(certificate(disposition=Disposition(grade="B"))).grade == "B"
    long = label_for(certificate(disposition=Disposition(grade="B+ scratched")))
    assert (long.grade, long.rows[-1].text) == ("", "Grade B+ scratched")
    assert label_for(ended("failed", disposition=Disposition(grade="A"))).grade == ""


def test_a_reprint_says_which_copy_it_is() -> None:
    assert label_for(certificate()).copy == ""
    assert label_for(certificate(), copy=3).copy == "COPY 3"
    assert label_for(certificate(), copy=3, language="da").copy == "KOPI 3"


def without(**facts: object) -> Record:
    return record(drive=msgspec.structs.replace(record().drive, **facts))


def test_a_drive_that_does_not_say_who_it_is_says_that() -> None:
    made = sign(without(serial=None, wwn=None, vendor=None, model=None), KEY)
    assert [row.text for row in label_for(made).rows][1:3] == ["No serial number", "67.1 MB"]


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (67108864, "67.1 MB"),
        (500107862016, "500 GB"),
        (999_900_000_000, "1 TB"),
        (1920383410176, "1.92 TB"),
        (22000969973760, "22 TB"),
        (1234 * 10**12, "1234 TB"),
    ],
)
def test_capacities_are_as_drives_are_sold(size: int, shown: str) -> None:
    assert capacity(size) == shown


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_bytes_and_picture_are_of_the_same_label(outcome: OutcomeName) -> None:
    made = ended(outcome)
    media = Media(width_mm=57, height_mm=32, dpi=300)
    assert made.id.encode() in write_label(made, media, copy=1)
    codes = zxingcpp.read_barcodes(Image.open(io.BytesIO(preview_png(made, media, copy=1))))
    assert [code.text for code in codes] == [label_for(made).qr]


def test_a_label_in_dots_is_as_large_as_its_picture_and_holds_the_same_code() -> None:
    made = certificate(asset=Asset(tag='Bås-1"\r\nPRINT 9,9'))
    media = Media(language="brother-ql", width_mm=62, height_mm=29)
    printed = read(write_label(made, media), media)
    picture = Image.open(io.BytesIO(preview_png(made, media)))
    assert picture.size == (2 * 696, 2 * 271)
    assert printed.size == (720, 271)
    assert [code.text for code in zxingcpp.read_barcodes(printed)] == [label_for(made).qr]


def test_an_unknown_language_has_no_picture_either() -> None:
    with pytest.raises(UnknownLanguage, match="known: brother-ql, epl"):
        preview_png(certificate(), Media(language="xpl"))


def test_where_it_goes_stands_on_the_label_of_an_erased_drive_only() -> None:
    goes = Disposition(grade="B", destination="Genbrug Århus")
    assert any(
        row.text == "Går til Genbrug Århus" for row in label_for(certificate(disposition=goes), language="da").rows
    )
    assert "Århus" not in words(label_for(ended("failed", disposition=goes), language="da"))


def test_a_grade_that_was_given_later_takes_the_place_of_the_one_that_was_signed() -> None:
    signed = certificate(disposition=Disposition(grade="B", destination="Genbrug Århus"))
    label = label_for(signed, language="da", given=Disposition(grade="C", destination="Skrot"))
    assert label.grade == "C"
    assert "Går til Skrot" in words(label)
    assert "Århus" not in words(label)


def test_the_time_is_that_of_the_clock_on_the_wall_and_the_signed_one_is_utc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Europe/Copenhagen")
    time.tzset()
    made = certificate()
    assert "2026-11-22 21:00" in [row.text for row in label_for(made, language="da").rows]
    assert made.record.finished_at.startswith("2026-11-22T20:00")


def test_the_bay_stands_on_the_label_of_a_drive_that_was_in_one() -> None:
    assert "Bås A1" in [row.text for row in label_for(certificate(), language="da", bay="A1").rows]
    assert not any("Bås" in row.text for row in label_for(certificate(), language="da").rows)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_without_an_address_the_code_says_in_words_what_this_is_and_the_station_reads_both_kinds(
    outcome: OutcomeName, language: Words
) -> None:
    made = ended(outcome)
    label = label_for(made, language=language)
    serial = made.record.drive.serial
    assert label.qr.split(" ")[:2] == [made.record.number, serial]
    assert label.headline in label.qr
    assert label.qr.endswith(f" {made.id}")
    assert label.qr.isascii()
    for text in (label.qr, label.qr_short, f"benchwipe:{made.id}"):
        assert label_named(text, station_id="bench-01", certificate_url="") == made.id


def test_letters_that_a_scanner_types_otherwise_are_spelled_out_in_the_code() -> None:
    nothing = Verification(kind="none", result="not-run")
    assert "IKKE LAEST TILBAGE" in label_for(certificate(verification=nothing), language="da").qr
    odd = sign(without(serial="A\nB\u00c5\u6f22"), KEY)
    assert " A?BAA? " in label_for(odd).qr


def test_words_that_only_end_like_a_code_are_no_label() -> None:
    digits = "0123456789abcdef" * 4
    for text in (f"hello {digits}", f"{digits} {digits}", f"bench-01-000001 {digits}x", digits):
        assert label_named(text, station_id="bench-01", certificate_url="") is None


def on_paper(made: Certificate, media: Media, language: Words) -> list[str]:
    drawing = lay_out(label_for(made, language=language, bay="A1"), media)
    return [mark.text for mark in drawing.marks if isinstance(mark, Text)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("model", ["Wheel", "Samsung Electronics MZVLB512HBJQ-000L7 PM981a NVMe"])
def test_the_small_label_keeps_the_capacity(model: str, language: Words) -> None:
    drive = msgspec.structs.replace(record().drive, model=model, vendor=None)
    told = on_paper(certificate(drive=drive), SMALL, language)
    assert any(text.endswith("67.1 MB") for text in told)
    assert "Bås A1" in told or "Bay A1" in told


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("media", [SMALL, Media(width_mm=50, height_mm=30), Media(width_mm=100, height_mm=50)])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_warning_is_whole_or_not_there_and_the_small_label_has_all_of_them(
    outcome: OutcomeName, media: Media, language: Words
) -> None:
    unset = msgspec.structs.replace(record().clock, synchronised=False)
    made = ended(outcome, clock=unset, asset=Asset(tag="KK-0123456789"))
    if outcome == "erased":
        made = certificate(clock=unset, verification=Verification(kind="none", result="not-run"))
    label = label_for(made, language=language, bay="A1")
    warnings = [row.text for row in label.rows if row.whole]
    assert len(warnings) >= 2
    text = " ".join(on_paper(made, media, language))
    missing = [warning for warning in warnings if warning not in text]
    assert [warning for warning in missing if warning[:12] in text] == []
    assert missing == [] or media.height_mm < SMALL.height_mm


@pytest.mark.parametrize(
    ("code", "language", "why"), [("BW-E02", "da", "Dele af drevet"), ("BW-S12", "en", "does not tell")]
)
def test_a_drive_that_is_not_erased_says_why_in_the_labels_language(code: str, language: Words, why: str) -> None:
    made = ended("failed", reason=Reason(code=code, text="As it was signed"))
    assert why in words(label_for(made, language=language))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("of", "shape"), [(1, Shape.TICK), (2, Shape.HALF)])
def test_a_label_made_from_the_certificate_alone_says_erased_of_no_device_with_another_drive(
    language: Words, of: int, shape: Shape
) -> None:
    one = certificate(asset=Asset(tag="KK-0800", drives=Drives(index=1, of=of)))
    label = label_for(one, language=language)
    assert (label.shape, label.headline == phrase(language, "label_erased")) == (shape, of == 1)
    assert (phrase(language, "label_erased") in label.qr) is (of == 1)
