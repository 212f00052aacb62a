"""Another program writes while a drive is erased: never "erased", never to destruction, and how much it was is said."""

from __future__ import annotations

from unittest import mock

import pytest

from agent.certificates.outcome import Aborted, Erased, Failed, Outcome, Reason
from agent.certificates.record import VerificationKind
from agent.erase import Limits, VerifySpec
from agent.erase.signals import Stop
from drivers.drives.drive import Writes
from tests.agent.erase.drives import Faults, MemoryDrive
from tests.agent.erase.jobs import KIB, MIB, last_point, run_job, work_of

KINDS: tuple[VerificationKind, ...] = ("full", "sample", "none")
DATA = b"Kundedata 0815! " * 256


def assert_erased_again(outcome: Outcome, foreign: int) -> None:
    assert isinstance(outcome, Failed)
    assert outcome.reason.code == "BW-E60"
    assert f" {foreign} bytes " in outcome.reason.text
    assert "Erase it again" in outcome.reason.hint
    writes = outcome.work.verification.writes
    assert writes is not None
    assert writes.foreign == foreign


@pytest.mark.parametrize("kind", KINDS)
def test_what_we_alone_wrote_is_evidence_of_it(kind: VerificationKind) -> None:
    drive = MemoryDrive(MIB)
    outcome, _ = run_job(drive, "pattern-complement", verify=VerifySpec(kind=kind))
    assert isinstance(outcome, Erased)
    assert outcome.work.verification.writes == Writes(ours=drive.submitted, seen=drive.submitted)
    assert drive.submitted >= 2 * MIB  # and the job's marker


@pytest.mark.parametrize("kind", KINDS)
def test_a_write_behind_the_sweep_fails_the_drive_whatever_was_read_back(kind: VerificationKind) -> None:
    drive = MemoryDrive(MIB)
    drive.faults.before_write = lambda offset: (
        drive.write_as_another(DATA, 0) if offset >= 768 * KIB and not drive.by_others else None
    )
    outcome, _ = run_job(drive, verify=VerifySpec(kind=kind))
    assert_erased_again(outcome, len(DATA))


def test_a_write_behind_the_read_back_fails_the_drive_though_the_read_back_passed() -> None:
    drive = MemoryDrive(MIB)
    drive.faults.before_read = lambda offset: (
        drive.write_as_another(DATA, 0) if offset >= 768 * KIB and not drive.by_others else None
    )
    outcome, _ = run_job(drive)
    assert work_of(outcome).verification.result == "passed"
    assert_erased_again(outcome, len(DATA))


@pytest.mark.parametrize("limits", [Limits(), Limits(give_up_after_errors=3)], ids=["unreached", "given up"])
def test_a_drive_with_bad_blocks_is_not_blamed_either_before_it_was_alone(limits: Limits) -> None:
    drive = MemoryDrive(MIB, faults=Faults(write_errors=[(64 * KIB, 4 * KIB)]))
    drive.faults.before_write = lambda _: None if drive.by_others else drive.write_as_another(DATA, 0)
    outcome, _ = run_job(drive, limits=limits)
    assert_erased_again(outcome, len(DATA))
    assert work_of(outcome).unreached


def test_failed_and_repeated_requests_of_ours_are_ours() -> None:
    drive = MemoryDrive(MIB, faults=Faults(transient_writes=3))
    outcome, _ = run_job(drive)
    assert isinstance(outcome, Erased)
    writes = outcome.work.verification.writes
    assert writes == Writes(ours=drive.submitted, seen=drive.submitted)
    assert drive.submitted > MIB


def test_a_stopped_job_stays_a_stopped_one_and_keeps_the_count() -> None:
    drive, stop = MemoryDrive(MIB), Stop()

    def halfway(offset: int) -> None:
        if offset >= 512 * KIB and not drive.by_others:
            drive.write_as_another(DATA, 0)
            stop.request(Reason("BW-T01", "The test wants it"))

    drive.faults.before_write = halfway
    drive.faults.delay_s = 0.02
    outcome, _ = run_job(drive, stop=stop)
    assert isinstance(outcome, Aborted)
    writes = outcome.work.verification.writes
    assert writes is not None
    assert writes.foreign == len(DATA)


def test_a_resumed_job_counts_from_its_own_first_write() -> None:
    drive = MemoryDrive(MIB, faults=Faults(gone_after_writes=40, delay_s=0.002))
    outcome, events = run_job(drive, limits=Limits(checkpoint_bytes=64 * KIB))
    assert isinstance(outcome, Aborted)
    drive.power_cut(lambda _: True)
    drive.by_others += 512
    drive.faults.gone_after_writes = None
    before = drive.submitted
    outcome, _ = run_job(drive, resume=last_point(events))
    assert isinstance(outcome, Erased)
    assert outcome.work.verification.writes == Writes(ours=drive.submitted - before, seen=drive.submitted - before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["zero", "pattern-complement"])
def test_a_job_that_is_interrupted_after_another_program_wrote_begins_anew(kind: VerificationKind, method: str) -> None:
    """Its count is forgotten, so nothing may be relied on that was written before."""
    drive = MemoryDrive(MIB, faults=Faults(delay_s=0.002, gone_after_writes=120 if method != "zero" else 50))
    drive.faults.before_write = lambda offset: (
        drive.write_as_another(DATA, 0) if offset >= 256 * KIB and not drive.by_others else None
    )
    limits, verify = Limits(checkpoint_bytes=32 * KIB), VerifySpec(kind=kind)
    with mock.patch("agent.erase.overwrite.POLL_S", 0.001):
        outcome, events = run_job(drive, method, limits=limits, verify=verify)
    assert isinstance(outcome, Aborted)
    drive.power_cut(lambda _: True)
    drive.faults.gone_after_writes = None
    point = last_point(events)
    assert point is not None
    assert (point.pass_number, point.offset) == (1, 0)
    outcome, _ = run_job(drive, method, verify=verify, resume=point)
    assert isinstance(outcome, Erased)
    assert b"Kundedata" not in drive.durable
    assert [i.resumed_at_offset for i in outcome.work.interruptions] == [0]


def test_without_a_count_there_is_no_evidence_and_the_reading_decides() -> None:
    drive = MemoryDrive(MIB)
    drive.counts = False
    outcome, _ = run_job(drive)
    assert isinstance(outcome, Erased)
    assert outcome.work.verification.writes is None


def test_the_count_begins_before_the_first_write_and_ends_after_the_last_reading() -> None:
    seen = []

    class Told(MemoryDrive):
        def count_writes(self) -> None:
            seen.append((self.writes, self.reads))

        def written(self) -> None:
            seen.append((self.writes, self.reads))

    drive = Told(MIB)
    run_job(drive)
    assert (seen[0], seen[-1]) == ((0, 0), (drive.writes, 64))
    assert drive.writes >= 64
