"""(Job, Outcome) -> Record: only an Erased makes it say "erased", and nothing else claims a level."""

from __future__ import annotations

from typing import cast

import pytest

from agent.certificates.outcome import CANCELLED, Aborted, Failed, Outcome, Reason, Refused, Work, with_word
from agent.certificates.record import (
    Clock,
    Health,
    Interruption,
    Mismatch,
    Position,
    Software,
    StationRecord,
    Unreached,
    Verification,
)
from agent.jobs.certify import TOO_LARGE, Circumstances, condensed, draft, outcome_name
from agent.jobs.job import Job
from agent.planning.plan import Plan, plan
from agent.planning.policy import NIST_CLEAR
from tests.agent.engine_rig import NOW, drive, erased, failed

WHEN = Circumstances(
    finished_at=NOW,
    clock=Clock(source="ntp", synchronised=True, boot_id="b", monotonic_ms=1),
    station=StationRecord(
        id="bench-01",
        name="",
        location="",
        organisation="",
        software=Software(name="b", version="1"),
        kernel="",
        machine="",
    ),
)
JOB = Job(id="j", bay="A1", drive=drive(), plan=cast(Plan, plan(drive(), NIST_CLEAR)), created_at=NOW)
REFUSAL = Reason("BW-S04", "It is mounted", "Unmount it.")
OUTCOMES: dict[str, Outcome] = {
    "erased": erased(),
    "failed": failed(),
    "aborted": Aborted(Work(), CANCELLED),
    "refused": Refused(REFUSAL),
}


@pytest.mark.parametrize("name", sorted(OUTCOMES))
def test_the_record_says_how_it_ended_and_claims_a_level_only_for_an_erased(name: str) -> None:
    outcome = OUTCOMES[name]
    record = draft(JOB, outcome, Position(7, "p" * 64), WHEN)
    assert outcome_name(outcome) == record.outcome == name
    assert (record.number, record.sequence, record.previous) == ("bench-01-000007", 7, "p" * 64)
    assert record.sanitization.level == ("clear" if name == "erased" else "none")
    assert (record.reason is None) == (name == "erased")
    assert record.drive.serial == "S1"


def test_health_stands_beside_the_work_and_changes_no_outcome() -> None:
    health = Health(before={"power_on_hours": 1}, after={"power_on_hours": 2})
    for name, outcome in OUTCOMES.items():
        told = draft(JOB, with_word(outcome, health=health), Position(1, None), WHEN)
        assert told.outcome == name
        assert told.drive.health == (Health() if name == "refused" else health)


def test_what_is_condensed_covers_all_that_it_leaves_out_and_is_never_erased() -> None:
    many = tuple(Unreached(offset=n * 4096, bytes=512, reason="read: EIO") for n in range(100))
    wrong = tuple(Mismatch(offset=n * 4096, bytes=1) for n in range(100))
    often = tuple(Interruption(at=NOW, reason=str(n), resumed_at_offset=n) for n in range(100))
    read = Verification(kind="full", result="failed", mismatches=wrong)
    short = condensed(failed(Work(unreached=many, verification=read, interruptions=often)))
    assert isinstance(short, Failed)
    assert [(u.offset, u.bytes) for u in short.work.unreached] == [(0, 99 * 4096 + 512)]
    assert short.work.verification.mismatches == (Mismatch(offset=0, bytes=99 * 4096 + 1),)
    assert short.work.verification.mismatches_truncated
    assert short.work.interruptions[-1].reason == "99"
    was_erased = condensed(erased())
    assert isinstance(was_erased, Failed)
    assert was_erased.reason == TOO_LARGE
    assert condensed(Refused(REFUSAL)) == Refused(REFUSAL)
