"""A job: one drive in one bay, from plan to certificate. Pure: the table of its states, and the way through it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from agent.certificates.record import ERASE_AGAIN, Asset, Customer, Disposition, Operator, Reason
from agent.errors import IllegalTransition
from agent.planning.plan import Plan
from drivers.drives.drive import Drive


class JobState(StrEnum):
    """Where a job is."""

    PLANNED = "planned"
    CYCLING = "cycling"
    ERASING = "erasing"
    VERIFYING = "verifying"
    STALLED = "stalled"
    INTERRUPTED = "interrupted"
    ERASED = "erased"
    FAILED = "failed"
    ABORTED = "aborted"
    REFUSED = "refused"
    CANCELLED = "cancelled"


S = JobState
ENDED = frozenset({S.ERASED, S.FAILED, S.ABORTED, S.REFUSED, S.CANCELLED})
WORKING = frozenset({S.CYCLING, S.ERASING, S.VERIFYING, S.STALLED})

NEXT: Mapping[JobState, frozenset[JobState]] = {
    S.PLANNED: frozenset({S.ERASING, S.CANCELLED, S.REFUSED}),
    S.CYCLING: frozenset({S.ERASING, S.VERIFYING, S.STALLED, S.INTERRUPTED, S.ERASED, S.FAILED, S.ABORTED, S.REFUSED}),
    S.ERASING: frozenset({S.CYCLING, S.VERIFYING, S.STALLED, S.INTERRUPTED, S.ERASED, S.FAILED, S.ABORTED, S.REFUSED}),
    S.VERIFYING: frozenset({S.STALLED, S.INTERRUPTED, S.ERASED, S.FAILED, S.ABORTED}),
    S.STALLED: frozenset({S.CYCLING, S.ERASING, S.VERIFYING, S.INTERRUPTED, S.ERASED, S.FAILED, S.ABORTED, S.REFUSED}),
    S.INTERRUPTED: frozenset({S.ERASING, S.ABORTED, S.CANCELLED}),
    **{state: frozenset() for state in ENDED},
}


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One drive to be erased.

    `bay` is empty for a job of the command line. `insertion` tells this stay of the drive in its bay from any other.
    `plan` is None only for a job that was refused. `resumes` is the job whose checkpoint and key it goes on with.
    `untold`: it has its certificate, and the command that ran it has not said so yet.
    """

    id: str
    bay: str
    drive: Drive
    plan: Plan | None
    state: JobState = JobState.PLANNED
    asset: Asset | None = None
    operator: Operator | None = None
    customer: Customer | None = None
    disposition: Disposition | None = None
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    insertion: str = ""
    resumes: str | None = None
    certificate_id: str | None = None
    reason: Reason | None = None
    untold: bool = False

    @property
    def stopped(self) -> bool:
        """Whether its drive may still be erased by it: it is under way, or was, and has not come to its end."""
        return self.state not in ENDED or self.state is JobState.ABORTED


def claim_of(ended: Job) -> str:
    """Say what an ended job may be shown as: its state, or "unread" where it is erased and was not read back.

    "again" is said of one that failed, and whose drive is not to blame.
    """
    if ended.state is JobState.FAILED and ended.reason is not None and ended.reason.code in ERASE_AGAIN:
        return "again"
    unread = ended.state is JobState.ERASED and ended.plan is not None and ended.plan.verify.kind == "none"
    return "unread" if unread else ended.state.value


def advance(job: Job, to: JobState, **facts: Any) -> Job:  # noqa: ANN401 - any field of Job
    """Move the job to its next state. IllegalTransition if the table does not have it."""
    if to not in NEXT[job.state]:
        raise IllegalTransition(what=f"job {job.id}", here=job.state, wanted=to)
    return msgspec.structs.replace(job, state=to, **facts)
