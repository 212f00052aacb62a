"""What stands on a certificate (schema "benchwipe.certificate/1"): frozen values, no behaviour.

Sizes and offsets are bytes; times are RFC 3339 in UTC. docs/certificate.md describes each field for its readers.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from drivers.drives.drive import Capabilities, HiddenArea, IdentitySource, Media, Writes

SCHEMA = "benchwipe.certificate/1"
WRITTEN_BY_OTHERS, LOST_MEANWHILE = "BW-E60", "BW-E61"
OPEN_TO_OTHERS, OTHERS_NOT_SEEN = "BW-S33", "BW-S34"
ERASE_AGAIN = frozenset({WRITTEN_BY_OTHERS, LOST_MEANWHILE, OPEN_TO_OTHERS, OTHERS_NOT_SEEN})
"""Reasons of a failed erasure that say nothing against the drive: it goes back into a bay, not to destruction."""
COMPLETED = "completed"  # how a command's status begins that the drive said is at its end, with success

OutcomeName = Literal["erased", "failed", "aborted", "refused"]
Level = Literal["clear", "purge", "none"]
VerificationKind = Literal["full", "sample", "none"]
AssetKind = Literal["computer", "tablet", "phone", "server", "loose-drive", "other"]


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """How far the certificate's times can be trusted: a Raspberry Pi has no battery clock."""

    source: str
    synchronised: bool
    boot_id: str
    monotonic_ms: int


class Software(msgspec.Struct, frozen=True, kw_only=True):
    """The program that erased."""

    name: str
    version: str


class StationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was erased."""

    id: str
    name: str
    location: str
    organisation: str
    software: Software
    kernel: str
    machine: str


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """Who worked at the bench."""

    id: str
    name: str = ""
    title: str = ""


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """Whose data it was."""

    name: str
    lot: str = ""
    reference: str = ""


class Identifier(msgspec.Struct, frozen=True, kw_only=True):
    """A number by which a device is known."""

    kind: Literal["serial", "imei", "meid", "eid", "uuid"]
    value: str


class Drives(msgspec.Struct, frozen=True, kw_only=True):
    """Which of a device's drives this is, and how many a person counted in it."""

    index: int
    of: int


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """The device that the drive came in. `drives`: null where nobody counted them, as in most devices with one."""

    tag: str
    kind: AssetKind = "other"
    manufacturer: str = ""
    model: str = ""
    serial: str = ""
    identifiers: tuple[Identifier, ...] = ()
    drives: Drives | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What the drive says of itself, before and after; None where it was not asked.

    `heat_protection`: "off" where it never told a temperature while it was written, so that heat stopped nothing.
    """

    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    heat_protection: Literal["on", "off"] | None = None


class Capable(msgspec.Struct, frozen=True, kw_only=True):
    """What the drive's firmware says that it can do and in which state it is; None where it was not asked again."""

    before: Capabilities | None = None
    after: Capabilities | None = None


class DriveRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The drive as it identified itself on the descriptor that was written through.

    `serial` and `wwn` are null where what was told names no drive; `identity_note` says so.
    """

    vendor: str | None
    model: str | None
    serial: str | None
    wwn: str | None
    firmware: str | None
    transport: str
    media: Media
    capacity_bytes: int
    native_capacity_bytes: int | None
    logical_block_bytes: int
    physical_block_bytes: int
    identity_source: IdentitySource | Literal["scanned"]
    bridge: str | None
    hidden_area: HiddenArea | None
    health: Health
    capabilities: Capable = Capable()
    identity_note: str | None = None


class PassRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One pass over the drive. `pattern` is "random" or the repeated bytes in hex; `bytes` were really written."""

    number: int
    pattern: str
    bytes: int
    started_at: str
    finished_at: str | None


class CommandRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One firmware command, as sent and as answered, in hex."""

    name: str
    bytes: str
    status: str
    raw: str


class FellBack(msgspec.Struct, frozen=True, kw_only=True):
    """The policy asked for `from` and allowed `to` by name, because of `why`."""

    from_: str = msgspec.field(name="from")
    to: str
    why: str


class Sanitization(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. `level` is the lower of the two standards' levels: the one that is certified.

    `asked_level`: what the policy asked for; an erased drive has less only where the policy allowed to fall back.
    `not_reached`: what the technique leaves on this drive, in words. `also_destroyed`: what it took along.
    """

    level: Level
    level_nist_800_88_r1: Level
    level_ieee_2883: Level
    standard: str
    method: str
    technique: str
    passes: tuple[PassRecord, ...] = ()
    commands: tuple[CommandRecord, ...] = ()
    asked_level: Level = "none"
    fell_back: FellBack | None = None
    not_reached: tuple[str, ...] = ()
    also_destroyed: tuple[str, ...] = ()


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Which locations were read, so that an auditor can read the very same ones. `confidence` says what that proves."""

    seed: str
    locations: int
    fraction: float
    confidence: str = ""


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """A range that did not read back as it was meant to be written."""

    offset: int
    bytes: int


class SentinelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks of secret noise that stood on the drive before its own firmware erased it, and what became of them.

    `unreadable`: places that answered errors afterwards, which proves nothing.
    """

    count: int
    survived: int = 0
    unreadable: int = 0


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What was read back, and what it held.

    After an erasure by the drive's own firmware: `sentinels`; `content` at their places ("zeros", "ones", "pattern",
    "other", "unreadable"); `note`: what the reading cannot prove. `writes`: from the first write
    after the last interruption to the end of the reading; None where the kernel does not count, or missed some of ours.
    `writers`: "none" where every process was seen, and none had the drive open for writing; "unknown" where some could
    not be seen.
    """

    kind: VerificationKind
    result: Literal["passed", "failed", "not-run"]
    bytes: int = 0
    blake3: str | None = None
    expected_blake3: str | None = None
    sample: Sample | None = None
    mismatches: tuple[Mismatch, ...] = ()
    mismatches_truncated: bool = False
    sentinels: SentinelRecord | None = None
    content: str | None = None
    note: str | None = None
    writes: Writes | None = None
    writers: Literal["none", "unknown"] | None = None


class Unreached(msgspec.Struct, frozen=True, kw_only=True):
    """A range that could not be written or read, to the logical block. `reason` names the operation and the errno."""

    offset: int
    bytes: int
    reason: str


class Interruption(msgspec.Struct, frozen=True, kw_only=True):
    """Work that stopped and went on."""

    at: str
    reason: str
    resumed_at_offset: int


class CapacityProof(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the drive has the capacity that it shows, tried before the first pass (agent/erase/capacity.py).

    `places` far apart, `bytes` in all, with the runs at both ends. `seed`, in hex: anyone can make what stood there
    again. `real_bytes`: what the drive has where it is less, as far as that can be told.
    """

    seed: str = ""
    places: int = 0
    bytes: int = 0
    result: Literal["passed", "failed", "not-run"]
    real_bytes: int | None = None
    why: str | None = None


class Resumed(msgspec.Struct, frozen=True, kw_only=True):
    """What was read to know that a job goes on with the medium that it began with (agent/erase/same_medium.py).

    "passed": a place holds what only this job can have written. "failed": none does, and
    the job began anew. "not-run": nothing can be read there that would tell.
    """

    at: str
    offset: int
    places: int
    result: Literal["passed", "failed", "not-run"]


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """A named person's decision on the evidence (NIST SP 800-88 Rev. 2); "awaiting" until somebody decides."""

    decision: Literal["awaiting", "accepted", "rejected"] = "awaiting"
    by: str | None = None
    at: str | None = None


class Disposition(msgspec.Struct, frozen=True, kw_only=True):
    """Where the device goes next."""

    grade: str = ""
    destination: str = ""
    notes: str = ""


class Reason(msgspec.Struct, frozen=True):
    """Why something was not done: a stable code, a sentence for people, what they can do."""

    code: str
    text: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.text}.{hint} ({self.code})"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One question to the person who reset a device, by its stable name (agent/certificates/attestation.py)."""

    question: str
    answer: Literal["yes", "no"]


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """What a person answers for, where nothing was measured. `by` is the operator's id."""

    by: str
    checks: tuple[Check, ...]
    at: str


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers just before this certificate's own that this station does not know; `previous` is the one before them."""

    first: int
    last: int
    why: str


class Replaces(msgspec.Struct, frozen=True, kw_only=True):
    """The key (thumbprint) that signed the chain until `last`, a certificate's id; null where it has none."""

    key: str
    last: str | None


class Position(msgspec.Struct, frozen=True):
    """Where the next certificate stands in the station's chain.

    `key`: the thumbprint of the key that must sign it, where the station ever had another one.
    """

    sequence: int
    previous: str | None
    gap: Gap | None = None
    replaces: Replaces | None = None
    key: str | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a certificate."""

    schema: str = SCHEMA
    number: str
    sequence: int
    previous: str | None
    outcome: OutcomeName
    reason: Reason | None = None
    job: str
    started_at: str
    finished_at: str
    clock: Clock
    station: StationRecord
    operator: Operator | None
    customer: Customer | None
    asset: Asset | None
    drive: DriveRecord
    sanitization: Sanitization
    verification: Verification
    capacity_proof: CapacityProof | None = None
    resumed: tuple[Resumed, ...] = ()
    unreached: tuple[Unreached, ...] = ()
    interruptions: tuple[Interruption, ...] = ()
    validation: Validation = Validation()
    disposition: Disposition | None = None
    attestation: Attestation | None = None
    gap: Gap | None = None
    replaces: Replaces | None = None

    @property
    def is_erased_again(self) -> bool:
        """Whether it failed, and the drive is not to blame: it goes back into a bay, not to destruction."""
        return self.outcome == "failed" and self.reason is not None and self.reason.code in ERASE_AGAIN
