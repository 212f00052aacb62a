"""Phones and tablets, which have no bay: a person resets them and answers for it. Pure.

Nothing here was measured, and nothing of it is ever taken for a measurement: an attested reset has outcomes of its own,
a technique of its own, and its certificate lists neither capacity nor pass nor read-back. `Attested` is only made by
`attest`, from a whole set of yes answers by a named person; anything less is `NotAttested`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.certificates.outcome import Reason
from agent.certificates.record import (
    Asset,
    AssetKind,
    Attestation,
    Check,
    DriveRecord,
    Health,
    Identifier,
    Operator,
    Record,
)

TECHNIQUE = "attested factory reset"
METHOD = "factory-reset"
STANDARD = "NIST SP 800-88 Rev. 2; the vendor's factory reset as in Rev. 1, table A-3, attested and not measured"

TYPE_DIGITS = 8
QUESTIONS = ("account-removed", "reset-done", "start-screen-empty", "cards-removed")
"""In the order in which they are asked. Their words are phrases: `check_account_removed` and so on."""

NOT_ALL_YES = Reason("BW-E30", "Not every check of the reset was answered with yes", "Do the reset again.")


@dataclass(frozen=True)
class Handset:
    """A device that was reset. `serial` is its IMEI where it has one; `second` is that of its other SIM card."""

    serial: str
    tag: str
    kind: AssetKind = "phone"
    manufacturer: str = ""
    model: str = ""
    second: str = ""


@dataclass(frozen=True)
class AttestedEvidence:
    """A whole set of yes answers by a named person. Only `attest` makes one."""

    attestation: Attestation


@dataclass(frozen=True)
class Attested:
    """A person says that the device was reset, and has looked. Nothing was measured."""

    evidence: AttestedEvidence


@dataclass(frozen=True)
class NotAttested:
    """Some answer is no, or missing: nothing is claimed."""

    attestation: Attestation
    reason: Reason = NOT_ALL_YES


Reset = Attested | NotAttested


def attest(by: Operator, answers: Mapping[str, bool], *, at: str) -> Reset:
    """Judge what these answers come to. Questions without an answer count as no."""
    checks = tuple(Check(question=q, answer="yes" if answers[q] else "no") for q in QUESTIONS if q in answers)
    said = Attestation(by=by.id, checks=checks, at=at)
    whole = by.id and len(checks) == len(QUESTIONS) and all(check.answer == "yes" for check in checks)
    return Attested(AttestedEvidence(said)) if whole else NotAttested(said)


def imei_problem(text: str) -> str:
    """Say what is wrong with an IMEI; empty for nothing.

    Its last digit is a Luhn check (3GPP TS 23.003, annex B).
    """
    if len(text) != 15 or not (text.isascii() and text.isdigit()):
        return "an IMEI has 15 digits"
    if len(set(text)) == 1:  # zeros pass the check digit: what an emulator or an unwritten phone tells
        return "one digit over and over is no device's IMEI"
    doubled = (int(d) * (1 + n % 2) for n, d in enumerate(text))
    return "" if sum(n // 10 + n % 10 for n in doubled) % 10 == 0 else "its check digit does not fit: scan it again"


def second_imei_problem(first: str, second: str) -> str:
    """Say why this is not the other IMEI of a device; empty where it may be.

    Both numbers of a device begin with the same eight digits, which name its type (3GPP TS 23.003, section 6.2): what
    begins otherwise is another device that was scanned by mistake.
    """
    if problem := imei_problem(second):
        return problem
    if imei_problem(first):
        return "the device is not named by an IMEI"
    if first == second:
        return "it is the same IMEI"
    return "" if first[:TYPE_DIGITS] == second[:TYPE_DIGITS] else "it is of another type of device"


def is_attested(record: Record) -> bool:
    """Say whether a record says erased because a person says so, and not because anything was measured."""
    return record.outcome == "erased" and record.attestation is not None


def problems(record: Record) -> Iterator[str]:
    """Find what an attestation claims too much, or a measured record has of one."""
    if (record.attestation is None) != (record.sanitization.technique != TECHNIQUE):
        yield f"an attestation and the technique {TECHNIQUE!r} belong together"
        return
    said, done, read = record.attestation, record.sanitization, record.verification
    if said is None:
        return
    if done.passes or done.commands or record.unreached or record.interruptions or record.drive.capacity_bytes:
        yield "it is attested, and lists what only a measured erasure has"
    measured = read.bytes or read.blake3 or read.mismatches or read.sample or read.sentinels
    if (read.kind, read.result) != ("none", "not-run") or measured:
        yield "it is attested, and lists a read-back"
    if record.operator is None or not record.operator.id or record.operator.id != said.by:
        yield "it is attested, and not by its operator"
    if record.outcome != "erased":
        return
    if {done.level, done.level_nist_800_88_r1, done.level_ieee_2883} != {"clear"}:
        yield "an attestation is of level clear, and of no other"
    if [(check.question, check.answer) for check in said.checks] != [(q, "yes") for q in QUESTIONS]:
        yield "it says erased, and not every check was answered with yes"
    if not record.drive.serial or record.asset is None or not record.asset.tag:
        yield "it says erased, and names no device by serial and asset tag"


def asset_of(handset: Handset) -> Asset:
    """Describe the device as it stands on a certificate."""
    return Asset(
        tag=handset.tag,
        kind=handset.kind,
        manufacturer=handset.manufacturer,
        model=handset.model,
        serial=handset.serial,
        identifiers=tuple(
            Identifier(kind="serial" if imei_problem(number) else "imei", value=number)
            for number in (handset.serial, handset.second)
            if number
        ),
    )


def drive_of(handset: Handset) -> DriveRecord:
    """Describe a memory that was never seen: what a drive's record asks for is null, 0 or "none"."""
    return DriveRecord(
        vendor=handset.manufacturer or None,
        model=handset.model or None,
        serial=handset.serial,
        wwn=None,
        firmware=None,
        transport="none",
        media="unknown",
        capacity_bytes=0,
        native_capacity_bytes=None,
        logical_block_bytes=0,
        physical_block_bytes=0,
        identity_source="scanned",
        bridge=None,
        hidden_area=None,
        health=Health(),
    )
