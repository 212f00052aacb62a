"""What to do with a drive that stands in a bay. Pure: (who it is, what is remembered of it, the other bays) -> one act.

The order is that of the bar: never the wrong drive, then nothing lost, then comfort. What is unknown is blocked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from agent.bench.events import DriveArrived, DriveUnreadable
from agent.certificates.outcome import NAMELESS, PULLED_OUT, Reason
from agent.jobs.bay import Bay, BayState
from agent.jobs.job import ENDED, WORKING, Job, JobState
from agent.planning.twins import alike

TWIN = "BW-S22"


@dataclass(frozen=True)
class Block:
    """It is not erased."""

    reason: Reason


@dataclass(frozen=True)
class Hold:
    """Not yet: another bay still works on this very drive, which was pulled out there."""


@dataclass(frozen=True)
class Show:
    """It was dealt with while it stood here: show what came of it, and touch it no more."""

    job: Job


@dataclass(frozen=True)
class TakeUp:
    """Go on with a job that never ended, under the same name."""

    job: Job


@dataclass(frozen=True)
class GoOn:
    """It was pulled out of a job that has its certificate: a new job goes on where that one was."""

    job: Job


@dataclass(frozen=True)
class Begin:
    """Erase it, after the countdown. `stale` is a plan of an earlier stay that never began: it is off."""

    stale: Job | None = None


@dataclass(frozen=True)
class Wait:
    """Wait for an asset tag. `stale` as in `Begin`."""

    stale: Job | None = None


@dataclass(frozen=True)
class AskAgain:
    """A person had planned it, and the station lost its power before it began: ask them, and begin nothing alone."""

    stale: Job


Act = Block | Hold | Show | TakeUp | GoOn | Begin | Wait | AskAgain


def decide(
    event: DriveArrived | DriveUnreadable,
    *,
    insertion: str,
    newest: Job | None,
    others: Iterable[Bay],
    mode: Literal["automatic", "scan"],
    allow_unidentified: bool = False,
    elsewhere: Reason | None = None,
) -> Act:
    """Decide what to do about a drive that arrived in a bay.

    `newest` is the drive's newest job; `others` are all bays but this one; `elsewhere`: a job of it runs there.

    `allow_unidentified`: a policy of this station allows drives without an identity of their own.
    """
    if isinstance(event, DriveUnreadable):
        return Block(event.reason)
    if event.refusals:
        return Block(event.refusals[0])
    if not event.drive.identified:
        return _nameless(newest, insertion, mode) if allow_unidentified else Block(NAMELESS)
    here = _twin(event, others)
    return here or (Block(elsewhere) if elsewhere else _by_history(newest, insertion, mode))


def _nameless(newest: Job | None, insertion: str, mode: Literal["automatic", "scan"]) -> Act:
    """Nothing that began before is gone on with: what stands here may be another drive that says the same."""
    here = newest is not None and newest.insertion == insertion
    if newest is not None and here and newest.state in ENDED:
        return Show(newest) if newest.certificate_id else Wait()
    stale = newest if newest is not None and newest.state is JobState.PLANNED else None
    return Begin(stale) if mode == "automatic" else Wait(stale)


def _twin(event: DriveArrived, others: Iterable[Bay]) -> Block | Hold | None:
    """Two drives that cannot be told apart, or one that appears twice: only the first is dealt with."""
    for other in others:
        if other.drive is None or not alike(other.drive, event.drive):
            continue
        if other.drive_present and not _blocked_as_twin(other):
            text = f"Bay {other.name} and bay {event.bay} hold drives with the same identity"
            return Block(Reason(TWIN, text, f"Take the drive out of bay {other.name} first."))
        if other.busy or other.state is BayState.CERTIFYING:
            return Hold()
    return None


def _blocked_as_twin(bay: Bay) -> bool:
    return bay.state is BayState.BLOCKED and bay.reason is not None and bay.reason.code == TWIN


def _by_history(newest: Job | None, insertion: str, mode: Literal["automatic", "scan"]) -> Act:
    here = newest is not None and newest.insertion == insertion
    if newest is not None:
        if newest.state is JobState.INTERRUPTED or newest.state in WORKING:
            return TakeUp(newest)
        if newest.state is JobState.PLANNED and newest.plan is not None and (here or newest.resumes):
            return TakeUp(newest)
        if newest.plan is not None and newest.state is JobState.ABORTED and _pulled_out(newest):
            return GoOn(newest)
        if newest.state in ENDED and here:
            # Cancelled before it began: somebody said no, and automatic mode must not ask again by itself.
            return Show(newest) if newest.certificate_id else Wait()
    stale = newest if newest is not None and newest.state is JobState.PLANNED else None
    if mode == "automatic":
        return Begin(stale)
    return AskAgain(stale) if stale is not None and stale.plan is not None and stale.asset is not None else Wait(stale)


def _pulled_out(job: Job) -> bool:
    return job.reason is not None and job.reason.code == PULLED_OUT.code
