"""What to do with a drive that stands in a bay: every rule, and which of two comes first."""

from __future__ import annotations

from typing import Any, Literal, cast

import msgspec
import pytest

from agent.bench.arrival import TWIN, Act, Begin, Block, GoOn, Hold, Show, TakeUp, Wait, decide
from agent.bench.events import DriveArrived, DriveUnreadable
from agent.certificates.outcome import CANCELLED, NAMELESS, PULLED_OUT
from agent.certificates.record import Reason
from agent.jobs.bay import Bay, BayState
from agent.jobs.job import Job, JobState
from agent.planning.plan import Plan, plan
from agent.planning.policy import NIST_CLEAR
from tests.agent.engine_rig import NOW, drive

HERE, EARLIER = "boot:stay-2", "boot:stay-1"
MOUNTED = Reason("BW-S04", "It is mounted", "Unmount it first.")
PLANNED = plan(drive(), NIST_CLEAR)


def job(state: JobState, insertion: str = EARLIER, **facts: Any) -> Job:  # noqa: ANN401 - fields of Job
    """An earlier job of the drive."""
    made = Job(
        id="old", bay="A1", drive=drive(), plan=cast(Plan, PLANNED), state=state, created_at=NOW, insertion=insertion
    )
    return msgspec.structs.replace(made, **facts)


def explained(reason: Reason) -> Reason:
    """As a job keeps it."""
    return Reason(code=reason.code, text=reason.text, hint=reason.hint)


def act(newest: Job | None = None, *others: Bay, mode: Literal["automatic", "scan"] = "scan", **event: Any) -> Act:  # noqa: ANN401
    """What is decided on a drive that stands in A1."""
    arrived = DriveArrived("A1", "stay-2", event.pop("who", drive()), **event)
    return decide(arrived, insertion=HERE, newest=newest, others=others, mode=mode)


def bay(state: BayState, serial: str = "S1", **facts: Any) -> Bay:  # noqa: ANN401 - fields of Bay
    """Another bay, with the same drive unless told otherwise."""
    return Bay(**{"name": "A2", "state": state, "drive": drive(serial), "drive_present": True, **facts})


PULLED = job(JobState.ABORTED, reason=explained(PULLED_OUT), certificate_id="c")
DONE = job(JobState.ERASED, HERE, certificate_id="c")


@pytest.mark.parametrize(
    ("newest", "scan", "automatic"),
    [
        (None, Wait(), Begin()),
        (job(JobState.ERASED, certificate_id="c"), Wait(), Begin()),
        (job(JobState.CANCELLED), Wait(), Begin()),
        (DONE, Show(DONE), Show(DONE)),
        (job(JobState.CANCELLED, HERE), Wait(), Wait()),
        (job(JobState.PLANNED), Wait(job(JobState.PLANNED)), Begin(job(JobState.PLANNED))),
        (job(JobState.PLANNED, HERE), TakeUp(job(JobState.PLANNED, HERE)), TakeUp(job(JobState.PLANNED, HERE))),
        (
            job(JobState.PLANNED, HERE, plan=None),
            Wait(job(JobState.PLANNED, HERE, plan=None)),
            Begin(job(JobState.PLANNED, HERE, plan=None)),
        ),
        (job(JobState.PLANNED, resumes="x"), *(TakeUp(job(JobState.PLANNED, resumes="x")),) * 2),
        (job(JobState.INTERRUPTED), *(TakeUp(job(JobState.INTERRUPTED)),) * 2),
        (job(JobState.VERIFYING, bay=""), *(TakeUp(job(JobState.VERIFYING, bay="")),) * 2),
        (PULLED, GoOn(PULLED), GoOn(PULLED)),
        (job(JobState.ABORTED, reason=explained(CANCELLED), certificate_id="c"), Wait(), Begin()),
    ],
)
def test_what_is_remembered_of_a_drive_decides(newest: Job | None, scan: Act, automatic: Act) -> None:
    assert act(newest) == scan
    assert act(newest, mode="automatic") == automatic


@pytest.mark.parametrize("end", [JobState.ERASED, JobState.FAILED, JobState.ABORTED, JobState.REFUSED])
def test_what_ended_here_with_a_certificate_is_shown_and_never_begun_again(end: JobState) -> None:
    ended = job(end, HERE, certificate_id="c")
    assert act(ended, mode="automatic") == Show(ended)


def test_what_may_not_be_erased_is_blocked_whatever_is_remembered() -> None:
    assert act(job(JobState.INTERRUPTED), refusals=(MOUNTED,)) == Block(MOUNTED)
    nobody = drive(serial=None)
    assert act(mode="automatic", who=nobody) == Block(NAMELESS)
    unreadable = DriveUnreadable("A1", "stay-2", MOUNTED)
    assert decide(unreadable, insertion=HERE, newest=None, others=(), mode="automatic") == Block(MOUNTED)


@pytest.mark.parametrize("state", sorted(set(BayState) - {BayState.EMPTY}))
def test_of_two_drives_with_one_identity_the_second_is_refused(state: BayState) -> None:
    decided = act(job(JobState.INTERRUPTED), bay(state), mode="automatic")
    assert isinstance(decided, Block)
    assert decided.reason.code == TWIN
    assert "A2" in decided.reason.text


def test_one_that_is_itself_blocked_as_the_second_is_not_in_the_way() -> None:
    second = bay(BayState.BLOCKED, reason=Reason(TWIN, "", ""))
    assert act(None, second, mode="automatic") == Begin()


@pytest.mark.parametrize("state", [BayState.ERASING, BayState.VERIFYING, BayState.STALLED, BayState.CERTIFYING])
def test_a_drive_pulled_out_elsewhere_waits_until_that_bay_has_let_go(state: BayState) -> None:
    assert act(job(JobState.ERASING), bay(state, drive_present=False), mode="automatic") == Hold()
    assert act(None, bay(state, "S2", drive_present=False), mode="automatic") == Begin()
