"""Killed at any moment, any number of times, with unflushed writes lost: the end equals an uninterrupted run."""

from __future__ import annotations

import errno
import random
import threading
import time
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.certificates.outcome import Aborted, Erased, Failed, Reason
from agent.certificates.record import Interruption
from agent.erase import METHODS, Area, Limits, ResumePoint, VerifySpec
from agent.erase.marker import slots_of
from agent.erase.signals import Stop
from tests.agent.erase.drives import Faults, MemoryDrive
from tests.agent.erase.jobs import KIB, MIB, last_point, mark, run_job, unreached_of, work_of
from tests.patience import SOON_S

SIZE = MIB + 3 * 512
STOPPED = Reason("BW-T01", "The test wants it")
LIMITS = Limits(checkpoint_bytes=64 * KIB, checkpoint_s=0.001)
METHOD = st.sampled_from(["zero", "random", "dod-5220.22-m", "pattern-complement"])


def _uninterrupted(method: str) -> bytes:
    drive = MemoryDrive(SIZE)
    outcome, _ = run_job(drive, method)
    assert isinstance(outcome, Erased)
    return bytes(drive.durable)


@given(method=METHOD, cuts=st.lists(st.integers(0, 90), max_size=5), seed=st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_power_cuts_at_any_moment_change_nothing_in_the_end(method: str, cuts: list[int], seed: int) -> None:
    chance, drive, point = random.Random(seed), MemoryDrive(SIZE), None
    for cut in cuts:
        drive.faults.gone_after_writes = drive.writes + cut
        with mock.patch("agent.erase.overwrite.POLL_S", 0.001):
            outcome, events = run_job(drive, method, limits=LIMITS, resume=point)
        drive.power_cut(lambda _: chance.random() < 0.5)
        if isinstance(outcome, Erased):
            break
        assert isinstance(outcome, Aborted)
        # The station died with the drive: some of the last checkpoints may not have reached the ledger.
        seen = [e for e in events if last_point([e]) is not None]
        point = last_point(seen[: chance.randint(0, len(seen))]) or point
    drive.faults.gone_after_writes = None
    outcome, _ = run_job(drive, method, limits=LIMITS, resume=point)
    assert isinstance(outcome, Erased)
    assert bytes(drive.durable) == _uninterrupted(method)
    assert all(p.bytes == SIZE and p.finished_at for p in outcome.work.passes)
    assert [p.number for p in outcome.work.passes] == list(range(1, len(METHODS[method].passes) + 1))
    assert outcome.work.verification.bytes == SIZE


@given(method=METHOD, cut=st.integers(0, 90), at=st.integers(0, SIZE // 512 - 1), seed=st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_what_was_put_aside_before_a_cut_is_not_forgotten_after_it(method: str, cut: int, at: int, seed: int) -> None:
    chance, bad = random.Random(seed), (at * 512, 512)
    drive = MemoryDrive(SIZE, faults=Faults(write_errors=[bad], gone_after_writes=cut))
    outcome, events = run_job(drive, method, limits=LIMITS)
    drive.power_cut(lambda _: chance.random() < 0.5)
    if isinstance(outcome, Aborted):
        drive.faults.gone_after_writes = None
        outcome, _ = run_job(drive, method, limits=LIMITS, resume=last_point(events))
    assert unreached_of(outcome) == [bad]
    assert b"secret" not in drive.durable[: bad[0]] + drive.durable[bad[0] + 512 :]


@pytest.mark.parametrize("by_flush", [False, True])
@pytest.mark.parametrize("method", ["zero", "pattern-complement"])
def test_what_was_given_up_is_not_forgotten_whichever_checkpoint_was_the_last(method: str, by_flush: bool) -> None:
    """Nothing is read back, so only the checkpoint can tell the resumed job of the bad block."""
    bad, unread = [(64 * KIB, 512)], VerifySpec(kind="none")
    drive = MemoryDrive(MIB, faults=Faults(flush_bad=bad) if by_flush else Faults(write_errors=bad))
    _, events = run_job(drive, method, limits=LIMITS, verify=unread)
    points = [point for e in events if (point := last_point([e])) is not None]
    assert len(points) > 1
    for point in points:
        outcome, _ = run_job(drive, method, limits=LIMITS, verify=unread, resume=point)
        assert unreached_of(outcome) == bad, point


def test_what_a_stop_finds_given_up_is_not_forgotten_when_the_job_goes_on() -> None:
    stop, known = Stop(), (64 * KIB, 512)
    drive = MemoryDrive(MIB, faults=Faults(write_errors=[known, *((n * KIB, 512) for n in range(300, 400, 4))]))

    def stop_amid_the_bad_blocks(_: int) -> None:
        if stop.requested is None and drive.failed_requests > 20:
            stop.request(Reason("BW-T01", "The test wants it"))
            time.sleep(0.3)

    drive.faults.before_write = stop_amid_the_bad_blocks
    outcome, events = run_job(drive, stop=stop, verify=VerifySpec(kind="none"))
    assert isinstance(outcome, Aborted)
    assert known in [(u.offset, u.bytes) for u in outcome.work.unreached]
    drive.faults.write_errors = []
    outcome, _ = run_job(drive, verify=VerifySpec(kind="none"), resume=last_point(events))
    assert known in unreached_of(outcome)


def test_a_checkpoint_is_only_emitted_for_what_is_durable() -> None:
    drive = MemoryDrive(4 * MIB)
    drive.faults.before_write = lambda offset: time.sleep(0.03 if offset // (16 * KIB) % 16 == 3 else 0.001)
    seen: list[ResumePoint] = []

    def check(event: object) -> None:
        point = getattr(event, "point", None)
        if isinstance(point, ResumePoint) and point.pass_number == 1:
            assert bytes(drive.durable[: point.offset]) == bytes(point.offset)
            seen.append(point)

    with mock.patch("agent.erase.overwrite.POLL_S", 0.002):
        run_job(drive, limits=Limits(checkpoint_bytes=16 * KIB), on_event=check)
    assert len(seen) > 5
    assert seen[-1].offset == slots_of(4 * MIB, 512)[0][0]  # the marker's slots come last


@pytest.mark.parametrize(
    ("limits", "often"),
    [
        (Limits(checkpoint_bytes=0, checkpoint_s=0), False),
        (Limits(checkpoint_bytes=0, checkpoint_s=0.01), True),
        (Limits(checkpoint_bytes=64 * KIB, checkpoint_s=0), True),
    ],
)
def test_nought_switches_a_cadence_off_and_does_not_flush_all_the_time(limits: Limits, often: bool) -> None:
    drive = MemoryDrive(MIB, faults=Faults(delay_s=0.005))
    with mock.patch("agent.erase.overwrite.POLL_S", 0.001):
        run_job(drive, limits=limits, verify=VerifySpec(kind="none"))
    assert (drive.flushes > 3) is often
    assert drive.flushes >= 1


def test_a_write_in_flight_during_a_good_flush_is_not_trusted_when_the_next_one_fails() -> None:
    """The block at 32 KiB hangs while the drive flushes well; then it lands, is lost, and the flush says so."""
    drive, landed, late = MemoryDrive(MIB), threading.Event(), 32 * KIB
    good_flush = drive.flush

    def flush() -> None:
        if not landed.is_set():
            good_flush()
            landed.set()
        elif b"secret" not in drive.data[late : late + 512] and drive.flushes == 1:
            drive.data[late : late + 16 * KIB] = b"x" * 16 * KIB
            drive.flushes += 1
            raise OSError(errno.EIO, "lost")
        else:
            good_flush()

    def hang(offset: int) -> None:
        if offset == late:
            landed.wait(SOON_S)

    drive.faults.before_write = hang
    with mock.patch.object(drive, "flush", flush), mock.patch("agent.erase.overwrite.POLL_S", 0.002):
        outcome, _ = run_job(drive, limits=Limits(checkpoint_bytes=16 * KIB), verify=VerifySpec(kind="none"))
    assert drive.flushes > 2
    assert isinstance(outcome, Erased)
    assert bytes(drive.data) == bytes(MIB)


def test_an_area_put_aside_is_written_by_the_resumed_job() -> None:
    drive = MemoryDrive(MIB)
    areas = (Area(offset=0, bytes=1024), Area(offset=64 * KIB, bytes=512, flush_each=True))
    mark(drive)
    outcome, _ = run_job(drive, resume=ResumePoint(pass_number=1, offset=512 * KIB, aside=areas))
    written = {(o, n) for o, n in drive.write_log}
    assert {(0, 1024), (64 * KIB, 512)} <= written
    assert min(o for o, n in written if n > 1024) == 512 * KIB
    assert not isinstance(outcome, Erased)  # nobody wrote the rest of the first half: verification sees it


def test_the_certificate_shows_every_interruption_and_where_work_went_on() -> None:
    drive, first = MemoryDrive(MIB), Interruption(at="2026-01-01T00:00:00Z", reason="power", resumed_at_offset=7)
    drive.data[:] = bytes(MIB)
    drive.durable[:] = bytes(MIB)
    mark(drive)
    point = ResumePoint(pass_number=1, offset=64 * KIB, interruptions=(first,))
    second = Interruption(at="2026-01-02T00:00:00Z", reason="pulled out", resumed_at_offset=0)
    outcome, events = run_job(drive, resume=point, interruption=second)
    assert isinstance(outcome, Erased)
    assert [(i.reason, i.resumed_at_offset) for i in outcome.work.interruptions] == [
        ("power", 7),
        ("pulled out", 64 * KIB),
    ]
    later = last_point(events)
    assert later is not None
    assert later.interruptions == outcome.work.interruptions


def test_a_resumed_job_shows_its_interruption_even_if_nobody_named_one() -> None:
    outcome, _ = run_job(MemoryDrive(MIB), resume=ResumePoint(pass_number=1, offset=0))
    assert [i.resumed_at_offset for i in work_of(outcome).interruptions] == [0]


@pytest.mark.parametrize("stream", ["aes-256-ctr", "chacha20"])
def test_a_resumed_random_pass_keeps_its_generator_whatever_is_fastest_here(stream: str) -> None:
    whole = MemoryDrive(MIB)
    run_job(whole, "random", resume=ResumePoint(pass_number=1, offset=0, stream=stream))
    drive = MemoryDrive(MIB)
    half = ResumePoint(pass_number=1, offset=512 * KIB, stream=stream)
    drive.data[: 512 * KIB] = whole.data[: 512 * KIB]
    outcome, _ = run_job(drive, "random", resume=half)
    assert isinstance(outcome, Erased)
    assert drive.data == whole.data


def test_only_the_verification_is_left_after_the_last_pass_and_it_covers_everything() -> None:
    drive = MemoryDrive(MIB)
    stop = Stop()

    def stop_it(_: int) -> None:
        stop.request(STOPPED)
        time.sleep(0.3)

    drive.faults.before_read = stop_it
    _, events = run_job(drive, stop=stop)
    drive.faults.before_read = None
    point, written = last_point(events), len(drive.write_log)
    assert point is not None
    assert (point.pass_number, point.offset) == (2, 0)
    outcome, _ = run_job(drive, resume=point)
    assert isinstance(outcome, Erased)
    slots = slots_of(MIB, 512)
    assert [span for span in drive.write_log[written:] if span not in slots] == []
    assert outcome.work.verification.bytes == MIB


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [((0,), "BW-E61"), ((600 * KIB,), "BW-E03"), ((0, 600 * KIB), "BW-E03"), ((511 * KIB,), "BW-E61")],
)
def test_what_was_lost_while_a_job_was_interrupted_is_not_blamed_on_the_drive(
    spoilt: tuple[int, ...], code: str
) -> None:
    drive = MemoryDrive(MIB)
    mark(drive)

    def spoil(_: int) -> None:
        for offset in spoilt:
            drive.data[offset : offset + 512] = b"\x5a" * 512

    drive.data[: 512 * KIB] = drive.durable[: 512 * KIB] = bytes(512 * KIB)
    drive.faults.before_read = spoil
    outcome, _ = run_job(drive, resume=ResumePoint(pass_number=1, offset=512 * KIB))
    assert isinstance(outcome, Failed)
    assert outcome.reason.code == code
