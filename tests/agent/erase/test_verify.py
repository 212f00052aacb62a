"""A drive held against its certificate passes if it is as certified, and fails at one changed bit."""

from __future__ import annotations

import msgspec
import pytest

from agent.certificates.outcome import Erased
from agent.certificates.record import Clock, DriveRecord, Health, Record, Sanitization, Software, StationRecord
from agent.erase import VerifySpec
from agent.erase.verify import verify_against
from tests.agent.erase.drives import Faults, MemoryDrive
from tests.agent.erase.jobs import MIB, run_job

SIZE = 6 * MIB + 1536


def _erased(method: str, kind: str = "full") -> tuple[MemoryDrive, Record]:
    drive = MemoryDrive(SIZE)
    outcome, _ = run_job(drive, method, verify=msgspec.convert({"kind": kind}, VerifySpec))
    assert isinstance(outcome, Erased)
    told = {name: getattr(drive.drive, name) for name in DriveRecord.__struct_fields__ if name != "health"}
    record = Record(
        number="t-1",
        sequence=1,
        previous=None,
        outcome="erased",
        job="j",
        started_at="",
        finished_at="",
        clock=Clock(source="", synchronised=True, boot_id="", monotonic_ms=0),
        station=StationRecord(
            id="t",
            name="",
            location="",
            organisation="",
            software=Software(name="", version=""),
            kernel="",
            machine="",
        ),
        operator=None,
        customer=None,
        asset=None,
        drive=DriveRecord(**told, health=Health()),
        sanitization=Sanitization(
            level="clear",
            level_nist_800_88_r1="clear",
            level_ieee_2883="clear",
            standard="",
            method=method,
            technique="overwrite",
            passes=outcome.work.passes,
        ),
        verification=outcome.work.verification,
    )
    return drive, record


@pytest.mark.parametrize("method", ["zero", "random", "pattern-complement", "hmg-is5-enhanced"])
def test_the_drive_as_it_was_certified_passes(method: str) -> None:
    drive, record = _erased(method)
    found = verify_against(drive, record)
    assert found.result == "passed"
    assert found.blake3 == record.verification.blake3
    assert found.bytes == SIZE


@pytest.mark.parametrize("method", ["zero", "random"])
@pytest.mark.parametrize("at", [0, 3 * MIB + 5, SIZE - 1])
def test_one_changed_bit_fails(method: str, at: int) -> None:
    drive, record = _erased(method)
    drive.data[at] ^= 4
    found = verify_against(drive, record)
    assert found.result == "failed"
    assert found.blake3 != record.verification.blake3
    if method == "zero":
        assert [(m.offset, m.bytes) for m in found.mismatches] == [(at // 512 * 512, 512)]


def test_a_sample_is_repeated_at_the_very_same_places() -> None:
    drive, record = _erased("zero", "sample")
    places: list[int] = []
    drive.faults.before_read = places.append
    found = verify_against(drive, record)
    assert found.result == "passed"
    assert found.bytes == record.verification.bytes < SIZE
    first = sorted(places)
    places.clear()
    verify_against(drive, record)
    assert sorted(places) == first
    drive.data[first[17]] ^= 1
    assert verify_against(drive, record).result == "failed"


def test_what_nobody_can_know_is_not_called_passed() -> None:
    drive, record = _erased("random", "sample")
    assert verify_against(drive, record).result == "not-run"
    drive, record = _erased("random", "none")
    assert verify_against(drive, record).result == "not-run"


def test_a_record_without_verification_is_compared_with_its_pattern() -> None:
    drive, record = _erased("zero", "none")
    assert verify_against(drive, record).result == "passed"
    drive.data[5] = 1
    assert verify_against(drive, record).result == "failed"


def test_another_capacity_fails_unread() -> None:
    _, record = _erased("zero")
    other = MemoryDrive(SIZE - 512)
    assert verify_against(other, record).result == "failed"
    assert other.reads == 0


def test_what_cannot_be_read_does_not_pass() -> None:
    drive, record = _erased("zero")
    drive.faults = Faults(read_errors=[(MIB, 512)])
    found = verify_against(drive, record)
    assert found.result == "failed"
    assert [(m.offset, m.bytes) for m in found.mismatches] == [(MIB, 512)]


def test_nothing_is_written() -> None:
    drive, record = _erased("zero")
    writes = drive.writes
    verify_against(drive, record)
    assert drive.writes == writes
