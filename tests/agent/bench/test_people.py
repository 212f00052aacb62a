"""People at the bench: what they forget, mix up and answer for each other, read on the screen and in the bays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.bench.events import LabelResult, Scanned, Told
from agent.certificates.outcome import PULLED_OUT, Aborted, Work
from agent.jobs.label_proof import LabelState
from agent.phrases import phrase
from agent.settings import Device
from agent.views.bay import bay_row
from agent.views.people import everybody, unfinished_items, who_works
from drivers.drives.drive import Drive
from tests.agent.engine_rig import Rig, drive, erased, failed, settings

ASKING = ("BADGE-7", "LOT-3")
IMEI = "490154203237518"
Make = Callable[..., Rig]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A bench of four bays with a printer, in scan mode unless it is told otherwise."""
    made: list[Rig] = []

    def rig(*, rules: dict[str, Any] | None = None, **about: Any) -> Rig:  # noqa: ANN401 - fields of the station
        known = settings("B01", "B02", "B12", "B24", **{"mode": "scan", "language": "en", **about})
        scanning = msgspec.structs.replace(known.scanning, **(rules or {}))
        printer = (Device(name="labels", driver="simulated"),)
        rig = Rig(tmp_path / "state", msgspec.structs.replace(known, scanning=scanning, printer=printer))
        made.append(rig)
        return rig

    yield rig
    for each in made:
        each.close()


def screen(rig: Rig) -> str:
    """The sentences that stand on it now."""
    spoken = (said for said in rig.effects.spoken[-1] if said)
    return " ".join(phrase(rig.effects.language or "en", key, **values) for key, values in spoken)


def asking(rig: Rig, bay: str, who: Drive, tag: str) -> None:
    """A drive whose bay asks for YES."""
    rig.arrive(bay, who)
    rig.scan(*ASKING, tag, f"BAY-{bay}", str(who.serial))
    assert rig.engine.bays[bay].asks == "confirm"


def begins(rig: Rig) -> list[str]:
    """Bays that are counting down to an erasure."""
    return [name for name, bay in rig.engine.bays.items() if bay.due is not None]


# The bay that is named


def test_yes_goes_to_the_bay_that_was_scanned_last_and_is_named(make: Make) -> None:
    rig = make(mode="automatic", policy="asking")
    for bay, serial in (("B01", "WD-111111"), ("B02", "WD-222222")):
        rig.arrive(bay, drive(serial))
        rig.scan(f"BAY-{bay}", serial)
    rig.scan("BAY-B02", "BAY-B01")
    assert "Bay B01: scan YES or NO. Drive ...111111." in screen(rig)
    rig.scan("BAY-B02", "YES")
    assert begins(rig) == ["B02"]
    rig.scan("BAY-B01", "YES")
    assert begins(rig) == ["B01", "B02"]


def test_a_colleagues_bay_is_turned_to_as_a_whole(make: Make) -> None:
    rig = make()
    asking(rig, "B01", drive("S1"), "KK-0001")
    rig.scan("CANCEL")
    asking(rig, "B24", drive("S4"), "KK-0004")
    rig.scan("BAY-B01")
    assert "Bay B01: scan YES or NO." in screen(rig)
    rig.scan("NO")
    assert (rig.state("B01"), rig.engine.bays["B24"].asks) == ("waiting", "confirm")


@pytest.mark.parametrize("other", ["BAY-B02", "BAY-B24", "BAY-B12"])
def test_a_bay_that_cannot_be_answered_is_not_named_in_the_question(make: Make, other: str) -> None:
    rig = make()
    rig.arrive("B02", drive("S2"))
    rig.sign_in()
    rig.arrive("B24", drive("S4"))
    rig.scan("KK-0004", "BAY-B24")
    rig.wait(10.1)
    asking(rig, "B01", drive("S1"), "KK-0001")
    rig.scan(other)
    assert screen(rig) == "Bay B01: scan YES or NO. Drive S1."
    rig.scan("YES")
    assert begins(rig) == ["B01"]


def test_what_a_device_says_does_not_hide_what_is_asked(make: Make) -> None:
    rig = make()
    asking(rig, "B01", drive("S1"), "KK-0001")
    for event in (
        Told("dock_silent", {"dock": "cradle"}),
        Told("scan_again"),
        LabelResult("bench-01-000009", "labels", 0, LabelState.PRINTED),
    ):
        rig.engine.handle(event)
        assert screen(rig).endswith("Bay B01: scan YES or NO. Drive S1.")
    rig.cancel("B24")
    assert screen(rig).endswith("Bay B01: scan YES or NO. Drive S1.")


def test_a_question_about_a_drive_that_was_pulled_does_not_stay(make: Make) -> None:
    rig = make()
    asking(rig, "B01", drive("S1"), "KK-0001")
    rig.leave("B01")
    assert screen(rig) == "Scan the asset tag."
    rig.arrive("B01", drive("S9"))
    rig.scan("YES", "UNDO")
    assert begins(rig) == []


def test_undo_takes_back_what_the_screen_names_or_nothing(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0001", "BAY-B01")
    rig.engine.handle(Told("dock_silent", {"dock": "cradle"}))
    assert screen(rig) == "KK-0001 is in bay B01. Scan the asset tag."
    rig.scan("BAY-B24")
    assert screen(rig) == "Scan the asset tag first. Bay B01 starts soon. UNDO stops it."
    rig.scan("KK-0002")
    assert "B01" not in screen(rig)
    rig.scan("UNDO", "UNDO")
    assert begins(rig) == ["B01"]
    rig.scan("BAY-B01", "UNDO")
    assert begins(rig) == []


def test_another_persons_badge_ends_what_was_asked_of_the_first(make: Make) -> None:
    rig = make()
    asking(rig, "B01", drive("S1"), "KK-0001")
    rig.scan("BADGE-8", "LOT-3", "YES")
    assert begins(rig) == []
    rig.scan("BAY-B01")
    assert screen(rig) == "Bay B01 was with Ida. Now it is with you. Bay B01: scan YES or NO. Drive S1."
    rig.scan("BADGE-7")
    assert screen(rig) == "Hello, Ida. Scan the asset tag.", "it is no more expected of her"
    assert (rig.scan("YES"), begins(rig)) == ("scan_asset", [])
    rig.scan("BADGE-8", "YES")
    assert begins(rig) == ["B01"]
    operator = rig.erase("B01").record.operator
    assert operator is not None
    assert operator.id == "bo", "who said YES stands on the certificate"


def test_ones_own_badge_again_changes_nothing_and_says_who(make: Make) -> None:
    rig = make()
    asking(rig, "B01", drive("S1"), "KK-0001")
    rig.scan("BADGE-7")
    assert screen(rig) == "You are Ida. Lot LOT-3 from Kolding. Bay B01: scan YES or NO. Drive S1."


# Badge and lot


def test_in_scan_mode_nothing_is_erased_before_badge_and_lot_where_some_are_known(make: Make) -> None:
    rig = make()
    assert screen(rig) == "Ready. Scan your badge."
    rig.arrive("B01", drive("S1"))
    assert (rig.scan("KK-0001", "BAY-B01"), rig.state("B01")) == ("scan_badge", "waiting")
    rig.scan("BADGE-7")
    assert screen(rig) == "Hello, Ida. Scan the lot."
    assert (rig.scan("KK-0001", "BAY-B01"), rig.state("B01")) == ("scan_lot", "waiting")
    rig.scan("LOT-3", "KK-0001", "BAY-B01")
    assert rig.engine.bays["B01"].asks == "serial", "the customer's policy asks"


def test_after_a_restart_the_screen_asks_who_is_there(make: Make) -> None:
    rig = make()
    asking(rig, "B01", drive("S1"), "KK-0001")
    rig.restart()
    rig.arrive("B01", drive("S1"))
    assert screen(rig) == "Ready. Scan your badge."
    assert rig.scan("YES") == "scan_badge"


def test_in_automatic_mode_a_drive_waits_for_what_the_file_requires(make: Make) -> None:
    rig = make(mode="automatic", rules={"require": ("badge", "lot")})
    rig.arrive("B01", drive("S1"))
    rig.wait(1000)
    assert (rig.state("B01"), rig.effects.workers) == ("waiting", [])
    rig.scan("BADGE-7", "LOT-3")
    rig.arrive("B02", drive("S2"))
    assert rig.engine.bays["B02"].asks == "serial"


def test_what_was_planned_for_nobody_is_planned_anew_for_the_lot_before_yes_counts(make: Make) -> None:
    rig = make(mode="automatic", policy="asking")
    rig.arrive("B01", drive("S1"))
    rig.scan("BAY-B01", "S1")
    rig.scan("BADGE-7", "LOT-1")
    assert rig.scan("YES") == "scan_asset"
    assert begins(rig) == []
    rig.scan("BAY-B01")
    assert screen(rig) == "Bay B01 starts soon. UNDO stops it. Scan the asset tag."
    job = rig.job_of("B01")
    assert job.customer is not None
    assert job.plan is not None
    assert (job.customer.lot, job.plan.policy) == ("LOT-1", "thorough")


# Serials and tags


def test_the_serial_of_a_drive_in_a_bay_is_no_asset_tag(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive("BTYF84120937"))
    rig.scan("BTYF84120937")
    assert screen(rig) == "That is a drive's serial number, not an asset tag. Scan the asset tag."
    assert (rig.scan("BAY-B01"), begins(rig)) == ("scan_asset_first", [])


def test_a_serial_that_was_taken_for_a_tag_before_its_drive_came_begins_nothing(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.scan("BTYF84120937")
    rig.arrive("B01", drive("BTYF84120937"))
    assert (rig.scan("BAY-B01"), begins(rig)) == ("serial_is_no_tag", [])


def test_a_tag_is_one_tag_however_it_is_written(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive("S1"))
    rig.scan("kk-0001", "BAY-B01")
    asset = rig.job_of("B01").asset
    assert asset is not None
    assert asset.tag == "KK-0001"


def test_a_tag_that_another_bay_has_is_said(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive("S1"))
    rig.arrive("B02", drive("S2"))
    rig.scan("KK-0001", "BAY-B01", "kk-0001")
    asks = "KK-0001 is in bay B01. How many drives does it have? KK-0001: scan how many drives it has."
    assert screen(rig) == asks
    assert (rig.scan("BAY-B02"), screen(rig), rig.state("B02")) == ("tag_again", asks, "waiting")
    assert rig.scan("DRIVES-2", "BAY-B02") == "assigned"


def test_a_tag_that_was_certified_before_is_said(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0001", "BAY-B01")
    rig.erase("B01")
    rig.leave("B01")
    rig.scan("KK-0001")
    assert screen(rig) == "KK-0001 has label bench-01-000001 already. KK-0001: now scan the bay."


# Grades


def test_a_grade_ends_with_its_scan_and_the_next_falls_on_no_bay_that_is_not_named(make: Make) -> None:
    rig = make()
    rig.sign_in()
    for bay, tag, serial in (("B01", "KK-0001", "S1"), ("B02", "KK-0002", "S2")):
        rig.arrive(bay, drive(serial))
        rig.scan(tag, f"BAY-{bay}")
        rig.erase(bay)
    rig.scan("BAY-B01", "GRADE-B")
    assert screen(rig) == "Bay B01: B is written down. Scan the asset tag."
    rig.scan("GRADE-B", "GRADE-D")
    assert screen(rig) == "D: now scan the bay."
    assert [bay_row(rig.engine.bays[bay], now=rig.clock)["grade"] for bay in ("B01", "B02")] == ["B", None]
    rig.scan("BAY-B02")
    assert [bay_row(rig.engine.bays[bay], now=rig.clock)["grade"] for bay in ("B01", "B02")] == ["B", "D"]


@pytest.mark.parametrize("word", ["UNDO", "NO"])
def test_undo_after_a_grade_takes_the_grade_back_and_stops_nothing(make: Make, word: str) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0001", "BAY-B01")
    rig.wait(10.1)
    rig.scan("BAY-B01", "GRADE-B", word)
    assert screen(rig) == "Bay B01: B is taken back. Scan the asset tag."
    assert (rig.state("B01"), rig.scan("UNDO")) == ("erasing", "nothing_to_undo")
    rig.end("B01", erased())
    assert rig.certificates()[0].record.disposition is None


def test_a_grade_is_taken_back_after_its_label_was_printed_too(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0001", "BAY-B01")
    number = rig.erase("B01").record.number
    rig.engine.handle(LabelResult(number, "labels", 0, LabelState.PRINTED))
    rig.scan("BAY-B01", "GRADE-B", "UNDO")
    assert screen(rig) == "Bay B01: B is taken back. Scan the asset tag."
    assert bay_row(rig.engine.bays["B01"], now=rig.clock)["grade"] is None


def test_a_grade_that_is_taken_back_is_asked_for_again_and_leaves_the_label(make: Make) -> None:
    rig = make(rules={"ask_grade": True})
    rig.sign_in()
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0001", "GRADE-A", "BAY-B01")
    rig.erase("B01")
    rig.scan("BAY-B01", "GRADE-B")
    number = rig.effects.labels[-1][0]
    rig.scan("UNDO")
    assert rig.job_of("B01").disposition == rig.certificates()[0].record.disposition
    assert rig.engine.bays["B01"].asks == ""
    for copy in (0, 1):
        rig.engine.handle(LabelResult(number, "labels", copy, LabelState.PRINTED))
    assert rig.effects.grades[-1] == "A"


# Phones


def test_a_phones_question_names_the_phone_and_the_answers(make: Make) -> None:
    rig = make()
    rig.sign_in()
    for code in (IMEI, "KK-0820"):
        rig.scan(code)
    for _ in range(4):
        assert screen(rig).startswith("KK-0820: ")
        assert screen(rig).endswith(" YES or NO.")
        rig.scan("YES")
    assert len(rig.certificates()) == 1


def test_whoever_scans_a_bay_answers_no_question_about_a_phone(make: Make) -> None:
    rig = make()
    asking(rig, "B01", drive("S1"), "KK-0001")
    rig.scan("CANCEL", IMEI, "UNDO", IMEI, "KK-0820", "YES", "BAY-B24", "YES")
    assert screen(rig) == "KK-0820 is not done. Scan its asset tag or IMEI."
    rig.scan("KK-0820", "BAY-B01")
    assert screen(rig) == "Bay B01: scan YES or NO. Drive S1."
    rig.scan("YES", "YES", "YES")
    assert (begins(rig), rig.certificates()) == (["B01"], [])
    rig.scan(IMEI, "YES", "YES", "YES")
    assert len(rig.certificates()) == 1, "the first answer still counts, and no other does"


@pytest.mark.parametrize("codes", [("CANCEL", "BAY-B24"), ("CANCEL", "UNDO"), ("REPRINT", "NO")])
def test_a_phone_survives_cancel_and_is_said(make: Make, codes: tuple[str, ...]) -> None:
    rig = make()
    rig.sign_in()
    rig.scan(IMEI, "KK-0820", "YES", *codes)
    assert screen(rig).endswith("KK-0820 is not done. Scan its asset tag or IMEI.")
    rig.scan("KK-0820", "YES", "YES", "YES")
    assert len(rig.certificates()) == 1


def test_a_phone_is_forgotten_with_a_word_by_undo_and_stays_in_its_persons_place(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.scan(IMEI, "KK-0820", "YES", "UNDO")
    assert screen(rig) == "KK-0820: undone. Nothing was attested. Scan the asset tag."
    rig.scan(IMEI, "KK-0820", "YES", "BADGE-8", "LOT-4")
    rig.scan("YES", "YES", "YES")
    assert rig.certificates() == [], "nobody answers what another one was asked"
    rig.scan("BADGE-7")
    assert "KK-0820: " in screen(rig)
    rig.scan("YES", "YES", "YES")
    assert [c.record.operator.id for c in rig.certificates() if c.record.operator] == ["ida"]


@pytest.mark.parametrize("first", [(), ("KK-0820",)], ids=["by its IMEI", "by its tag"])
def test_whoever_takes_a_phone_over_begins_it_anew(make: Make, first: tuple[str, ...]) -> None:
    rig = make()
    rig.sign_in()
    rig.scan(IMEI, "KK-0820", "YES", "YES", "YES", "BADGE-8", "LOT-4", *first, IMEI)
    assert screen(rig).startswith(f"{IMEI}: Ida had begun it. You begin anew.")
    rig.scan("KK-0820", "YES", "YES", "YES")
    assert rig.certificates() == []
    rig.scan("YES", "BADGE-7", "YES", "YES")
    assert [c.record.operator.id for c in rig.certificates() if c.record.operator] == ["bo"]


# Who is there


def test_who_is_signed_in_and_for_which_delivery_is_told(make: Make) -> None:
    rig = make()
    assert who_works(rig.engine.context)["operator"] is None
    asking(rig, "B01", drive("S1"), "KK-0001")
    assert who_works(rig.engine.context) == {
        "operator": {"id": "ida", "name": "Ida"},
        "lot": {"code": "LOT-3", "customer": "Kolding", "reference": ""},
        "expects": {"step": "confirm", "bay": "B01"},
    }
    rig.scan("BADGE-8")
    assert who_works(rig.engine.context)["operator"] == {"id": "bo", "name": "Bo"}


def test_everybody_who_is_signed_in_is_told_with_what_is_expected_of_them(make: Make) -> None:
    rig = make()
    asking(rig, "B01", drive("S1"), "KK-0001")
    rig.scan("BADGE-8", "LOT-4", "KK-0002")
    told = everybody(rig.engine.people())
    assert [(each["operator"]["id"], each["lot"]["code"], each["turned_to"]) for each in told] == [
        ("bo", "LOT-4", True),
        ("ida", "LOT-3", False),
    ]
    assert [each["next"][-1] for each in told] == ["KK-0002: now scan the bay.", "Bay B01: scan YES or NO. Drive S1."]
    assert all(each["since"].endswith("Z") for each in told)


def test_one_instruction_is_said_at_a_time(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive("S1"))
    for code in ("BAY-B01", "BAY-B02", "DRIVES-2"):
        rig.scan(code)
        assert screen(rig) == "Scan the asset tag first.", code


def test_log_out_forgets_the_person_and_the_delivery_and_no_bay_that_waits(make: Make) -> None:
    rig = make()
    asking(rig, "B01", drive("S1"), "KK-0001")
    rig.scan("LOGOUT")
    assert screen(rig) == "Ida is logged out. Scan your badge."
    assert (rig.scan("YES"), begins(rig), rig.engine.people()) == ("scan_badge", [], ())
    row = bay_row(rig.engine.bays["B01"], now=rig.clock)["waits_for"]
    assert (row["what"], row["who"]) == ("answer", {"id": "ida", "name": "Ida"})
    rig.scan("BADGE-7")
    assert screen(rig) == "Hello, Ida. Scan the lot.", "yesterday's delivery is not today's"
    assert rig.scan("LOGOUT", "LOGOUT") == "nobody_logged_in"


def test_a_scanner_goes_with_the_person_whose_badge_it_read_last(make: Make) -> None:
    rig = make()
    for scanner, codes in (("left", ("BADGE-7", "LOT-3")), ("right", ("BADGE-8", "LOT-4"))):
        for code in codes:
            rig.engine.handle(Scanned(code, scanner=scanner))
    rig.arrive("B01", drive("S1"))
    rig.arrive("B02", drive("S2"))
    for scanner, code in (
        ("left", "KK-0001"),
        ("right", "KK-0002"),
        ("left", "BAY-B01"),
        ("right", "BAY-B02"),
        ("left", "S1"),
        ("right", "YES"),
    ):
        rig.engine.handle(Scanned(code, scanner=scanner))
    assert (begins(rig), rig.engine.bays["B01"].asks) == (["B02"], "confirm"), "Bo's YES is none of Ida's"
    rig.engine.handle(Scanned("YES", scanner="left"))
    assert begins(rig) == ["B01", "B02"]
    people = {bay: rig.job_of(bay).operator for bay in ("B01", "B02")}
    assert {bay: who and who.id for bay, who in people.items()} == {"B01": "ida", "B02": "bo"}
    rig.engine.handle(Scanned("LOGOUT", scanner="left"))
    rig.engine.handle(Scanned("KK-0003", scanner="left"))
    assert screen(rig).endswith("Scan your badge."), "and not as Bo"


@pytest.mark.parametrize("scanner", ["right", ""])
def test_who_logs_out_is_signed_in_again_by_a_badge_alone_at_whichever_scanner(make: Make, scanner: str) -> None:
    rig = make()
    for at, code in (("left", "BADGE-7"), ("left", "LOT-4"), ("right", "BADGE-7"), (scanner, "LOGOUT")):
        rig.engine.handle(Scanned(code, scanner=at))
    for at in ("left", "right"):
        rig.engine.handle(Scanned("KK-0001", scanner=at))
        assert (screen(rig), rig.engine.people()) == ("Scan your badge.", ()), at
    rig.engine.handle(Scanned("BADGE-7", scanner="left"))
    assert [person.place.badge for person in rig.engine.people()] == ["BADGE-7"]


def test_a_code_that_is_read_twice_is_one_whatever_another_scanner_reads_between(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.scan(IMEI, "KK-0820")
    for at, scanner, code in ((1.0, "left", "YES"), (1.2, "right", "nonsense"), (1.4, "left", "YES")):
        rig.engine.handle(Scanned(code, scanner=scanner, at=at))
    attempt = rig.engine.context.attempt
    assert attempt is not None
    assert len(attempt.answers) == 1


def test_a_code_that_is_read_twice_within_a_moment_is_one(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.scan(IMEI, "KK-0820")
    for at in (1.0, 1.2, 1.5, 9.0):
        rig.engine.handle(Scanned("YES", scanner="left", at=at))
    attempt = rig.engine.context.attempt
    assert attempt is not None
    assert len(attempt.answers) == 2
    rig.engine.handle(Scanned("BADGE-7", scanner="left", at=10.0))
    rig.engine.handle(Scanned("BADGE-7", scanner="left", at=10.1))
    assert screen(rig).startswith("You are Ida. Lot LOT-4 from Kolding. KK-0820: ")


# After a power cut


def test_what_a_person_had_begun_is_theirs_after_a_power_cut(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.scan(IMEI, "KK-0820", "YES", "YES", "BADGE-8", "LOT-3", "KK-0002")
    rig.restart()
    assert screen(rig) == "Ready. Scan your badge."
    told = {(each["what"], each["asset"], each["who"]["id"]) for each in unfinished_items(rig.engine.unfinished())}
    assert told == {("device", "KK-0820", "ida"), ("bay", "KK-0002", "bo")}
    rig.scan("YES", "YES")
    assert rig.certificates() == []
    rig.scan("BADGE-8")
    assert screen(rig) == "Hello, Bo. KK-0002: now scan the bay."
    rig.scan("BADGE-7", IMEI, "YES", "YES")
    (certificate,) = rig.certificates()
    assert certificate.record.customer is not None
    assert certificate.record.customer.lot == "LOT-4"


def test_a_device_that_another_person_had_scanned_is_taken_over_by_its_tag(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0001", "LOGOUT", "BADGE-8", "LOT-4")
    assert [item["asset"] for item in unfinished_items(rig.engine.unfinished())] == ["KK-0001"]
    assert rig.scan("KK-0001", "BAY-B01") == "assigned"
    assert unfinished_items(rig.engine.unfinished()) == []


def test_a_bay_that_asked_asks_again_after_a_power_cut(make: Make) -> None:
    rig = make()
    asking(rig, "B01", drive("S1"), "KK-0001")
    rig.sign_in()
    rig.arrive("B02", drive("S2"))
    rig.scan("KK-0002", "BAY-B02")
    rig.restart()
    for bay, serial in (("B01", "S1"), ("B02", "S2")):
        rig.arrive(bay, drive(serial))
    rig.wait(100_000)
    rows = {bay: bay_row(rig.engine.bays[bay], now=rig.clock) for bay in ("B01", "B02")}
    assert {bay: (row["waits_for"]["what"], row["asset"]) for bay, row in rows.items()} == {
        "B01": ("serial", "KK-0001"),
        "B02": ("answer", "KK-0002"),
    }
    assert rig.effects.workers == [], "and no countdown runs for nobody"
    rig.scan("BADGE-7", "LOT-4", "BAY-B02", "YES")
    customer = rig.job_of("B02").customer
    assert begins(rig) == ["B02"]
    assert customer is not None
    assert customer.lot == "LOT-4"


def test_labels_boxes_and_drives_that_belong_back_wait_over_a_power_cut_until_that_was_done(make: Make) -> None:
    rig = make()
    rig.sign_in()
    for bay, tag, outcome in (("B01", "KK-0001", erased()), ("B02", "KK-0002", failed())):
        rig.arrive(bay, drive(f"S-{bay}"))
        rig.scan(tag, f"BAY-{bay}")
        number = rig.erase(bay, outcome).record.number
        rig.engine.handle(LabelResult(number, "labels", 0, LabelState.PRINTED))
    rig.arrive("B12", drive("W62AB003"))
    rig.scan("KK-0003", "BAY-B12")
    rig.wait(10.1)
    rig.leave("B12")
    rig.end("B12", Aborted(Work(), PULLED_OUT))
    rig.restart()
    waits = {(item.what, item.label, item.serial) for item in rig.engine.pending.items}
    assert waits == {
        ("label", "bench-01-000001", "S-B01"),
        ("label", "bench-01-000002", "S-B02"),
        ("box", "bench-01-000002", "S-B02"),
        ("put_back", "bench-01-000003", "W62AB003"),
    }
    rig.scan("BADGE-7", "LOT-4", "bench-01-000001", "bench-01-000002", "DESTROY")
    rig.arrive("B24", drive("W62AB003"))
    assert rig.engine.pending.items == ()
    rig.restart()
    assert rig.engine.pending.items == ()
