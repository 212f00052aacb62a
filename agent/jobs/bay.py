"""A bay as the engine sees it. Pure: the table of its states, and how it moves through them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

from agent.certificates.outcome import Reason
from agent.certificates.record import ERASE_AGAIN
from agent.erase import Progress
from agent.errors import IllegalTransition
from agent.jobs.job import Job, JobState, claim_of
from drivers.drives.drive import Drive


class BayState(StrEnum):
    """What a technician sees of a bay."""

    EMPTY = "empty"
    WAITING = "waiting"
    BLOCKED = "blocked"
    COUNTDOWN = "countdown"
    CYCLING = "cycling"
    ERASING = "erasing"
    VERIFYING = "verifying"
    STALLED = "stalled"
    CERTIFYING = "certifying"
    FINISHED = "finished"
    QUARANTINED = "quarantined"


Asks = Literal["", "serial", "confirm", "grade"]
"""What a bay waits for from a person: its drive's own label, YES, or the grade of what was erased there."""

B = BayState
BUSY = frozenset({B.CYCLING, B.ERASING, B.VERIFYING, B.STALLED})
HELD = BUSY | {B.CERTIFYING, B.QUARANTINED}
"""Nothing that arrives in such a bay is dealt with before the bay is free."""

AT_WORK: Mapping[JobState, BayState] = {
    JobState.CYCLING: B.CYCLING,
    JobState.ERASING: B.ERASING,
    JobState.VERIFYING: B.VERIFYING,
    JobState.STALLED: B.STALLED,
}
"""What a bay is while a worker is at its job."""

NEXT: Mapping[BayState, frozenset[BayState]] = {
    B.EMPTY: frozenset({B.WAITING, B.BLOCKED, B.COUNTDOWN, B.CERTIFYING, B.FINISHED}),
    B.WAITING: frozenset({B.COUNTDOWN, B.CERTIFYING, B.EMPTY}),
    B.BLOCKED: frozenset({B.EMPTY}),
    B.COUNTDOWN: frozenset({B.ERASING, B.WAITING, B.CERTIFYING, B.EMPTY}),
    B.CYCLING: frozenset({B.ERASING, B.VERIFYING, B.STALLED, B.CERTIFYING, B.EMPTY}),
    B.ERASING: frozenset({B.CYCLING, B.VERIFYING, B.STALLED, B.CERTIFYING, B.EMPTY}),
    B.VERIFYING: frozenset({B.STALLED, B.CERTIFYING, B.EMPTY}),
    B.STALLED: frozenset({B.CYCLING, B.ERASING, B.VERIFYING, B.CERTIFYING, B.EMPTY}),
    B.CERTIFYING: frozenset({B.FINISHED, B.QUARANTINED}),
    B.FINISHED: frozenset({B.EMPTY}),
    B.QUARANTINED: frozenset({B.EMPTY}),
}


@dataclass(frozen=True)
class Bay:
    """One row of the bay table.

    `due`: the moment (monotonic seconds) when the countdown ends; None while a person is asked first (`asks`).
    `boxed`: a person said that the drive goes into the box of what is destroyed.
    """

    name: str
    state: BayState = B.EMPTY
    rev: int = 0
    insertion: str = ""
    drive: Drive | None = None
    drive_present: bool = False
    job: Job | None = None
    due: float | None = None
    asks: Asks = ""
    progress: Progress | None = None
    reason: Reason | None = None
    outcome: str | None = None
    certificate_number: str | None = None
    boxed: bool = False

    @property
    def claim(self) -> str | None:
        """What its outcome may be shown as: see `agent.certificates.certificate.claim_of`."""
        if self.outcome == "failed" and self.reason is not None and self.reason.code in ERASE_AGAIN:
            return "again"
        return claim_of(self.job) if self.job is not None and self.outcome == "erased" else self.outcome

    @property
    def busy(self) -> bool:
        """Whether a worker holds the drive."""
        return self.state in BUSY


def move(bay: Bay, to: BayState, **facts: Any) -> Bay:  # noqa: ANN401 - any field of Bay
    """Move the bay to its next state, one revision on. IllegalTransition if the table does not have it."""
    if to not in NEXT[bay.state]:
        raise IllegalTransition(what=f"bay {bay.name}", here=bay.state, wanted=to)
    return replace(bay, state=to, rev=bay.rev + 1, **facts)


def changed(bay: Bay, **facts: Any) -> Bay:  # noqa: ANN401 - any field of Bay
    """Return the bay in the same state with other facts, one revision on."""
    return replace(bay, rev=bay.rev + 1, **facts)


def emptied(bay: Bay) -> Bay:
    """Return the bay without its drive and without all that was known of it."""
    if bay.state is not B.EMPTY and B.EMPTY not in NEXT[bay.state]:
        raise IllegalTransition(what=f"bay {bay.name}", here=bay.state, wanted=B.EMPTY)
    return Bay(name=bay.name, rev=bay.rev + 1)
