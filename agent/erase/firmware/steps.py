"""A firmware technique on its way: accepted, running, finished. Pure: a table, and the one way through it.

Success is one step only, and leads there only from our own command: seen to be accepted or at work, and then said by
the drive to be completed. Whatever is not in the table leads to `UNKNOWN`, which is a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from agent.certificates.outcome import COMMAND_REFUSED, FIRMWARE_FAILED, NOTHING_SAYS_SO, Reason

Said = Literal["accepted", "refused", "running", "completed", "failed", "idle", "another", "unreadable"]
"""What an answer says: "idle": no work goes on, and nothing says how it ended; "another": of a command not ours."""


@dataclass(frozen=True)
class Answer:
    """One answer of the drive, understood. `progress` 0 to 1; `raw`: its bytes, for the certificate.

    `ours`: False where the drive says that it speaks of another command than the one we mean.
    """

    said: Said
    text: str
    raw: bytes = b""
    progress: float | None = None
    ours: bool = True
    fresh: bool = False
    """NVMe: nothing has been written to the drive since (global data erased)."""
    frozen: bool = False
    """ATA: it takes no sanitize until its power was off, whatever became of the last one."""


class FirmwareStep(StrEnum):
    """Where the command is. `SENT`: on its way, and its own answer could not be read."""

    READY = "ready"
    SENT = "sent"
    ACCEPTED = "accepted"
    RUNNING = "running"
    FINISHED = "finished"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


S = FirmwareStep
NEXT: Mapping[tuple[FirmwareStep, Said], FirmwareStep] = {
    (S.READY, "accepted"): S.ACCEPTED,
    (S.READY, "refused"): S.REFUSED,
    (S.READY, "unreadable"): S.SENT,
    (S.SENT, "running"): S.RUNNING,
    (S.ACCEPTED, "running"): S.RUNNING,
    (S.ACCEPTED, "completed"): S.FINISHED,
    (S.ACCEPTED, "failed"): S.FAILED,
    (S.RUNNING, "running"): S.RUNNING,
    (S.RUNNING, "completed"): S.FINISHED,
    (S.RUNNING, "failed"): S.FAILED,
}
ENDS = frozenset({S.FINISHED, S.REFUSED, S.FAILED, S.UNKNOWN})
REASONS: Mapping[FirmwareStep, Reason] = {
    S.REFUSED: COMMAND_REFUSED,
    S.FAILED: FIRMWARE_FAILED,
    S.UNKNOWN: NOTHING_SAYS_SO,
}


def advance(step: FirmwareStep, said: Said) -> FirmwareStep:
    """Choose the next step.

    An answer that cannot be read while the work goes on changes nothing: its caller counts them.
    """
    if step in ENDS:
        raise ValueError(f"{step} is the end")
    if said == "unreadable" and step is not S.READY:
        return step
    return NEXT.get((step, said), S.UNKNOWN)
