"""Attested is never measured: not in type, not in record, not on label, page or terminal, and never by accident."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.attestation import (
    QUESTIONS,
    TECHNIQUE,
    Attested,
    Handset,
    NotAttested,
    Reset,
    asset_of,
    attest,
    imei_problem,
    is_attested,
    second_imei_problem,
)
from agent.certificates.certificate import Certificate, sign, verify
from agent.certificates.jws import thumbprint
from agent.certificates.label import Words, label_for, preview_png, write_label
from agent.certificates.outcome import Erased
from agent.certificates.record import (
    Attestation,
    CommandRecord,
    Disposition,
    Operator,
    PassRecord,
    Record,
    Unreached,
    Verification,
)
from agent.errors import CertificateProblem
from agent.jobs.certify import Occasion
from agent.jobs.registrar import Registrar
from agent.pdf import print_certificate
from agent.phrases import LANGUAGES
from agent.settings import Settings
from agent.views.certificate import certificate_lines
from drivers.printers.languages.label import Media, Shape
from drivers.printers.languages.reading import picture
from tests.agent.pdf.test_pdf import pages, poppler
from tests.agent.samples import record as measured

AT = "2026-11-25T10:00:00Z"
IMEI = "490154203237518"  # the example of 3GPP TS 23.003
IDA = Operator(id="ida", name="Ida Sørensen", title="Tekniker")
ALL_YES = dict.fromkeys(QUESTIONS, True)
KEY = Ed25519PrivateKey.generate()
HANDSET = Handset(IMEI, "KK-004711", "phone", "Nordfon", "Ægir 5")


@pytest.fixture(scope="module")
def registrar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registrar]:
    made = Registrar(Settings(), tmp_path_factory.mktemp("attested"))
    yield made
    made.close()


def certified(registrar: Registrar, reset: Reset | None = None) -> Certificate:
    return registrar.attest(HANDSET, reset or attest(IDA, ALL_YES, at=AT), Occasion("job-1", AT, IDA))


@pytest.fixture(scope="module")
def attested(registrar: Registrar) -> Certificate:
    return certified(registrar)


def signed(made: Record, **facts: Any) -> Certificate:  # noqa: ANN401 - fields of Record
    return sign(msgspec.structs.replace(made, **facts), KEY)


@pytest.mark.parametrize("answers", list(itertools.product((True, False, None), repeat=4)))
def test_only_a_whole_set_of_yes_answers_by_a_named_person_attests(answers: tuple[bool | None, ...]) -> None:
    given = {q: a for q, a in zip(QUESTIONS, answers, strict=True) if a is not None}
    reset = attest(IDA, given, at=AT)
    assert isinstance(reset, Attested) is (answers == (True,) * len(QUESTIONS))
    assert not isinstance(reset, Erased)
    assert isinstance(attest(Operator(id=""), ALL_YES, at=AT), NotAttested)


@pytest.mark.parametrize(
    ("text", "good"), [(IMEI, True), ("490154203237519", False), (IMEI[:14], False), ("4901542O3237518", False)]
)
def test_an_imei_is_checked_by_its_last_digit(text: str, good: bool) -> None:
    assert (imei_problem(text) == "") is good


def test_every_single_wrong_digit_of_an_imei_is_found() -> None:
    for place, digit in itertools.product(range(15), "0123456789"):
        wrong = IMEI[:place] + digit + IMEI[place + 1 :]
        assert (imei_problem(wrong) == "") is (wrong == IMEI)


def test_its_certificate_claims_clear_by_a_person_and_no_measurement(
    registrar: Registrar, attested: Certificate
) -> None:
    record = attested.record
    assert (record.outcome, record.sanitization.level, record.sanitization.technique) == ("erased", "clear", TECHNIQUE)
    assert (record.sanitization.method, record.verification) == (
        "factory-reset",
        Verification(kind="none", result="not-run"),
    )
    assert record.attestation is not None
    assert [(c.question, c.answer) for c in record.attestation.checks] == [(q, "yes") for q in QUESTIONS]
    assert (record.attestation.by, record.operator) == ("ida", IDA)
    assert (record.drive.serial, record.drive.capacity_bytes, record.drive.identity_source) == (IMEI, 0, "scanned")
    key = registrar.key.public_key()
    assert is_attested(verify(attested.compact, {thumbprint(key): key}).record)
    assert [row.id for row in registrar.ledger.outbox.waiting(9)].count(attested.id) == 1


def test_a_no_is_certified_and_claims_nothing(registrar: Registrar) -> None:
    record = certified(registrar, attest(IDA, {**ALL_YES, "account-removed": False}, at=AT)).record
    assert (record.outcome, record.sanitization.level) == ("aborted", "none")
    assert record.reason is not None
    assert record.reason.code == "BW-E30"
    assert not is_attested(record)


PASS = PassRecord(number=1, pattern="00", bytes=0, started_at=AT, finished_at=AT)
FORGERIES: dict[str, Any] = {
    "without its answers": lambda r: {"attestation": msgspec.structs.replace(r.attestation, checks=())},
    "with one no": lambda r: {
        "attestation": msgspec.structs.replace(
            r.attestation,
            checks=(*r.attestation.checks[:-1], msgspec.structs.replace(r.attestation.checks[-1], answer="no")),
        )
    },
    "without the attestation": lambda r: {"attestation": None},
    "without its operator": lambda r: {"operator": None},
    "by somebody else": lambda r: {"operator": Operator(id="bo")},
    "by nobody": lambda r: {"operator": Operator(id=""), "attestation": msgspec.structs.replace(r.attestation, by="")},
    "as purge": lambda r: {"sanitization": msgspec.structs.replace(r.sanitization, level="purge")},
    "as an overwrite": lambda r: {"sanitization": msgspec.structs.replace(r.sanitization, technique="overwrite")},
    "with a pass": lambda r: {"sanitization": msgspec.structs.replace(r.sanitization, passes=(PASS,))},
    "with a command": lambda r: {
        "sanitization": msgspec.structs.replace(
            r.sanitization, commands=(CommandRecord(name="x", bytes="", status="", raw=""),)
        )
    },
    "with a read-back": lambda _: {"verification": Verification(kind="full", result="passed")},
    "with a hash": lambda _: {"verification": Verification(kind="none", result="not-run", blake3="ab" * 32)},
    "with a capacity": lambda r: {"drive": msgspec.structs.replace(r.drive, capacity_bytes=64 << 30)},
    "with gaps": lambda _: {"unreached": (Unreached(offset=0, bytes=1, reason="x"),)},
    "without a serial": lambda r: {"drive": msgspec.structs.replace(r.drive, serial="")},
    "without a tag": lambda _: {"asset": None},
}


@pytest.mark.parametrize("how", FORGERIES)
def test_neither_we_nor_a_reader_accept_an_attestation(attested: Certificate, how: str) -> None:
    with pytest.raises(CertificateProblem):
        signed(attested.record, **FORGERIES[how](attested.record))


def test_a_measured_record_takes_no_attestation_and_no_technique_of_one() -> None:
    record = measured()
    with pytest.raises(CertificateProblem):
        signed(record, attestation=Attestation(by="ida", checks=(), at=AT), operator=IDA)
    with pytest.raises(CertificateProblem):
        signed(record, sanitization=msgspec.structs.replace(record.sanitization, technique=TECHNIQUE))


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_label_says_so_in_words_and_in_a_shape_of_its_own(attested: Certificate, language: Words) -> None:
    graded = signed(attested.record, disposition=Disposition(grade="A"))
    label = label_for(graded, language=language)
    assert label.headline == {"en": "ATTESTED, NOT MEASURED", "da": "ATTESTERET, IKKE MÅLT"}[language]
    assert (label.shape, label.alarm, label.grade) == (Shape.SIGNED, False, "A")
    text = " ".join((label.headline, *(row.text for row in label.rows)))
    assert "Ida Sørensen" in text
    assert not re.search(r"\b(ERASED|SLETTET|Verified|Kontrolleret|0 B)\b", text)
    for size in ((57, 32), (30, 20), (100, 50)):
        assert preview_png(graded, Media(width_mm=size[0], height_mm=size[1]), language=language)


@pytest.mark.parametrize("printer", ["zpl", "tspl", "epl", "escpos", "brother-ql"])
def test_every_printer_language_draws_it(attested: Certificate, printer: str) -> None:
    media = Media(language=printer, width_mm=62 if printer == "brother-ql" else 57, height_mm=32)
    assert picture(write_label(attested, media), media)


def test_the_terminal_says_so(attested: Certificate) -> None:
    lines = list(certificate_lines(attested))
    assert lines[0].endswith("ATTESTED, NOT MEASURED")
    assert any("nothing was measured" in line for line in lines)
    assert not any("capacity" in line for line in lines)


@poppler
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_so_and_lists_every_answer(attested: Certificate, language: str) -> None:
    assert shutil.which("pdftotext")
    text = " ".join(pages(print_certificate(attested, language=language).data))
    assert {"en": "ATTESTED, NOT MEASURED", "da": "ATTESTERET, IKKE MÅLT"}[language] in text
    assert {"en": "Nothing was measured", "da": "Intet blev målt"}[language] in text
    assert {
        "en": "Does it show the welcome screen, like a new one? yes",
        "da": "Viser enheden velkomstskærmen, som en ny? ja",
    }[language] in text
    assert not re.search(r"\b(ERASED|SLETTET)\b", text)


def test_a_page_of_a_no_claims_nothing(registrar: Registrar, tmp_path: Path) -> None:
    certificate = certified(registrar, attest(IDA, {**ALL_YES, "reset-done": False}, at=AT))
    label = label_for(certificate)
    assert label.headline == "ABORTED - ERASE AGAIN"
    assert any("BW-E30" in row.text for row in label.rows)
    if shutil.which("pdftotext"):
        assert "No level is certified" in " ".join(pages(print_certificate(certificate, language="en").data))


SECOND = "490154203999992"


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (IMEI, SECOND, ""),
        (IMEI, IMEI, "the same IMEI"),
        (IMEI, "352099001761481", "another type"),
        (IMEI, SECOND[:-1] + "3", "check digit"),
        ("SERIAL-1", SECOND, "not named by an IMEI"),
    ],
)
def test_a_second_imei_is_of_the_same_device_or_refused(first: str, second: str, why: str) -> None:
    problem = second_imei_problem(first, second)
    assert (why in problem) == bool(problem or not why)
    assert bool(problem) == bool(why)


def test_both_imeis_are_signed() -> None:
    signed = asset_of(Handset(IMEI, "KK-1", second=SECOND)).identifiers
    assert [(one.kind, one.value) for one in signed] == [("imei", IMEI), ("imei", SECOND)]
    assert [one.value for one in asset_of(Handset(IMEI, "KK-1")).identifiers] == [IMEI]
