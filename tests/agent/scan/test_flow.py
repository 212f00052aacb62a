"""What scans mean: the table row by row, and whole ways through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from agent.certificates.attestation import QUESTIONS
from agent.jobs.bay import Bay, BayState
from agent.jobs.new_job import new_job
from agent.phrases import keys
from agent.scan.actions import (
    Assign,
    Attest,
    BeginBay,
    Cancel,
    LabelScanned,
    Match,
    PutInBox,
    Rate,
    Reprint,
    SayNoDrive,
    TakeBack,
    TakeBackGrade,
)
from agent.scan.context import Context, Rated
from agent.scan.dialogue import Turn, scan
from agent.scan.flow import EXPECTED, ROWS, TABLE, Do, Seen, Step, table_of
from agent.scan.handset import Attempt, asked_phrase
from agent.scan.places import place
from agent.scan.prompt import expects
from agent.settings import Destination, Lot, OperatorSettings, Settings
from tests.agent.engine_rig import drive, settings

IDA = OperatorSettings(badge="BADGE-7", id="ida", name="Ida")
BO = OperatorSettings(badge="BADGE-8", id="bo", name="Bo", language="en")
LOT_1 = Lot(code="LOT-1", customer="Kolding")
NOTHING = Context(operator=IDA, lot=LOT_1)
TAG = replace(NOTHING, step=Step.BAY, asset="KK-0001")
COUNT = replace(NOTHING, step=Step.COUNT, asset="KK-0777")
NO_DRIVE = replace(TAG, step=Step.NODRIVE)
BOXING = replace(NOTHING, step=Step.BOX, label="bench-01-000007")
STOPPING = replace(NOTHING, step=Step.STOP)
PRINTING = replace(NOTHING, step=Step.PRINT)


def bay(name: str, state: BayState, asset: str = "", **facts: Any) -> Bay:  # noqa: ANN401 - fields of Bay
    job = msgspec.structs.replace(new_job(drive("WD-40717283"), asset=asset or None), id=f"job-{name}")
    return Bay(name=name, state=state, drive=drive("AB-40717283" if asset else "WD-40717283"), job=job, **facts)


BAYS: Mapping[str, Bay] = {
    "A1": Bay(name="A1"),
    "A2": replace(bay("A2", BayState.WAITING), job=None),
    "A3": bay("A3", BayState.COUNTDOWN, asks="serial"),
    "A4": bay("A4", BayState.COUNTDOWN, asks="confirm"),
    "A5": bay("A5", BayState.COUNTDOWN, due=1.0),
    "A6": bay("A6", BayState.ERASING, asset="KK-0777"),
    "A7": bay("A7", BayState.FINISHED, outcome="erased"),
    "A8": bay("A8", BayState.FINISHED, outcome="failed"),
    "A9": replace(bay("A9", BayState.BLOCKED), job=None),
    "A0": Bay(name="A0", state=BayState.BLOCKED, insertion="stay-0"),
}


def bench(**scanning: Any) -> Settings:  # noqa: ANN401 - keys of [scanning]
    made = settings(*BAYS)
    goal = (Destination(code="DEST-SHOP", name="Web shop"),)
    rules = msgspec.structs.replace(made.scanning, **scanning)
    return msgspec.structs.replace(made, destination=goal, scanning=rules)


BENCH = bench()


def at(step: Step, name: str) -> Context:
    return replace(NOTHING, step=step, bay=name, job=f"job-{name}")


SERIAL, CONFIRM, GRADE, COUNTING = (
    at(Step.SERIAL, "A3"),
    at(Step.CONFIRM, "A4"),
    at(Step.GRADE, "A7"),
    at(Step.TAG, "A5"),
)
NAMELESS = replace(NOTHING, step=Step.BOX, bay="A0", job="stay-0")
WHICH = replace(NOTHING, step=Step.WHICH, grade="B")
RATED = replace(GRADE, step=Step.TAG, rated=Rated(grade="A", grade_before="C"))

IMEI = "490154203237518"
OTHER_IMEI = "352099001761481"
SECOND_IMEI = "490154203999992"
"""Of the same type as IMEI, as the other SIM card's is."""
PHONE = replace(NOTHING, step=Step.DEVICE, attempt=Attempt(IMEI))
ASKED = replace(NOTHING, step=Step.CHECK, attempt=Attempt(IMEI, "KK-0001"))
WAITS = replace(ASKED, step=Step.TAG)
LAST = replace(ASKED, attempt=Attempt(IMEI, "KK-0001", answers=(True, True, True)))


def bos(idas: Context) -> Context:
    """Bo's place, where Ida's is left behind as it was."""
    return Context(operator=BO, away=(idas,))


TURNS: list[tuple[Context, str, Context, object, str]] = [
    (Context(), "BADGE-7", Context(operator=IDA), None, "hello"),
    (TAG, "BADGE-7", TAG, None, "you_are"),
    (TAG, "BADGE-8", bos(TAG), None, "hello"),
    (bos(TAG), "BADGE-7", replace(TAG, away=(Context(operator=BO),)), None, "hello"),
    (STOPPING, "BADGE-8", bos(NOTHING), None, "hello"),
    (RATED, "BADGE-8", bos(replace(RATED, rated=None)), None, "hello"),
    (TAG, "LOGOUT", Context(away=(replace(TAG, lot=LOT_1),)), None, "logged_out"),
    (NOTHING, "LOGOUT", Context(), None, "logged_out"),
    (Context(), "LOGOUT", Context(), None, "nobody_logged_in"),
    (NOTHING, "BADGE-9", NOTHING, None, "unknown_badge"),
    (Context(), "LOT-1", Context(lot=LOT_1), None, "lot_set"),
    (NOTHING, "LOT-9", NOTHING, None, "unknown_lot"),
    (NOTHING, "KK-0001", TAG, None, "scan_bay"),
    (TAG, "KK-0001", TAG, None, "scan_bay"),
    (TAG, "KK-0002", replace(TAG, asset="KK-0002"), None, "scan_bay"),
    (STOPPING, "KK-0001", TAG, None, "scan_bay"),
    (NOTHING, "kk-0001", TAG, None, "scan_bay"),
    (NOTHING, "KK-0777", COUNT, None, "tag_again"),
    (COUNT, "BAY-A2", COUNT, None, "tag_again"),
    (COUNT, "DRIVES-2", replace(COUNT, step=Step.BAY, drives=2), None, "drives_kept"),
    (COUNT, "NODRIVE", COUNT, None, "device_has_drive"),
    (COUNT, "NO", NOTHING, None, "undone"),
    (TAG, "DRIVES-3", replace(TAG, drives=3), None, "drives_kept"),
    (replace(TAG, drives=2), "BAY-A2", NOTHING, Assign("A2", "KK-0001", drives=2), "assigned"),
    (TAG, "NODRIVE", NO_DRIVE, None, "ask_no_drive"),
    (NO_DRIVE, "YES", NOTHING, SayNoDrive("KK-0001"), "no_drive_kept"),
    (NO_DRIVE, "NO", TAG, None, "scan_bay"),
    (NO_DRIVE, "NODRIVE", NO_DRIVE, None, "ask_no_drive"),
    (NOTHING, "NODRIVE", NOTHING, None, "scan_asset_first"),
    (NOTHING, "DESTROY", NOTHING, None, "scan_label_first"),
    (BOXING, "DESTROY-2", NOTHING, PutInBox("DESTROY-2", label="bench-01-000007"), "boxed"),
    (BOXING, "NO", NOTHING, None, "undone"),
    (BOXING, "YES", BOXING, None, "scan_box"),
    (NOTHING, "BAY-A0", NAMELESS, None, "scan_box_bay"),
    (NAMELESS, "DESTROY", NOTHING, PutInBox("DESTROY", bay="A0"), "boxed"),
    (TAG, "BAY-A0", replace(NAMELESS, asset="KK-0001"), None, "scan_box_bay"),
    (replace(NAMELESS, asset="KK-0001"), "DESTROY", NOTHING, PutInBox("DESTROY", bay="A0", asset="KK-0001"), "boxed"),
    (NOTHING, "AB-40717283", NOTHING, None, "serial_is_no_tag"),
    (TAG, "AB-40717283", TAG, None, "serial_is_no_tag"),
    (replace(TAG, asset="AB-40717283"), "BAY-A2", NOTHING, None, "serial_is_no_tag"),
    (TAG, "BAY-A2", NOTHING, Assign("A2", "KK-0001"), "assigned"),
    (TAG, "BAY-2", NOTHING, Assign("A2", "KK-0001"), "assigned"),
    (TAG, "BAY-A5", NOTHING, Assign("A5", "KK-0001"), "assigned"),
    (TAG, "BAY-A1", TAG, None, "bay_is_empty"),
    (TAG, "BAY-A6", TAG, None, "bay_is_busy"),
    (TAG, "BAY-A7", TAG, None, "bay_is_done"),
    (TAG, "BAY-A9", TAG, None, "bay_is_busy"),
    (TAG, "BAY-Z9", TAG, None, "unknown_bay"),
    (TAG, "BAY-11", TAG, None, "unknown_bay"),
    (TAG, "UNDO", NOTHING, None, "undone"),
    (TAG, "GRADE-B", replace(TAG, grade="B"), None, "grade_kept"),
    (replace(TAG, grade="B"), "BAY-A2", NOTHING, Assign("A2", "KK-0001", "B"), "assigned"),
    (TAG, "DEST-SHOP", replace(TAG, destination="Web shop"), None, "grade_kept"),
    (TAG, "DEST-MOON", TAG, None, "unknown_goal"),
    (TAG, "YES", TAG, None, "scan_bay"),
    (SERIAL, "S/N: wd-40717283", replace(SERIAL, step=Step.TAG), Match("A3", "job-A3"), "serial_right"),
    (SERIAL, "40717283", replace(SERIAL, step=Step.TAG), Match("A3", "job-A3"), "serial_right"),
    (SERIAL, "WD-12345679", SERIAL, None, "serial_wrong"),
    (SERIAL, "2345678", SERIAL, None, "serial_wrong"),
    (SERIAL, "KK-0001", SERIAL, None, "serial_wrong"),
    (SERIAL, "A" * 31 + "0", SERIAL, None, "psid_not_needed"),
    (SERIAL, "YES", SERIAL, None, "scan_serial"),
    (SERIAL, "NO", NOTHING, TakeBack("A3", "job-A3"), "undone_bay"),
    (CONFIRM, "YES", replace(CONFIRM, step=Step.TAG), BeginBay("A4", "job-A4"), "confirmed"),
    (CONFIRM, "START", replace(CONFIRM, step=Step.TAG), BeginBay("A4", "job-A4"), "confirmed"),
    (CONFIRM, "KK-0002", CONFIRM, None, "scan_yes_or_no"),
    (CONFIRM, "BAY-A2", CONFIRM, None, "scan_yes_or_no"),
    (CONFIRM, "AB-40717283", CONFIRM, None, "scan_yes_or_no"),
    (CONFIRM, "BAY-A3", SERIAL, None, "scan_serial"),
    (CONFIRM, "BAY-A4", CONFIRM, None, "scan_yes_or_no"),
    (CONFIRM, "BAY-A5", COUNTING, None, "bay_starts_soon"),
    (CONFIRM, "BAY-A6", CONFIRM, None, "scan_yes_or_no"),
    (CONFIRM, "BADGE-7", CONFIRM, None, "you_are"),
    (CONFIRM, "BADGE-8", bos(CONFIRM), None, "hello"),
    (bos(CONFIRM), "YES", bos(CONFIRM), None, "scan_lot"),
    (bos(CONFIRM), "BAY-A4", replace(CONFIRM, operator=BO, lot=None, away=(NOTHING,)), None, "bay_taken_over"),
    (CONFIRM, "LOT-1", replace(CONFIRM, step=Step.TAG), None, "lot_set"),
    (SERIAL, "BAY-A4", CONFIRM, None, "scan_yes_or_no"),
    (SERIAL, "BAY-A2", SERIAL, None, "scan_serial"),
    (CONFIRM, "nonsense", CONFIRM, None, "unknown_code"),
    (CONFIRM, "UNDO", NOTHING, TakeBack("A4", "job-A4"), "undone_bay"),
    (CONFIRM, "GRADE-C", CONFIRM, Rate("A4", "job-A4", "C", ""), "graded"),
    (COUNTING, "UNDO", NOTHING, TakeBack("A5", "job-A5"), "undone_bay"),
    (COUNTING, "YES", COUNTING, None, "scan_asset"),
    (NOTHING, "BAY-A1", NOTHING, None, "scan_asset_first"),
    (NOTHING, "BAY-A2", NOTHING, None, "scan_asset_first"),
    (NOTHING, "BAY-A3", SERIAL, None, "scan_serial"),
    (NOTHING, "BAY-A4", CONFIRM, None, "scan_yes_or_no"),
    (NOTHING, "BAY-A5", COUNTING, None, "bay_starts_soon"),
    (NOTHING, "BAY-A6", at(Step.GRADE, "A6"), None, "scan_grade"),
    (NOTHING, "BAY-A7", GRADE, None, "scan_grade"),
    (NOTHING, "BAY-A8", NOTHING, None, "bay_is_done"),
    (GRADE, "GRADE-A", replace(GRADE, step=Step.TAG), Rate("A7", "job-A7", "A", ""), "graded"),
    (GRADE, "UNDO", NOTHING, None, "nothing_to_undo"),
    (RATED, "GRADE-A", RATED, None, "graded"),
    (RATED, "GRADE-B", replace(RATED, step=Step.WHICH, grade="B"), None, "scan_bay_to_grade"),
    (RATED, "UNDO", NOTHING, TakeBackGrade("A7", "job-A7", "C", ""), "ungraded"),
    (GRADE, "DEST-SHOP", replace(GRADE, step=Step.TAG), Rate("A7", "job-A7", "", "Web shop"), "graded"),
    (GRADE, "KK-0001", replace(GRADE, step=Step.BAY, asset="KK-0001"), None, "scan_bay"),
    (NOTHING, "GRADE-B", WHICH, None, "scan_bay_to_grade"),
    (WHICH, "DEST-SHOP", replace(WHICH, destination="Web shop"), None, "scan_bay_to_grade"),
    (WHICH, "BAY-A7", replace(GRADE, step=Step.TAG), Rate("A7", "job-A7", "B", ""), "graded"),
    (WHICH, "BAY-A8", WHICH, None, "nothing_to_grade"),
    (WHICH, "KK-0001", TAG, None, "scan_bay"),
    (WHICH, "UNDO", NOTHING, None, "undone"),
    (NOTHING, "GRADE-E", NOTHING, None, "unknown_code"),
    (TAG, "CANCEL", STOPPING, None, "scan_bay_to_cancel"),
    (STOPPING, "CANCEL", STOPPING, None, "scan_bay_to_cancel"),
    (STOPPING, "BAY-A6", NOTHING, Cancel("A6"), "cancelled"),
    (STOPPING, "BAY-Z9", STOPPING, None, "unknown_bay"),
    (STOPPING, "NO", NOTHING, None, "undone"),
    (TAG, "REPRINT", PRINTING, None, "scan_to_reprint"),
    (PRINTING, "BAY-A7", NOTHING, Reprint(bay="A7"), "printing_label"),
    (PRINTING, "bench-01-000001", NOTHING, Reprint(label="bench-01-000001"), "printing_label"),
    (TAG, "bench-01-000001", TAG, LabelScanned("bench-01-000001"), ""),
    (NOTHING, "A" * 31 + "0", NOTHING, None, "psid_not_needed"),
    (NOTHING, IMEI, PHONE, None, "scan_device_tag"),
    (Context(), IMEI, Context(), None, "badge_first"),
    (NOTHING, "490154203237519", NOTHING, None, "bad_imei"),
    (TAG, IMEI, ASKED, None, "ask_account_removed"),
    (SERIAL, IMEI, SERIAL, None, "serial_wrong"),
    (CONFIRM, IMEI, CONFIRM, None, "scan_yes_or_no"),
    (PHONE, "TABLET", replace(PHONE, attempt=Attempt(IMEI, kind="tablet")), None, "scan_device_tag"),
    (PHONE, "KK-0001", ASKED, None, "ask_account_removed"),
    (PHONE, "YES", PHONE, None, "scan_device_tag"),
    (PHONE, "UNDO", NOTHING, None, "undone_device"),
    (PHONE, "CANCEL", replace(STOPPING, attempt=Attempt(IMEI)), None, "scan_bay_to_cancel"),
    (ASKED, SECOND_IMEI, replace(ASKED, attempt=Attempt(IMEI, "KK-0001", second=SECOND_IMEI)), None, "second_imei"),
    (ASKED, IMEI, ASKED, None, "ask_account_removed"),
    (ASKED, OTHER_IMEI, ASKED, None, "ask_account_removed"),
    (LAST, SECOND_IMEI, LAST, None, "ask_cards_removed"),
    (ASKED, "CANCEL", replace(ASKED, step=Step.STOP), None, "scan_bay_to_cancel"),
    (replace(ASKED, step=Step.STOP), "BAY-A6", WAITS, Cancel("A6"), "cancelled"),
    (replace(ASKED, step=Step.STOP), "KK-0001", replace(ASKED, step=Step.STOP), None, "scan_bay_to_cancel"),
    (ASKED, "BAY-A2", WAITS, None, "device_waits"),
    (ASKED, "BAY-A4", replace(CONFIRM, attempt=ASKED.attempt), None, "scan_yes_or_no"),
    (WAITS, "YES", WAITS, None, "device_waits"),
    (WAITS, "KK-0001", ASKED, None, "ask_account_removed"),
    (WAITS, IMEI, ASKED, None, "ask_account_removed"),
    (replace(PHONE, step=Step.TAG), IMEI, PHONE, None, "scan_device_tag"),
    (WAITS, OTHER_IMEI, WAITS, None, "device_waits"),
    (WAITS, "KK-0002", replace(WAITS, step=Step.BAY, asset="KK-0002"), None, "scan_bay"),
    (WAITS, "UNDO", NOTHING, None, "undone_device"),
    (ASKED, "YES", replace(ASKED, attempt=Attempt(IMEI, "KK-0001", answers=(True,))), None, "ask_reset_done"),
    (ASKED, "NO", NOTHING, Attest(Attempt(IMEI, "KK-0001", answers=(False,))), "not_attested"),
    (ASKED, "UNDO", NOTHING, None, "undone_device"),
    (ASKED, "BADGE-7", ASKED, None, "you_are"),
    (ASKED, "BADGE-8", bos(ASKED), None, "hello"),
    (bos(ASKED), "YES", bos(ASKED), None, "scan_lot"),
    (bos(ASKED), IMEI, replace(PHONE, operator=BO, lot=None, away=()), None, "device_taken"),
    (WAITS, "BADGE-8", bos(WAITS), None, "hello"),
    (LAST, "KK-0002", LAST, None, "ask_cards_removed"),
    (LAST, "YES", NOTHING, Attest(Attempt(IMEI, "KK-0001", answers=(True,) * 4)), "attested"),
    (LAST, "NO", NOTHING, Attest(Attempt(IMEI, "KK-0001", answers=(True, True, True, False))), "not_attested"),
    (NOTHING, "TABLET", NOTHING, None, "scan_asset"),
    (TAG, "", TAG, None, "unknown_code"),
    (TAG, "KK-0001 BAY-A1", TAG, None, "unknown_code"),
]


@pytest.mark.parametrize(("before", "code", "after", "action", "said"), TURNS)
def test_a_scan_means(before: Context, code: str, after: Context, action: object, said: str) -> None:
    turn = scan(before, code, BENCH, BAYS)
    assert (turn.context, turn.action, turn.say) == (after, action, said)


def test_two_rows_for_one_scan_in_one_step_are_an_error() -> None:
    steps, what, *_ = ROWS[-1]
    with pytest.raises(ValueError, match="two rows for 'a label of ours' in step 'print'"):
        table_of((*ROWS, ((Step.PRINT,), (Seen.LABEL,), Do.NOTE_LABEL, None, "")))
    assert (Step.PRINT in steps, Seen.LABEL in what) == (True, True)


def test_every_phrase_of_the_table_exists() -> None:
    said = {say for *_, say in ROWS if say} | set(EXPECTED.values())
    assert said <= set(keys())
    assert EXPECTED.keys() == set(Step)


def test_nothing_begins_but_by_a_bay_after_a_tag_a_right_label_or_yes() -> None:
    arming = {(step, seen) for (step, seen), (do, _, _) in TABLE.items() if do in (Do.ASSIGN, Do.MATCH, Do.BEGIN)}
    assert arming == {
        *((Step.BAY, seen) for seen in (Seen.READY_BAY, Seen.ASKING_BAY, Seen.PLANNED_BAY, Seen.COUNTING_BAY)),
        (Step.SERIAL, Seen.RIGHT_SERIAL),
        (Step.CONFIRM, Seen.YES),
    }


@pytest.mark.parametrize("step", list(Step))
def test_cancel_works_in_every_step(step: Step) -> None:
    assert TABLE[step, Seen.CANCEL][1] is Step.STOP


@pytest.mark.parametrize(
    "context",
    [NOTHING, PHONE, ASKED, LAST, TAG, STOPPING, PRINTING, SERIAL, CONFIRM, GRADE, WHICH, COUNT, NO_DRIVE, BOXING],
)
@pytest.mark.parametrize("code", ["nonsense", "x" * 500, "BADGE-404", "LOT-404", "BAY-404", "ÆØÅ", "A" * 32])
def test_what_is_unknown_changes_nothing_and_says_what_is_expected(context: Context, code: str) -> None:
    turn = scan(context, code, BENCH, BAYS)
    assert (turn.context, turn.action) == (context, None)
    assert expects(turn.context, BENCH) in {*EXPECTED.values(), *map(asked_phrase, QUESTIONS)}


def test_every_state_of_a_bay_is_a_place() -> None:
    assert all(place(Bay(name="A1", state=state)) in Seen for state in BayState)


def test_a_step_about_a_drive_that_has_gone_is_over() -> None:
    gone = {**BAYS, "A4": Bay(name="A4"), "A7": bay("A6", BayState.FINISHED, outcome="erased")}
    assert scan(CONFIRM, "YES", BENCH, gone).action is None
    assert scan(GRADE, "GRADE-A", BENCH, gone).action is None
    assert scan(CONFIRM, "YES", BENCH, {**BAYS, "A4": bay("A4", BayState.COUNTDOWN, due=1.0)}).action is None


@pytest.mark.parametrize(
    ("code", "symbology", "said"),
    [
        ("KK-0001", "code-128", "scan_bay"),
        ("KK-0001", None, "scan_bay"),
        ("KK-0001", "ean-upc", "wrong_symbol"),
        ("CANCEL", "itf", "wrong_symbol"),
        ("5701234567899", "ean-upc", "unknown_code"),
    ],
)
def test_a_field_takes_its_own_symbologies_only(code: str, symbology: str | None, said: str) -> None:
    turn = scan(NOTHING, code, BENCH, BAYS, symbology=symbology)
    assert turn.say == said
    assert (turn.context == NOTHING) is (said != "scan_bay")


def test_badge_and_lot_can_be_required() -> None:
    strict = bench(require=("badge", "lot"))

    def turn(context: Context, code: str) -> Turn:
        return scan(context, code, strict, BAYS)

    first = turn(Context(), "KK-0001")
    assert (first.context.asset, first.say) == (None, "scan_badge")
    signed_in = turn(first.context, "BADGE-7").context
    assert turn(signed_in, "KK-0001").say == "scan_lot"
    assert turn(turn(signed_in, "LOT-1").context, "KK-0001").say == "scan_bay"


@pytest.mark.parametrize(("lot", "policy"), [(None, "nist-clear"), ("LOT-1", "thorough"), ("LOT-2", "quick")])
def test_the_lot_decides_the_policy_else_its_customer_else_the_station(lot: str | None, policy: str) -> None:
    context = scan(Context(), lot, BENCH, BAYS).context if lot else Context()
    assert context.policy(BENCH) == policy


def test_badge_and_lot_stand_on_every_job_that_follows() -> None:
    context = scan(scan(Context(), "BADGE-7", BENCH, BAYS).context, "LOT-2", BENCH, BAYS).context
    operator, customer = context.on_job()
    assert operator is not None
    assert customer is not None
    assert (operator.id, operator.name) == ("ida", "Ida")
    assert (customer.name, customer.lot, customer.reference) == ("Kolding", "LOT-2", "4711")
    assert Context().on_job() == (None, None)
