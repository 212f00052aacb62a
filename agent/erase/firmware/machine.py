"""What a firmware technique has to offer to its job: make ready, say whether it was done before, do it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from agent.certificates.outcome import Reason
from agent.certificates.record import CommandRecord
from agent.erase.firmware.talk import Talk
from agent.erase.spec import EraseSpec, FirmwarePoint
from agent.erase.techniques import Technique


@dataclass(frozen=True)
class Stopped:
    """It does not go on. `untouched`: nothing of the drive was changed."""

    reason: Reason
    untouched: bool = False


class Machine(ABC):
    """One technique on one drive. OSError where the drive is gone, or may not be asked."""

    def __init__(self, talk: Talk, how: Technique, spec: EraseSpec) -> None:
        self.talk, self.how, self.spec = talk, how, spec
        self.done_before = False
        """After `prepare`: our command is known to have ended with success, and nothing but the proof is missing."""
        self.at_work = False
        """The drive goes on by itself, whether anybody waits or not."""

    @property
    def before(self) -> FirmwarePoint | None:
        """How far an earlier job, which this one goes on with, had got."""
        return self.spec.resume.firmware if self.spec.resume else None

    @abstractmethod
    def prepare(self) -> Stopped | None:
        """Leave the drive ready to be read and written, with nothing at work in it."""

    @abstractmethod
    def run(self) -> Stopped | None:
        """Write the command down, send it, follow it to its end; None only where the drive said that ours succeeded."""

    def point(self, step: str, command: bytes, *, stale: bool = False) -> FirmwarePoint:
        """Say how far we are, for the ledger."""
        commands: tuple[CommandRecord, ...] = tuple(self.talk.commands)
        return FirmwarePoint(step=step, command=command.hex(), stale=stale, commands=commands)  # type: ignore[arg-type]
