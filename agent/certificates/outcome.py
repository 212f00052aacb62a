"""How a job ended. Only `Erased` carries evidence, and only from it can a certificate say "erased"."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from agent.certificates.record import (
    COMPLETED,
    LOST_MEANWHILE,
    OTHERS_NOT_SEEN,
    WRITTEN_BY_OTHERS,
    CapacityProof,
    CommandRecord,
    Health,
    Interruption,
    PassRecord,
    Resumed,
    Unreached,
    Verification,
)
from agent.certificates.record import Reason as Reason
from drivers.drives.drive import LARGEST, Capabilities, Drive

Writers = Literal["none", "unknown"]


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
    capacity_proof: CapacityProof | None = None
    resumed: tuple[Resumed, ...] = ()
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
    """The drive could not be erased, or did not read back: it goes to destruction, unless its reason says otherwise."""

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
NOT_AS_BEFORE = Reason(
    LOST_MEANWHILE,
    "The drive does not hold any more what was written before the job was interrupted",
    "Erase it again, from the start.",
)
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
NEVER_COOL = Reason(
    "BW-A70",
    "The drive waited too long to cool down",
    "Let it cool down, then put it back. Is it cool to the touch, its sensor is stuck: erase it in another dock.",
)
STALLED = Reason("BW-E16", "The drive does not answer any more", "Take it out.")
NO_CAPACITY = Reason(
    "BW-E17",
    "The drive shows no capacity, or blocks of a size that cannot be erased",
    "Put it into another dock, or connect it without one. Destroy it only if it shows none there either.",
)
UNIDENTIFIED = "BW-S12"  # with what it tells: agent/planning/safety.py, agent/planning/plan.py
NAMELESS_HINT = (
    "Connect it without the bridge. What cannot be told from another drive is erased only where its policy says "
    "allow_unidentified = true (erase --unidentified)."
)
NAMELESS = Reason(UNIDENTIFIED, "The drive does not say who it is", NAMELESS_HINT)
NEVER_RESUMED = Reason(
    "BW-S47",
    "A drive without an identity of its own is never gone on with: it may be another one",
    "Leave --resume out: it is erased from the start.",
)
ABSURD_CAPACITY = Reason(
    "BW-S46",
    "It claims more capacity than any drive has",
    "Blame the dock, not the drive: put it into another dock, or connect it without one.",
)
CANCELLED = Reason("BW-E18", "Somebody cancelled it", "Erase it again.")
STOPPED_EARLIER = Reason("BW-E19", "The job was interrupted and not gone on with", "Erase it again.")
STATION_STOPPED = Reason("BW-E20", "The station was stopped", "It goes on when the station is back.")

# What it keeps of what is written to it (agent/erase/capacity.py).
COUNTERFEIT = "BW-E65"  # with the capacity that it shows and the one that it has
NOT_KEPT = Reason("BW-E66", "The drive does not keep everything that is written to it", "Destroy it.")
NOT_PROVED = Reason("BW-E67", "The drive's capacity could not be proved", "Erase it again.")
FOLDED = "what was written to one address stands at another"
SKIPPED = "the policy skips it for drives on"
BEFORE_PROOFS = "the job was begun by a version that proved none"

# What the drive's own firmware did, or did not.
NO_SUCH_TECHNIQUE = "BW-E45"  # with what the drive has: agent/erase/firmware/work.py
FROZEN = Reason(
    "BW-E31", "The drive's security is frozen until its power was off", "Take it out of its bay, and put it in again."
)
FOREIGN_PASSWORD = Reason(
    "BW-E32",
    "The drive has a password that this station does not know",
    "Remove it in its old machine, reset it by its PSID, or destroy the drive.",
)
TOO_MANY_PASSWORDS = Reason(
    "BW-E33", "The drive takes no more passwords until its power was off", "Take it out, and put it in again."
)
NOT_JOURNALLED = Reason(
    "BW-E34",
    "The ledger did not take down what was to be sent, so it was not sent",
    "Make room on the station's disk. Or erase fewer at once.",
)
NO_SENTINELS = Reason(
    "BW-E35", "The drive keeps nothing that is written to it: nothing would prove its erasure", "Destroy it."
)
COMMAND_REFUSED = Reason("BW-E36", "The drive did not take the command", "Choose another technique.")
FIRMWARE_FAILED = Reason("BW-E37", "The drive says that its erasure failed", "Destroy it.")
NOTHING_SAYS_SO = Reason("BW-E38", "Nothing says that the drive's own erasure succeeded", "Choose another technique.")
SENTINEL_SURVIVED = Reason(
    "BW-E39", "The drive said that it erased, and still holds what was written before", "Destroy it."
)
GOES_ON_BY_ITSELF = Reason(
    "BW-E40", "Nobody waited for the drive's own erasure, which goes on", "Resume it: then its end is read."
)
NOT_UNLOCKED = Reason(
    "BW-E41", "The drive did not take this station's own password off", "Take it out, put it in, and erase it again."
)
SILENT = Reason(
    "BW-P08",
    "The drive was asked what it hides, and did not answer in time",
    "Wait a little, and try again. Else pull it out, and put it in again, without a bridge if you can.",
)
NO_ANSWER = Reason("BW-E42", "The drive's firmware does not answer", "Put it into another bay.")
OTHERS_UNKNOWN = Reason(
    OTHERS_NOT_SEEN,
    "Nobody can say whether somebody else wrote to the drive meanwhile",
    "Mend that, then erase it again.",
)
FORMAT_CHANGED = Reason("BW-E43", "The drive is formatted otherwise than before", "Destroy it.")


def no_capacity(drive: Drive) -> Reason | None:
    """Say why nothing can be written to what the drive, or the bridge before it, claims to have.

    None where it can.
    """
    unit, size = drive.logical_block_bytes, drive.capacity_bytes
    if size > LARGEST:
        return ABSURD_CAPACITY
    return None if size > 0 and unit >= 512 and unit & (unit - 1) == 0 and size % unit == 0 else NO_CAPACITY


def conclude(
    work: Work, *, capacity_bytes: int, passes_planned: int, by_firmware: bool = False, written_before: int = 0
) -> Erased | Failed:
    """Conclude Erased if the work proves it, else Failed with the first thing that is missing.

    What somebody else wrote meanwhile comes first: then nothing that was read says anything of the drive itself. By
    the drive's own firmware it takes a command that the drive said is completed, and sentinels that are gone, beside
    the reading that the policy asks for.
    """
    if reason := written_by_others(work):
        return Failed(work, reason)
    if by_firmware and (reason := _not_shown(work)):
        return Failed(work, reason)
    whole = [p for p in work.passes if p.finished_at is not None and p.bytes == capacity_bytes]
    if work.capacity_proof and work.capacity_proof.result == "failed":
        return Failed(work, lacking(work.capacity_proof, capacity_bytes))
    if work.unreached:
        return Failed(work, UNREACHED)
    if work.verification.mismatches or work.verification.result == "failed":
        ends = [mismatch.offset + mismatch.bytes for mismatch in work.verification.mismatches]
        return Failed(work, NOT_AS_BEFORE if ends and max(ends) <= written_before else MISMATCH)
    if len(whole) < passes_planned or not (whole or work.commands):
        return Failed(work, INCOMPLETE)
    if work.verification.kind != "none" and work.verification.result != "passed":
        return Failed(work, NOT_VERIFIED)
    if work.verification.kind == "full" and work.verification.bytes != capacity_bytes:
        return Failed(work, NOT_VERIFIED)
    if not by_firmware and _unproved(work.capacity_proof):
        return Failed(work, NOT_PROVED)
    return Erased(Evidence(work))


def written_by_others(work: Work) -> Reason | None:
    """Say why nothing can be claimed, where the disk was written to by more than us; the drive is not to blame."""
    writes = work.verification.writes
    if writes is None or not writes.foreign:
        return None
    text = f"Another program wrote {writes.foreign} bytes to the drive while it was erased"
    return Reason(WRITTEN_BY_OTHERS, text, "Close that program. Erase it again.")


def lacking(proof: CapacityProof, shown: int) -> Reason:
    """Say why a drive whose capacity proof failed is not erased."""
    if proof.real_bytes is None and proof.why != FOLDED:
        return NOT_KEPT
    has = "less" if proof.real_bytes is None else f"{proof.real_bytes} bytes"
    text = f"The drive is a counterfeit: it shows {shown} bytes, and has {has}"
    return Reason(COUNTERFEIT, text, "Destroy it: never use it again, and never pass it on.")


def _unproved(proof: CapacityProof | None) -> bool:
    """Whether a proof was begun, and nothing came of it; one that nobody asked for is said, and no more."""
    why = proof.why or "" if proof else ""
    return proof is not None and proof.result == "not-run" and not why.startswith((SKIPPED, BEFORE_PROOFS))


def _not_shown(work: Work) -> Reason | None:
    """What is missing of an erasure by the drive's own firmware."""
    sentinels = work.verification.sentinels
    if not any(command.status.startswith(COMPLETED) for command in work.commands):
        return NOTHING_SAYS_SO
    if sentinels is None or not sentinels.count:
        return NO_SENTINELS
    if sentinels.survived:
        return SENTINEL_SURVIVED
    return NOT_VERIFIED if sentinels.unreadable and not work.passes else None


def with_word(
    outcome: Outcome,
    *,
    health: Health,
    drive: Drive | None = None,
    capable_after: Capabilities | None = None,
    commands: tuple[CommandRecord, ...] = (),
    writers: Writers | None = None,
) -> Outcome:
    """Add to an outcome what the drive said of itself and took before, and whether others could write to it."""
    if isinstance(outcome, Refused):
        return outcome
    commands += outcome.work.commands
    verification = msgspec.structs.replace(outcome.work.verification, writers=writers)
    work = replace(
        outcome.work,
        health=health,
        drive=drive,
        capable_after=capable_after,
        commands=commands,
        verification=verification,
    )
    return Erased(Evidence(work)) if isinstance(outcome, Erased) else replace(outcome, work=work)
