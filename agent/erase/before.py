"""Tell what was done of a job before, for whoever has no more of it than its last flushed point."""

from __future__ import annotations

from agent.certificates.outcome import Work
from agent.certificates.record import Interruption
from agent.erase.spec import ResumePoint


def done_before(point: ResumePoint | None, interruption: Interruption | None = None) -> Work:
    """Return the work up to that point. `interruption` is one that the point does not have yet."""
    since = () if interruption is None else (interruption,)
    if point is None:
        return Work(interruptions=since)
    return Work(
        passes=point.completed,
        commands=point.firmware.commands if point.firmware else (),
        unreached=point.unreached,
        interruptions=(*point.interruptions, *since),
        capacity_proof=point.capacity_proof,
        resumed=point.resumed,
    )
