"""Short ways to run a job in a test."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import msgspec

from agent.certificates.outcome import Failed, Outcome, Refused, Work
from agent.certificates.record import Interruption
from agent.erase import Checkpoint, EraseSpec, KnownHash, Limits, Progress, ResumePoint, VerifySpec
from agent.erase.buffers import Layout
from agent.erase.engine import erase
from agent.erase.marker import Marker
from agent.erase.monitor import Monitor
from agent.erase.signals import Stop
from drivers.drives.base import OpenDrive

KEY = "5a" * 32
KIB = 1 << 10
MIB = 1 << 20
Events = list[Progress | Checkpoint]


def run_job(
    drive: OpenDrive,
    method: str = "zero",
    *,
    block: int = 16 * KIB,
    stop: Stop | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    verify: VerifySpec = VerifySpec(),  # noqa: B008 - frozen
    resume: ResumePoint | None = None,
    interruption: Interruption | None = None,
    on_event: Callable[[Progress | Checkpoint], None] | None = None,
    celsius: Callable[[], float | None] | None = None,
    prove: bool = False,
    known: KnownHash | None = None,
    anew: bool = False,
) -> tuple[Outcome, Events]:
    """Erase with small blocks, so that small drives have many of them; the outcome and everything that was emitted.

    `prove`: the drive's capacity first, as a station does. Checkpoints go through JSON, as the ledger keeps them.
    """
    events: Events = []

    def keep(event: Progress | Checkpoint) -> None:
        kept = event
        if isinstance(event, Checkpoint):
            kept = msgspec.json.decode(msgspec.json.encode(event), type=Checkpoint)
        events.append(kept)
        if on_event is not None:
            on_event(event)

    spec = EraseSpec(
        job="job-1",
        method=method,
        key_hex=KEY,
        limits=limits,
        verify=verify,
        resume=resume,
        interruption=interruption,
        skip_proof=not prove,
        known_hash=known,
        hash_anew=anew,
    )
    small = Layout(block=block, depth=3)
    with mock.patch.object(Layout, "plan", return_value=small):
        return erase(drive, spec, keep, stop or Stop(), celsius=celsius), events


def mark(drive: OpenDrive) -> None:
    """Leave the job's marker on a drive, as the job would have before it was interrupted."""
    with Monitor(drive, job="job-1", passes=1, limits=Limits(), emit=lambda _: None, stop=Stop()) as monitor:
        Marker(monitor, bytes.fromhex(KEY)).put_all()


def last_point(events: Events) -> ResumePoint | None:
    """The last checkpoint's point, or None."""
    points = [e.point for e in events if isinstance(e, Checkpoint)]
    return points[-1] if points else None


def work_of(outcome: Outcome) -> Work:
    """What was done, whatever came of it."""
    assert not isinstance(outcome, Refused), outcome
    return outcome.work


def unreached_of(outcome: Outcome) -> list[tuple[int, int]]:
    """The ranges that a failed job lists."""
    assert isinstance(outcome, Failed), outcome
    return [(u.offset, u.bytes) for u in outcome.work.unreached]
