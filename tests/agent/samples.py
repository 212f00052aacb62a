"""Records and certificates as a station makes them, for tests of what carries them."""

from __future__ import annotations

from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.certificate import Certificate, sign
from agent.certificates.record import (
    Asset,
    Clock,
    DriveRecord,
    Health,
    PassRecord,
    Position,
    Record,
    Sanitization,
    Software,
    StationRecord,
    Verification,
)
from agent.jobs.ledger import Ledger

CAPACITY = 64 << 20
HASH = "ab" * 32


def record(position: Position = Position(1, None), **facts: Any) -> Record:  # noqa: ANN401, B008 - fields of Record
    """An erased drive; `facts` replace fields."""
    at = "2026-11-22T20:00:00Z"
    made = Record(
        number=f"bench-01-{position.sequence:06d}",
        sequence=position.sequence,
        previous=position.previous,
        outcome="erased",
        job=f"job-{position.sequence}",
        started_at=at,
        finished_at=at,
        clock=Clock(source="ntp", synchronised=True, boot_id="b" * 32, monotonic_ms=1234),
        station=StationRecord(
            id="bench-01",
            name="Bænk 1",
            location="Kolding",
            organisation="Værkstedet",
            software=Software(name="benchwipe", version="0.1.0"),
            kernel="6.1",
            machine="aarch64",
        ),
        operator=None,
        customer=None,
        asset=Asset(tag=f"KOL-{position.sequence:05d}"),
        drive=DriveRecord(
            vendor="ACME",
            model="Wheel",
            serial=f"S{position.sequence:08d}",
            wwn=None,
            firmware="1.0",
            transport="sata",
            media="hdd",
            capacity_bytes=CAPACITY,
            native_capacity_bytes=None,
            logical_block_bytes=512,
            physical_block_bytes=4096,
            identity_source="drive",
            bridge=None,
            hidden_area=None,
            health=Health(),
        ),
        sanitization=Sanitization(
            level="clear",
            level_nist_800_88_r1="clear",
            level_ieee_2883="clear",
            standard="NIST SP 800-88 Rev. 2",
            method="zero",
            technique="overwrite",
            passes=(PassRecord(number=1, pattern="00", bytes=CAPACITY, started_at=at, finished_at=at),),
        ),
        verification=Verification(kind="full", result="passed", bytes=CAPACITY, blake3=HASH, expected_blake3=HASH),
    )
    return msgspec.structs.replace(made, **facts)


def issue(ledger: Ledger, key: Ed25519PrivateKey) -> Certificate:
    """The station's next certificate, on the medium and in the outbox."""
    return ledger.issue(lambda position: sign(record(position), key))
