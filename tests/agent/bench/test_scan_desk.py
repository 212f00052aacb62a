"""Scans at the engine: what is asked before an erasure, what can be undone, and where a grade ends up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.certificates import jws
from agent.certificates.attestation import is_attested
from agent.jobs.statements import DISPOSITION
from agent.settings import Device
from tests.agent.engine_rig import Rig, drive, failed, settings

IDA = ("BADGE-7", "LOT-3")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A bench that waits for scans."""
    made = Rig(tmp_path / "state", settings(mode="scan"))
    yield made
    made.close()


def assigned(rig: Rig, *before: str, bay: str = "A1", serial: str = "S1", tag: str = "KK-0001") -> None:
    rig.arrive(bay, drive(serial))
    assert rig.scan(*(before or ("BADGE-7", "LOT-4")), tag, f"BAY-{bay}") == "assigned"


def expected(rig: Rig) -> str:
    then = rig.effects.spoken[-1][1]
    return then[0] if then else ""


# Two sources, and YES


def test_a_policy_that_asks_gets_the_drives_label_and_yes_before_anything_counts_down(rig: Rig) -> None:
    assigned(rig, *IDA)
    assert (rig.state("A1"), rig.engine.bays["A1"].asks, expected(rig)) == ("countdown", "serial", "scan_serial")
    rig.wait(100_000)
    assert (rig.state("A1"), rig.effects.workers) == ("countdown", [])
    assert (rig.scan("YES"), rig.scan("S2")) == ("scan_serial", "serial_wrong")
    assert (rig.scan("s1"), expected(rig)) == ("serial_right", "scan_yes_or_no")
    rig.wait(100_000)
    assert rig.effects.workers == []
    assert rig.scan("YES", "YES") == "scan_asset"
    assert rig.engine.bays["A1"].due == pytest.approx(rig.clock + 10)
    assert rig.erase("A1").record.outcome == "erased"


def test_what_a_bay_asks_is_asked_again_after_a_restart(rig: Rig) -> None:
    assigned(rig, *IDA)
    token = rig.engine.bays["A1"].insertion.rpartition(":")[2]
    rig.scan("S1")
    assert rig.engine.bays["A1"].asks == "confirm"
    rig.restart()
    rig.arrive("A1", drive("S1"), token=token)
    rig.wait(1000)
    assert (rig.engine.bays["A1"].asks, rig.effects.workers) == ("serial", [])
    assert rig.scan(*IDA, "BAY-A1", "S1", "YES") == "confirmed"


def test_in_automatic_mode_an_asking_policy_waits_for_a_person(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "state", settings(mode="automatic", policy="asking"))
    rig.arrive("A1")
    rig.wait(1000)
    assert (rig.engine.bays["A1"].asks, rig.effects.workers) == ("serial", [])
    assert rig.scan("BAY-A1", "S1", "YES") == "confirmed"
    rig.wait(10.1)
    assert rig.working("A1")
    rig.close()


def test_another_drive_in_the_bay_is_asked_for_its_own_label(rig: Rig) -> None:
    assigned(rig, *IDA)
    rig.leave("A1")
    rig.arrive("A1", drive("S2"))
    assert rig.scan("S1") == "unknown_code"
    assert (rig.state("A1"), rig.engine.bays["A1"].asks) == ("waiting", "")


def test_a_drive_that_goes_on_is_not_asked_again(rig: Rig) -> None:
    assigned(rig, *IDA)
    rig.scan("S1", "YES")
    rig.wait(10.1)
    rig.checkpoint("A1", 4096)
    rig.restart()
    rig.arrive("A1", drive("S1"))
    assert rig.engine.bays["A1"].asks == ""
    rig.wait(10.1)
    assert rig.working("A1")


# Undo


@pytest.mark.parametrize("word", ["UNDO", "NO"])
def test_a_countdown_is_undone_by_one_scan_and_twice_does_no_harm(rig: Rig, word: str) -> None:
    assigned(rig)
    assert (rig.scan(word), rig.state("A1")) == ("undone_bay", "waiting")
    assert rig.scan(word) == "nothing_to_undo"
    rig.wait(1000)
    assert (rig.effects.workers, rig.certificates()) == ([], [])


def test_what_has_begun_is_not_undone_but_cancelled(rig: Rig) -> None:
    assigned(rig)
    rig.wait(10.1)
    assert (rig.scan("UNDO"), rig.state("A1")) == ("too_late_to_undo", "erasing")
    assert rig.scan("CANCEL", "BAY-A1") == "cancelled"
    assert rig.worker("A1").stop.requested is not None


def test_undo_takes_back_the_last_bay_only(rig: Rig) -> None:
    assigned(rig)
    rig.arrive("A2", drive("S2"))
    assert rig.scan("KK-0002", "BAY-A2", "UNDO") == "undone_bay"
    assert (rig.state("A1"), rig.state("A2")) == ("countdown", "waiting")
    assert rig.scan("BAY-A1", "UNDO") == "undone_bay"
    assert rig.state("A1") == "waiting"


# Grades


def test_a_grade_scanned_before_the_end_stands_on_the_certificate(rig: Rig) -> None:
    rig.sign_in()
    rig.arrive("A1")
    rig.scan("KK-0001", "GRADE-B", "BAY-A1")
    rig.wait(10.1)
    assert rig.scan("DEST-SHOP", "BAY-A1") == "graded"
    given = rig.erase("A1").record.disposition
    assert given is not None
    assert (given.grade, given.destination) == ("B", "Web shop")


def test_a_grade_scanned_afterwards_is_a_signed_event_and_leaves_the_certificate_alone(rig: Rig) -> None:
    assigned(rig)
    certificate = rig.erase("A1")
    assert certificate.record.disposition is None
    assert rig.scan("BAY-A1", "GRADE-C", "GRADE-C", "GRADE-C") == "graded"
    (row,) = [row for row in rig.ledger.outbox.waiting(9) if row.kind == "event"]
    event = json.loads(row.payload)
    assert (event["event"], event["detail"]["certificate_id"]) == ("disposition", certificate.id)
    key = rig.registrar.key.public_key()
    told = jws.verify(event["detail"]["statement"].encode(), {jws.thumbprint(key): key}, typ=DISPOSITION).payload
    statement = json.loads(told)
    assert statement["disposition"] == {"grade": "C", "destination": "", "notes": ""}
    assert statement["operator"]["id"] == "ida"
    assert rig.certificates() == [certificate]
    held = rig.job_of("A1").disposition
    assert held is not None
    assert held.grade == "C"


def test_a_grade_scanned_afterwards_stands_on_a_new_label(tmp_path: Path) -> None:
    printer = (Device(name="labels", driver="simulated"),)
    rig = Rig(tmp_path / "state", msgspec.structs.replace(settings(mode="scan"), printer=printer))
    assigned(rig)
    rig.erase("A1")
    from agent.bench.events import LabelResult
    from agent.jobs.label_proof import LabelState

    rig.engine.handle(LabelResult("bench-01-000001", "labels", 0, LabelState.PRINTED))
    rig.scan("GRADE-A", "BAY-A1")
    assert rig.effects.labels == [("bench-01-000001", 0), ("bench-01-000001", 1)]
    assert rig.effects.grades == ["", "A"]
    rig.close()


def test_a_grade_scanned_while_the_label_is_printed_gets_its_label_too(tmp_path: Path) -> None:
    printer = (Device(name="labels", driver="simulated"),)
    rig = Rig(tmp_path / "state", msgspec.structs.replace(settings(mode="scan"), printer=printer))
    assigned(rig)
    rig.erase("A1")
    from agent.bench.events import LabelResult
    from agent.jobs.label_proof import LabelState

    assert rig.scan("BAY-A1", "GRADE-B") == "graded"
    assert rig.effects.labels == [("bench-01-000001", 0)]
    for copy in (0, 1):
        rig.engine.handle(LabelResult("bench-01-000001", "labels", copy, LabelState.PRINTED))
    assert rig.effects.labels == [("bench-01-000001", 0), ("bench-01-000001", 1)]
    assert rig.effects.grades == ["", "B"]
    rig.close()


def test_a_drive_that_failed_gets_no_grade_and_a_full_disk_loses_none(rig: Rig) -> None:
    assigned(rig)
    rig.erase("A1", failed())
    assert rig.scan("BAY-A1") == "bay_is_done"
    assigned(rig, bay="A2", serial="S2", tag="KK-0002")
    rig.erase("A2")
    rig.scan("BAY-A2")
    rig.break_ledger("job")
    assert rig.scan("GRADE-A") == "bay_not_now"
    rig.mend_ledger()
    assert rig.scan("GRADE-A") == "graded"


def test_an_erased_drives_bay_asks_for_its_grade_where_the_configuration_says_so(tmp_path: Path) -> None:
    made = settings(mode="scan")
    rules = msgspec.structs.replace(made.scanning, ask_grade=True)
    rig = Rig(tmp_path / "state", msgspec.structs.replace(made, scanning=rules))
    assigned(rig)
    rig.erase("A1")
    asked = rig.engine.bays["A1"].asks
    rig.scan("BAY-A1", "GRADE-A")
    assert (asked, rig.engine.bays["A1"].asks) == ("grade", "")
    rig.close()


# Words


def test_the_badge_decides_the_language(rig: Rig) -> None:
    rig.scan("BADGE-8")
    assert rig.effects.language == "en"
    rig.scan("BADGE-7")
    assert rig.effects.language == "da"


def test_after_each_scan_one_thing_is_expected(rig: Rig) -> None:
    rig.arrive("A1")
    told: list[tuple[str, Any]] = []
    for code in ("nonsense", "BADGE-7", "LOT-1", "KK-0001", "nonsense", "BAY-A1"):
        told.append((rig.scan(code), expected(rig)))
    assert told == [
        ("unknown_code", "scan_badge"),
        ("hello", "scan_lot"),
        ("lot_set", "scan_asset"),
        ("scan_bay", ""),
        ("unknown_code", "scan_bay"),
        ("assigned", "scan_asset"),
    ]


# Phones and tablets


IMEI = "490154203237518"


def test_a_phone_is_attested_by_one_person_with_scans_alone(rig: Rig) -> None:
    assert rig.scan(*IDA, IMEI) == "scan_device_tag"
    assert (rig.scan("KK-0009"), rig.scan("YES"), rig.scan("YES")) == (
        "ask_account_removed",
        "ask_reset_done",
        "ask_start_screen_empty",
    )
    assert (rig.scan("YES"), rig.scan("YES"), expected(rig)) == ("ask_cards_removed", "attested", "scan_asset")
    (certificate,) = rig.certificates()
    record = certificate.record
    assert is_attested(record)
    assert (record.drive.serial, record.asset.tag if record.asset else "") == (IMEI, "KK-0009")
    assert (record.operator.id if record.operator else "", record.customer is not None) == ("ida", True)
    assert rig.effects.labels == [(record.number, 0)]


def test_a_no_is_certified_as_such_and_the_device_can_be_reset_again(rig: Rig) -> None:
    rig.scan(*IDA, IMEI, "TABLET", "KK-0009", "YES", "NO")
    rig.scan(IMEI, "KK-0009", *["YES"] * 4)
    first, second = (c.record for c in rig.certificates())
    assert (first.outcome, first.asset.kind if first.asset else "") == ("aborted", "tablet")
    assert is_attested(second)


def test_another_badge_answers_no_question_about_the_device_and_undo_certifies_nothing(rig: Rig) -> None:
    rig.scan(*IDA, IMEI, "KK-0009", "YES", "YES", "YES", "BADGE-8", "LOT-4")
    assert rig.scan("YES") == "scan_asset"
    assert rig.scan(IMEI) == "device_taken", "whoever takes it over answers every question"
    rig.scan("KK-0009", "YES", "UNDO", "YES", "BADGE-7", "YES")
    assert rig.certificates() == []


def test_an_answer_that_cannot_be_certified_is_asked_for_again(rig: Rig) -> None:
    rig.scan(*IDA, IMEI, "KK-0009", "YES", "YES", "YES")
    rig.break_ledger()
    rig.scan("YES")
    assert (rig.certificates(), expected(rig)) == ([], "ask_cards_removed")
    rig.mend_ledger()
    assert rig.scan("YES") == "attested"
    assert len(rig.certificates()) == 1
