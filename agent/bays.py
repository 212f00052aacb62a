"""A bay as the engine sees it. Pure: the table of its states, and how it moves through them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from agent.erase import Progress
from agent.errors import IllegalTransition
from agent.job import Job
from agent.outcome import Reason
from drivers.drives.base import Drive


class BayState(StrEnum):
    """What a technician sees of a bay."""

    EMPTY = "empty"
    WAITING = "waiting"
    BLOCKED = "blocked"
    COUNTDOWN = "countdown"
    ERASING = "erasing"
    VERIFYING = "verifying"
    STALLED = "stalled"
    FINISHED = "finished"
    QUARANTINED = "quarantined"


B = BayState
BUSY = frozenset({B.ERASING, B.VERIFYING, B.STALLED})

NEXT: Mapping[BayState, frozenset[BayState]] = {
    B.EMPTY: frozenset({B.WAITING, B.BLOCKED, B.COUNTDOWN, B.FINISHED}),
    B.WAITING: frozenset({B.COUNTDOWN, B.BLOCKED, B.FINISHED, B.EMPTY}),
    B.BLOCKED: frozenset({B.EMPTY}),
    B.COUNTDOWN: frozenset({B.ERASING, B.WAITING, B.FINISHED, B.EMPTY}),
    B.ERASING: frozenset({B.VERIFYING, B.STALLED, B.FINISHED, B.EMPTY}),
    B.VERIFYING: frozenset({B.STALLED, B.FINISHED, B.EMPTY}),
    B.STALLED: frozenset({B.ERASING, B.VERIFYING, B.FINISHED, B.QUARANTINED, B.EMPTY}),
    B.FINISHED: frozenset({B.EMPTY}),
    B.QUARANTINED: frozenset({B.EMPTY}),
}


@dataclass(frozen=True)
class Bay:
    """One row of the bay table. `due` is the moment (monotonic seconds) when the countdown ends."""

    name: str
    state: BayState = B.EMPTY
    rev: int = 0
    insertion: str = ""
    drive: Drive | None = None
    drive_present: bool = False
    job: Job | None = None
    due: float | None = None
    progress: Progress | None = None
    reason: Reason | None = None
    outcome: str | None = None
    certificate_number: str | None = None

    @property
    def busy(self) -> bool:
        """Whether a worker holds the drive."""
        return self.state in BUSY


def move(bay: Bay, to: BayState, **facts: Any) -> Bay:  # noqa: ANN401 - any field of Bay
    """The bay in its next state, one revision on. IllegalTransition if the table does not have it."""
    if to not in NEXT[bay.state]:
        raise IllegalTransition(what=f"bay {bay.name}", here=bay.state, wanted=to)
    return replace(bay, state=to, rev=bay.rev + 1, **facts)


def emptied(bay: Bay) -> Bay:
    """The bay without its drive and without all that was known of it."""
    if B.EMPTY not in NEXT[bay.state] and bay.state is not B.EMPTY:
        raise IllegalTransition(what=f"bay {bay.name}", here=bay.state, wanted=B.EMPTY)
    return Bay(name=bay.name, rev=bay.rev + 1)
