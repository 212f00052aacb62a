"""How a job ended. Only `Erased` carries evidence, and only from it can a certificate say "erased"."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.record import CommandRecord, Health, Interruption, PassRecord, Unreached, Verification
from drivers.drives.base import Capabilities, Drive


@dataclass(frozen=True)
class Reason:
    """Why something was not done: a stable code, a sentence for people, what they can do."""

    code: str
    text: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.text}.{hint} ({self.code})"


@dataclass(frozen=True)
class Work:
    """What was really done to the drive, whatever came of it.

    `drive`: as it stood open; None where it never was. `capable_after`: what its firmware says afterwards.
    """

    passes: tuple[PassRecord, ...] = ()
    commands: tuple[CommandRecord, ...] = ()
    verification: Verification = Verification(kind="none", result="not-run")
    unreached: tuple[Unreached, ...] = ()
    interruptions: tuple[Interruption, ...] = ()
    health: Health = Health()
    drive: Drive | None = None
    capable_after: Capabilities | None = None


@dataclass(frozen=True)
class Evidence:
    """Work that proves an erasure. Only `conclude` makes one; `with_word` adds what the drive says of itself."""

    work: Work


@dataclass(frozen=True)
class Erased:
    """Every pass completed, read back as the policy asks, nothing unreached."""

    evidence: Evidence

    @property
    def work(self) -> Work:
        """What was done."""
        return self.evidence.work


@dataclass(frozen=True)
class Failed:
    """The drive could not be erased, or did not read back: it goes to destruction."""

    work: Work
    reason: Reason


@dataclass(frozen=True)
class Aborted:
    """Stopped by a person, by a shutdown, or because the drive was pulled."""

    work: Work
    reason: Reason


@dataclass(frozen=True)
class Refused:
    """Nothing was touched."""

    reason: Reason


Outcome = Erased | Failed | Aborted | Refused

INCOMPLETE = Reason("BW-E01", "Not every pass covered the whole drive", "Destroy it.")
UNREACHED = Reason("BW-E02", "Parts of the drive could not be written or read", "Destroy it.")
MISMATCH = Reason("BW-E03", "The drive does not read back as it was written", "Destroy it.")
NOT_VERIFIED = Reason("BW-E04", "The drive was not read back as the policy asks", "Erase it again.")

# Why a job stopped before its end. After one of these nothing is claimed; the code stays the same for ever.
PULLED_OUT = Reason("BW-E10", "The drive was pulled out", "Put it back: the work goes on from where it was.")
DRIVE_EXCHANGED = Reason(
    "BW-E11", "Another drive answers where this one was", "Take it out, and put the first one back."
)
TOO_MANY_ERRORS = Reason("BW-E12", "The drive was given up after too many errors", "Destroy it.")
TOO_SLOW = Reason("BW-E13", "The drive was given up because it is too slow", "Destroy it.")
TOO_LONG = Reason("BW-E14", "The drive was given up because it takes too long", "Destroy it.")
TOO_HOT = Reason("BW-E15", "The drive is too hot", "Let it cool down, then put it back.")
STALLED = Reason("BW-E16", "The drive does not answer any more", "Take it out.")
NO_CAPACITY = Reason("BW-E17", "The drive shows no capacity, or blocks of a size that cannot be erased", "Destroy it.")
CANCELLED = Reason("BW-E18", "Somebody cancelled it", "Erase it again.")
STOPPED_EARLIER = Reason("BW-E19", "The job was interrupted and not gone on with", "Erase it again.")
STATION_STOPPED = Reason("BW-E20", "The station was stopped", "It goes on when the station is back.")


def conclude(work: Work, *, capacity_bytes: int, passes_planned: int) -> Erased | Failed:
    """Erased if the work proves it, else Failed with the first thing that is missing."""
    whole = [p for p in work.passes if p.finished_at is not None and p.bytes == capacity_bytes]
    if work.unreached:
        return Failed(work, UNREACHED)
    if work.verification.mismatches or work.verification.result == "failed":
        return Failed(work, MISMATCH)
    if len(whole) < passes_planned or not (whole or work.commands):
        return Failed(work, INCOMPLETE)
    if work.verification.kind != "none" and work.verification.result != "passed":
        return Failed(work, NOT_VERIFIED)
    if work.verification.kind == "full" and work.verification.bytes != capacity_bytes:
        return Failed(work, NOT_VERIFIED)
    return Erased(Evidence(work))


def with_word(
    outcome: Outcome,
    *,
    health: Health,
    drive: Drive | None = None,
    capable_after: Capabilities | None = None,
    commands: tuple[CommandRecord, ...] = (),
) -> Outcome:
    """The same outcome, with what the drive said of itself and took before. Nothing of the evidence changes."""
    if isinstance(outcome, Refused):
        return outcome
    commands += outcome.work.commands
    work = replace(outcome.work, health=health, drive=drive, capable_after=capable_after, commands=commands)
    return Erased(Evidence(work)) if isinstance(outcome, Erased) else replace(outcome, work=work)
