"""(Job, Outcome, Position, circumstances) -> Record. Pure: what happened, in a certificate's words."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from agent.certificates.attestation import METHOD, TECHNIQUE, Attested, Handset, Reset, asset_of, drive_of
from agent.certificates.attestation import STANDARD as ATTESTED_STANDARD
from agent.certificates.outcome import Aborted, Erased, Failed, Outcome, Refused, Work
from agent.certificates.record import (
    Capable,
    Clock,
    Customer,
    DriveRecord,
    Health,
    Level,
    Mismatch,
    Operator,
    OutcomeName,
    Position,
    Reason,
    Record,
    Sanitization,
    StationRecord,
    Unreached,
    Verification,
)
from agent.jobs.job import Job
from agent.planning.plan import Plan
from drivers.drives.drive import Capabilities, Drive

MOST_INTERRUPTIONS = 50
MOST_COMMANDS = 50
TOO_LARGE = Reason("BW-E91", "What happened does not fit on one certificate", "Erase it again.")


@dataclass(frozen=True)
class Circumstances:
    """When and where a certificate is made."""

    finished_at: str
    clock: Clock
    station: StationRecord


def draft(job: Job, outcome: Outcome, position: Position, circumstances: Circumstances) -> Record:
    """Write the record of a job's end. Only an `Erased` makes it say "erased"."""
    work = outcome.work if not isinstance(outcome, Refused) else Work()
    name, reason = _told(outcome)
    return Record(
        number=f"{circumstances.station.id}-{position.sequence:06d}",
        sequence=position.sequence,
        previous=position.previous,
        outcome=name,
        reason=reason,
        job=job.id,
        started_at=job.started_at or job.created_at,
        finished_at=circumstances.finished_at,
        clock=circumstances.clock,
        station=circumstances.station,
        operator=job.operator,
        customer=job.customer,
        asset=job.asset,
        drive=drive_record(work.drive or job.drive, work.health, work.capable_after),
        sanitization=_sanitization(job.plan, work, erased=isinstance(outcome, Erased)),
        verification=work.verification,
        capacity_proof=work.capacity_proof,
        resumed=work.resumed,
        unreached=work.unreached,
        interruptions=work.interruptions,
        disposition=job.disposition,
        gap=position.gap,
        replaces=position.replaces,
    )


@dataclass(frozen=True)
class Occasion:
    """Whose device it was and when its reset began; `job` is the station's own name of the work."""

    job: str
    started_at: str
    operator: Operator
    customer: Customer | None = None


def draft_attested(
    handset: Handset, reset: Reset, occasion: Occasion, position: Position, circumstances: Circumstances
) -> Record:
    """Write the record of a reset that a person answers for. Only an `Attested` makes it say "erased"."""
    done = isinstance(reset, Attested)
    level: Level = "clear" if done else "none"
    return Record(
        number=f"{circumstances.station.id}-{position.sequence:06d}",
        sequence=position.sequence,
        previous=position.previous,
        outcome="erased" if done else "aborted",
        reason=None if isinstance(reset, Attested) else reset.reason,
        job=occasion.job,
        started_at=occasion.started_at,
        finished_at=circumstances.finished_at,
        clock=circumstances.clock,
        station=circumstances.station,
        operator=occasion.operator,
        customer=occasion.customer,
        asset=asset_of(handset),
        drive=drive_of(handset),
        sanitization=Sanitization(
            level=level,
            level_nist_800_88_r1=level,
            level_ieee_2883=level,
            standard=ATTESTED_STANDARD,
            method=METHOD,
            technique=TECHNIQUE,
        ),
        verification=Verification(kind="none", result="not-run"),
        attestation=reset.evidence.attestation if isinstance(reset, Attested) else reset.attestation,
        gap=position.gap,
        replaces=position.replaces,
    )


def drive_record(drive: Drive, health: Health, after: Capabilities | None = None) -> DriveRecord:
    """Describe a drive as it stands on a certificate. `after`: its capabilities when it was done with."""
    return DriveRecord(
        vendor=drive.vendor,
        model=drive.model,
        serial=drive.own_serial,
        wwn=drive.own_wwn,
        firmware=drive.firmware,
        transport=drive.transport,
        media=drive.media,
        capacity_bytes=drive.capacity_bytes,
        native_capacity_bytes=drive.native_capacity_bytes,
        logical_block_bytes=drive.logical_block_bytes,
        physical_block_bytes=drive.physical_block_bytes,
        identity_source=drive.identity_source,
        bridge=drive.bridge,
        hidden_area=drive.hidden_area,
        health=health,
        capabilities=Capable(before=drive.capabilities, after=after),
        identity_note=drive.identity_note or None,
    )


def condensed(outcome: Outcome) -> Outcome:
    """Put the same end in fewer bytes, for a certificate that may hold 64 KiB.

    One range covers all, and says so.

    An "erased" that needs this is none: nothing that belongs on it may be left out.
    """
    work = outcome.work if not isinstance(outcome, Refused) else Work()
    shorter = replace(
        work,
        unreached=_covering(work.unreached),
        verification=_fewer_mismatches(work.verification),
        interruptions=work.interruptions[-MOST_INTERRUPTIONS:],
        resumed=work.resumed[-MOST_INTERRUPTIONS:],
        commands=work.commands[-MOST_COMMANDS:],
        health=Health(),
    )
    match outcome:
        case Aborted(reason=reason):
            return Aborted(shorter, reason)
        case Failed(reason=reason):
            return Failed(shorter, reason)
        case Erased():
            return Failed(shorter, TOO_LARGE)
        case Refused():
            return outcome


def _covering(ranges: tuple[Unreached, ...]) -> tuple[Unreached, ...]:
    if len(ranges) < 2:
        return ranges
    start, end = min(r.offset for r in ranges), max(r.offset + r.bytes for r in ranges)
    told = f"{sum(r.bytes for r in ranges)} bytes in {len(ranges)} ranges within this one; first: {ranges[0].reason}"
    return (Unreached(offset=start, bytes=end - start, reason=told),)


def _fewer_mismatches(verification: Verification) -> Verification:
    found = verification.mismatches
    if len(found) < 2:
        return verification
    start, end = min(m.offset for m in found), max(m.offset + m.bytes for m in found)
    one = (Mismatch(offset=start, bytes=end - start),)
    return msgspec.structs.replace(verification, mismatches=one, mismatches_truncated=True)


def outcome_name(outcome: Outcome) -> OutcomeName:
    """Choose the contract's word for an outcome."""
    return _told(outcome)[0]


def _told(outcome: Outcome) -> tuple[OutcomeName, Reason | None]:
    match outcome:
        case Erased():
            return "erased", None
        case Failed(reason=reason):
            return "failed", reason
        case Aborted(reason=reason):
            return "aborted", reason
        case Refused(reason=reason):
            return "refused", reason


def _sanitization(plan: Plan | None, work: Work, *, erased: bool) -> Sanitization:
    return Sanitization(
        level=plan.level if plan and erased else "none",
        level_nist_800_88_r1=plan.level_nist_800_88_r1 if plan and erased else "none",
        level_ieee_2883=plan.level_ieee_2883 if plan and erased else "none",
        standard=plan.standard if plan else "",
        method=plan.method if plan else "none",
        technique=plan.technique if plan else "none",
        passes=work.passes,
        commands=work.commands,
        asked_level=plan.asked_level if plan else "none",
        fell_back=plan.fell_back if plan else None,
        not_reached=plan.not_reached if plan else (),
        also_destroyed=plan.also_destroyed if plan else (),
    )
