"""Erased and not read back is a word of its own, wherever an outcome is shown."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.attestation import imei_problem
from agent.certificates.certificate import claim_of, sign
from agent.certificates.label import label_for
from agent.certificates.outcome import Work, conclude
from agent.certificates.record import PassRecord, Verification
from agent.commands.work.erase_result import Result, exit_status
from agent.phrases import LANGUAGES, phrase
from agent.views.bay import bay_lines, bay_row, table
from agent.views.certificate import certificate_lines
from agent.views.screen import Size, frame, look
from collector.certificates.words import MEANINGS, OUTCOMES
from collector.intake.rows import certificate_row
from drivers.printers.languages import MODULES as PRINTERS
from drivers.printers.languages.label import Media, Shape
from tests.agent.engine_rig import CAPACITY, NOW, Rig, settings
from tests.agent.samples import record

UNREAD = record(verification=Verification(kind="none", result="not-run"))
SIGNED = sign(UNREAD, Ed25519PrivateKey.generate())
WORDS = {"en": "NOT READ BACK", "da": "IKKE LÆST TILBAGE"}


def test_only_what_was_read_back_is_erased_and_nothing_else() -> None:
    assert claim_of(UNREAD) == "unread"
    assert claim_of(record()) == "erased"


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_label_has_a_headline_and_a_shape_of_its_own(language: str) -> None:
    label = label_for(SIGNED, language="da" if language == "da" else "en")
    assert WORDS[language] in label.headline
    assert label.shape is Shape.FRAMED_TICK


def test_the_certificate_says_it_first() -> None:
    lines = list(certificate_lines(SIGNED))
    assert lines[0].endswith(": ERASED, NOT READ BACK")
    assert any("NOTHING was read back" in line for line in lines)


def test_the_page_says_it_in_its_title_and_its_headline() -> None:
    content = pytest.importorskip("agent.pdf.content")
    for language in LANGUAGES:
        page = content.page_of(SIGNED, language=language, certificate_url="", checked_with=None)
        assert (page.banner.outcome, WORDS[language] in page.banner.headline) == ("unread", True)
        assert WORDS[language].lower() in page.title.lower()


def test_the_collector_lists_it_apart_and_in_no_colour_of_success() -> None:
    assert certificate_row(SIGNED, "ok")["outcome"] == "unread"
    assert OUTCOMES["unread"].text == "Erased, not read back"
    assert OUTCOMES["unread"].tone != OUTCOMES["erased"].tone
    assert len({mark.shape for mark in OUTCOMES.values()}) == len(OUTCOMES)
    assert "NOT read back" in MEANINGS["unread"]


def test_the_command_line_says_it_and_its_document_keeps_the_contracts_word() -> None:
    unread, read = (
        Result(device="/dev/sdb", outcome="erased", read_back=False),
        Result(device="/dev/sdc", outcome="erased", read_back=True),
    )
    assert (unread.words, read.words) == ("erased, not read back", "erased")
    assert exit_status([unread, read], interrupted=False) == 0
    assert msgspec.to_builtins(unread)["outcome"] == "erased"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_bay_says_it_on_every_screen(tmp_path: Path, language: str) -> None:
    made = settings()
    quick = msgspec.structs.replace(made.policy[1], verify=msgspec.structs.replace(made.policy[1].verify, kind="none"))
    station = msgspec.structs.replace(made.station, policy="quick")
    rig = Rig(
        tmp_path, msgspec.structs.replace(made, policy=(made.policy[0], quick), station=station, lot=(), customer=())
    )
    rig.arrive("A1")
    rig.wait(11)
    done = (PassRecord(number=1, pattern="00", bytes=CAPACITY, started_at=NOW, finished_at=NOW),)
    work = Work(passes=done, verification=Verification(kind="none", result="not-run"))
    rig.end("A1", conclude(work, capacity_bytes=CAPACITY, passes_planned=1))
    bay = rig.engine.bays["A1"]
    row = bay_row(bay, now=0.0)
    assert (row["outcome"], row["claim"]) == ("erased", "unread")
    assert WORDS[language] in bay_lines(bay, language, now=0.0)[0]
    assert "erased, not read back" in table([row])[1]
    assert look(row).style != look({"state": "finished", "outcome": "erased"}).style
    screen = frame({"bays": [row], "alarms": {}}, Size(80, 24), language)
    assert phrase(language, "label_unread") in "\n".join("".join(c for c, _ in line) for line in screen)


@pytest.mark.parametrize("name", sorted(PRINTERS))
def test_its_label_fits_every_printer(name: str) -> None:
    from agent.certificates.label import write_label

    for language in ("da", "en"):
        assert write_label(SIGNED, Media(language=name), language="da" if language == "da" else "en")


@pytest.mark.parametrize("digit", "0123456789")
def test_an_imei_of_one_digit_is_no_devices(digit: str) -> None:
    assert imei_problem(digit * 15)


def test_an_imei_whose_digits_differ_is_taken_as_before() -> None:
    assert imei_problem("490154203237518") == ""
    assert imei_problem("490154203237519")
