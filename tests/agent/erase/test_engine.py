"""What is erased is really overwritten and read back; what is not is never called so."""

from __future__ import annotations

import gc
import random
import threading
import weakref

import msgspec
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.certificates.outcome import (
    DRIVE_EXCHANGED,
    NO_CAPACITY,
    PULLED_OUT,
    TOO_MANY_ERRORS,
    UNREACHED,
    Aborted,
    Erased,
    Failed,
    Reason,
    Refused,
)
from agent.erase import METHODS, Checkpoint, EraseSpec, Limits, Progress, ResumePoint, VerifySpec, presence
from agent.erase.engine import _Job, erase
from agent.erase.pattern import Fill
from agent.erase.ranges import merge
from agent.erase.signals import Stop
from tests.agent.erase.drives import Faults, MemoryDrive
from tests.agent.erase.jobs import KEY, KIB, MIB, last_point, run_job, unreached_of, work_of

ODD = 5 * MIB + 7 * 512
SECRET = b"secret!"


def _last(method: str, size: int) -> bytes:
    repeated = METHODS[method].passes[-1]
    assert repeated is not None
    return (repeated * (size // len(repeated) + 1))[:size]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_covers_the_whole_drive_and_proves_it(method: str) -> None:
    drive = MemoryDrive(ODD)
    outcome, _ = run_job(drive, method, block=1 * MIB)
    assert isinstance(outcome, Erased)
    work = outcome.work
    assert [p.pattern for p in work.passes] == [p.hex() if p else "random" for p in METHODS[method].passes]
    assert all(p.bytes == ODD and p.finished_at for p in work.passes)
    assert SECRET not in drive.durable
    assert work.verification.bytes == ODD
    assert work.verification.blake3 == work.verification.expected_blake3 == blake3(bytes(drive.durable)).hexdigest()
    if METHODS[method].passes[-1] is not None:
        assert bytes(drive.durable) == _last(method, ODD)
    else:
        assert bytes(drive.durable).count(0) < ODD // 100


@pytest.mark.parametrize("unit", [512, 4096])
@pytest.mark.parametrize("blocks", [1, 2, 3, 31, 32, 33, 4095])
def test_sizes_that_are_no_multiple_of_anything(unit: int, blocks: int) -> None:
    drive = MemoryDrive(blocks * unit, unit=unit)
    outcome, _ = run_job(drive, "one", block=64 * KIB)
    assert isinstance(outcome, Erased)
    assert bytes(drive.durable) == b"\xff" * (blocks * unit)


@pytest.mark.parametrize("drives_at_once", [1, 24])
def test_the_blocks_of_real_use_cover_the_whole_drive(drives_at_once: int) -> None:
    drive = MemoryDrive(13 * MIB + 512)
    spec = EraseSpec(job="j", method="random", key_hex=KEY, drives_at_once=drives_at_once)
    outcome = erase(drive, spec, lambda _: None, Stop())
    assert isinstance(outcome, Erased)
    assert SECRET not in drive.durable


def test_random_passes_differ_between_drives_passes_and_jobs() -> None:
    images = set()
    for serial, key in (("A", KEY), ("B", KEY), ("A", "5b" * 32)):
        drive = MemoryDrive(MIB, serial=serial)

        def after_each_pass(event: Progress | Checkpoint, drive: MemoryDrive = drive) -> None:
            if isinstance(event, Checkpoint) and event.point.pass_number > 3:
                images.add(bytes(drive.durable[:4096]))

        spec = EraseSpec(job="j", method="schneier", key_hex=key)
        assert isinstance(erase(drive, spec, after_each_pass, Stop()), Erased)
        images.add(bytes(drive.durable[:4096]))
    assert len(images) >= 12  # five random passes on each; a checkpoint may be emitted after the next pass began


@given(at=st.integers(0, ODD * 8 - 1), method=st.sampled_from(["zero", "random", "pattern-complement"]))
@settings(max_examples=15, deadline=None)
def test_one_bit_changed_between_write_and_verify_fails_the_drive_and_is_located(at: int, method: str) -> None:
    drive, block = MemoryDrive(ODD), 256 * KIB

    def flip(offset: int) -> None:
        # Its block is the last moment: a slot at the end gets its pattern when all before it was read.
        if offset >= at // 8 // block * block:
            drive.faults.before_read = None
            drive.data[at // 8] ^= 1 << at % 8

    drive.faults.before_read = flip
    outcome, _ = run_job(drive, method, block=block)
    assert isinstance(outcome, Failed)
    check = outcome.work.verification
    assert check.result == "failed"
    assert [(m.offset, m.bytes) for m in check.mismatches] == [(at // 8 // 512 * 512, 512)]
    assert check.blake3 == blake3(bytes(drive.data)).hexdigest()
    drive.data[at // 8] ^= 1 << at % 8
    assert check.expected_blake3 == blake3(bytes(drive.data)).hexdigest()


def test_a_drive_that_forgets_its_writes_is_not_erased() -> None:
    drive = MemoryDrive(2 * MIB)
    before = bytes(drive.data)

    def forget(_: int) -> None:
        drive.data[:] = before

    drive.faults.before_read = forget
    outcome, _ = run_job(drive)
    assert isinstance(outcome, Failed)
    assert [(m.offset, m.bytes) for m in work_of(outcome).verification.mismatches] == [(0, 2 * MIB)]


def test_too_many_mismatches_are_merged_and_flagged_but_never_dropped() -> None:
    drive = MemoryDrive(2 * MIB)
    changed = [n * 5000 // 512 * 512 for n in range(400)]

    def flip(_: int) -> None:
        drive.faults.before_read = None
        for at in changed:
            drive.data[at] ^= 1

    drive.faults.before_read = flip
    outcome, _ = run_job(drive, verify=VerifySpec(max_mismatches=10))
    check = work_of(outcome).verification
    assert isinstance(outcome, Failed)
    assert check.mismatches_truncated
    assert len(check.mismatches) <= 10
    assert all(any(m.offset <= at < m.offset + m.bytes for m in check.mismatches) for at in changed)


def test_the_first_mismatch_ends_the_reading_where_the_policy_says_so() -> None:
    drive = MemoryDrive(4 * MIB)
    drive.faults.before_read = lambda _: drive.data.__setitem__(20 * KIB, 1)
    outcome, _ = run_job(drive, verify=VerifySpec(stop_at_first_mismatch=True))
    assert isinstance(outcome, Failed)
    assert work_of(outcome).verification.bytes < MIB
    assert work_of(outcome).verification.blake3 is None


SECTORS = ODD // 512
RUNS = st.lists(st.tuples(st.integers(0, SECTORS - 1), st.integers(1, 90)), min_size=1, max_size=6)


def _clip(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return merge((s * 512, min(n, SECTORS - s) * 512) for s, n in runs)


@given(runs=RUNS)
@settings(max_examples=20, deadline=None)
def test_unreached_is_exactly_what_cannot_be_written_and_all_else_is_written(runs: list[tuple[int, int]]) -> None:
    bad = _clip(runs)
    drive = MemoryDrive(ODD, faults=Faults(write_errors=bad))
    outcome, _ = run_job(drive, block=128 * KIB)
    assert isinstance(outcome, Failed)
    assert outcome.reason == UNREACHED
    assert unreached_of(outcome) == bad
    assert {u.reason for u in outcome.work.unreached} == {"write: EIO"}
    expected = bytearray(ODD)
    for offset, length in bad:
        expected[offset : offset + length] = _original(offset, length)
    assert bytes(drive.durable) == bytes(expected)
    assert outcome.work.passes[0].bytes == ODD - sum(n for _, n in bad)


def _original(offset: int, length: int) -> bytes:
    return (b"secret! " * (length // 8 + 2))[offset % 8 : offset % 8 + length]


@given(runs=RUNS)
@settings(max_examples=15, deadline=None)
def test_unreached_is_exactly_what_cannot_be_read_and_all_else_is_compared(runs: list[tuple[int, int]]) -> None:
    bad = _clip(runs)
    drive = MemoryDrive(ODD, faults=Faults(read_errors=bad))
    outcome, _ = run_job(drive, block=128 * KIB)
    assert unreached_of(outcome) == bad
    assert {u.reason for u in work_of(outcome).unreached} == {"read: ENODATA"}
    assert work_of(outcome).verification.bytes == ODD - sum(n for _, n in bad)
    assert work_of(outcome).verification.blake3 is None
    assert work_of(outcome).verification.expected_blake3 == blake3(bytes(ODD)).hexdigest()


@given(runs=RUNS, seed=st.integers(0, 999), chance=st.sampled_from([0.05, 0.5]))
@settings(max_examples=15, deadline=None)
def test_large_requests_that_fail_at_whim_change_nothing_in_what_is_reached(
    runs: list[tuple[int, int]], seed: int, chance: float
) -> None:
    dice, bad = random.Random(seed), _clip(runs)
    faults = Faults(write_errors=bad, flaky=lambda offset, length: length > 512 and dice.random() < chance)
    drive = MemoryDrive(ODD, faults=faults)
    outcome, _ = run_job(drive, block=128 * KIB, limits=Limits(give_up_after_errors=0))
    assert merge(unreached_of(outcome)) == bad
    assert len(drive.durable.replace(bytes(1), b"")) <= sum(n for _, n in bad)


def test_an_isolated_bad_block_costs_few_failed_requests() -> None:
    drive = MemoryDrive(16 * MIB, faults=Faults(write_errors=[(5 * MIB + 512, 512)]))
    outcome, _ = run_job(drive, block=4 * MIB, verify=VerifySpec(kind="none"))
    assert unreached_of(outcome) == [(5 * MIB + 512, 512)]
    assert drive.failed_requests <= 7
    assert drive.writes < 100


def test_write_errors_that_a_retry_heals_do_not_fail_the_drive() -> None:
    drive = MemoryDrive(4 * MIB, faults=Faults(transient_writes=3))
    outcome, _ = run_job(drive, "random")
    assert isinstance(outcome, Erased)
    assert SECRET not in drive.durable


def test_a_single_block_is_tried_twice_before_it_is_given_up() -> None:
    seen: set[tuple[int, int]] = set()

    def first_time(offset: int, length: int) -> bool:
        known = (offset, length) in seen
        seen.add((offset, length))
        return offset < 32 * KIB and not known

    drive = MemoryDrive(MIB, faults=Faults(flaky=first_time))
    outcome, _ = run_job(drive, limits=Limits(give_up_after_errors=0))
    assert isinstance(outcome, Erased)


def test_read_errors_that_a_retry_heals_keep_the_hash() -> None:
    drive = MemoryDrive(4 * MIB, faults=Faults(transient_reads=5))
    outcome, _ = run_job(drive)
    assert isinstance(outcome, Erased)
    assert outcome.work.verification.blake3 == blake3(bytes(4 * MIB)).hexdigest()


def test_many_read_errors_that_heal_later_still_give_the_hash_of_what_was_compared() -> None:
    drive = MemoryDrive(4 * MIB, faults=Faults(transient_reads=40))
    outcome, _ = run_job(drive)
    assert isinstance(outcome, Erased)
    assert outcome.work.verification.bytes == 4 * MIB
    assert outcome.work.verification.blake3 == blake3(bytes(4 * MIB)).hexdigest()


def test_good_parts_come_first_and_the_dead_zone_last() -> None:
    dead = (MIB, 2 * MIB)
    drive = MemoryDrive(8 * MIB, faults=Faults(write_errors=[dead]))
    outcome, _ = run_job(drive, limits=Limits(give_up_after_errors=0), verify=VerifySpec(kind="none"))
    assert unreached_of(outcome) == [dead]
    swept = [offset for offset, length in drive.write_log if length == 16 * KIB]
    assert swept[-1] < dead[0] + dead[1] + 64 * 16 * KIB or max(swept) == swept[-1]
    assert drive.failed_requests < 3 * (2 * MIB // 512)


def test_a_dying_drive_is_given_up_after_so_many_errors_and_nothing_is_understated() -> None:
    drive = MemoryDrive(8 * MIB, faults=Faults(write_errors=[(0, 4 * MIB)]))
    outcome, _ = run_job(drive, limits=Limits(give_up_after_errors=20))
    assert isinstance(outcome, Failed)
    assert outcome.reason == TOO_MANY_ERRORS
    assert drive.failed_requests < 60
    listed = {b for o, n in merge(unreached_of(outcome)) for b in range(o // 512, (o + n) // 512)}
    assert listed >= set(range(4 * MIB // 512))
    rest = set(range(8 * MIB // 512)) - listed
    assert all(drive.durable[b * 512 : b * 512 + 512] == bytes(512) for b in rest)
    assert outcome.work.verification.result == "not-run"
    assert outcome.work.passes[0].finished_at is None


def test_a_dense_bad_range_is_listed_exactly_even_when_its_inside_is_given_up() -> None:
    bad = (3 * MIB + 3 * 512, 700 * 512)
    drive = MemoryDrive(8 * MIB, faults=Faults(write_errors=[bad]))
    outcome, _ = run_job(drive, block=4 * MIB, limits=Limits(give_up_after_errors=50))
    assert merge(unreached_of(outcome)) == [bad]
    assert drive.failed_requests < 80


def test_a_second_pass_leaves_the_known_bad_parts_for_its_end() -> None:
    bad = (3 * MIB, 512)
    drive = MemoryDrive(8 * MIB, faults=Faults(write_errors=[bad]))
    outcome, _ = run_job(drive, "dod-5220.22-m")
    assert unreached_of(outcome) == [bad]
    assert [p.bytes for p in work_of(outcome).passes] == [8 * MIB - 512] * 3
    assert drive.failed_requests == 4 + 2 + 2  # found in the first pass; then only the block itself, twice


@pytest.mark.parametrize("eio", [True, False])
@pytest.mark.parametrize("after", [0, 1, 40])
def test_a_drive_that_is_pulled_out_is_aborted_not_blamed(after: int, eio: bool) -> None:
    drive = MemoryDrive(4 * MIB, faults=Faults(gone_after_writes=after, says_eio_when_gone=eio))
    outcome, _ = run_job(drive)
    assert isinstance(outcome, Aborted)
    assert outcome.reason == PULLED_OUT
    assert outcome.work.unreached == ()


def test_a_drive_that_is_pulled_out_while_it_is_read_back_is_aborted() -> None:
    drive = MemoryDrive(4 * MIB)
    drive.faults.before_read = lambda offset: setattr(drive, "gone", offset >= MIB)
    outcome, _ = run_job(drive)
    assert isinstance(outcome, Aborted)
    assert outcome.reason == PULLED_OUT


@pytest.mark.parametrize("most", [0, 3])
@pytest.mark.parametrize("after", [0, 1, 10])
def test_a_drive_that_the_kernel_still_remembers_when_it_is_pulled_out_is_not_blamed(
    after: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request fails with EIO, to the end of the job, before the kernel has let go of it."""
    monkeypatch.setattr(presence, "AGAIN_S", 0.01)
    faults = Faults(gone_after_writes=after, says_eio_when_gone=True, remembered=12)
    drive = MemoryDrive(MIB, faults=faults)
    outcome, _ = run_job(drive, limits=Limits(give_up_after_errors=most))
    assert isinstance(outcome, Aborted)
    assert outcome.reason == PULLED_OUT
    assert faults.remembered == 0


def test_a_drive_that_the_kernel_still_remembers_when_it_is_read_back_is_not_blamed() -> None:
    drive = MemoryDrive(4 * MIB, faults=Faults(says_eio_when_gone=True, remembered=12))
    drive.faults.before_read = lambda offset: setattr(drive, "gone", drive.gone or offset >= MIB)
    outcome, _ = run_job(drive)
    assert isinstance(outcome, Aborted)
    assert outcome.reason == PULLED_OUT


def test_a_drive_that_is_there_and_dead_is_blamed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "SETTLE_S", 0.3)
    drive = MemoryDrive(MIB, faults=Faults(read_errors=[(0, MIB)], write_errors=[(0, MIB)]))
    outcome, _ = run_job(drive, limits=Limits(give_up_after_errors=5))
    assert isinstance(outcome, Failed)
    assert outcome.reason == TOO_MANY_ERRORS


def test_another_drive_on_the_descriptor_stops_the_job() -> None:
    drive = MemoryDrive(4 * MIB, faults=Faults(transient_writes=1))
    drive.becomes("M2")
    outcome, _ = run_job(drive)
    assert isinstance(outcome, Aborted)
    assert outcome.reason == DRIVE_EXCHANGED
    assert drive.writes < 10  # it was asked at the first error, not only at the next flush


def test_a_failed_flush_makes_the_engine_write_the_untrusted_range_again() -> None:
    lost = [(MIB, 512), (3 * MIB + 512, 1024)]
    drive = MemoryDrive(4 * MIB, faults=Faults(flush_errors=1, lost_by_failed_flush=lost))
    outcome, _ = run_job(drive, "random")
    assert isinstance(outcome, Erased)
    assert SECRET not in drive.durable
    assert drive.durable == drive.data


def test_a_range_that_only_flush_complains_of_is_found_to_the_block() -> None:
    bad = (2 * MIB + 512, 1024)
    drive = MemoryDrive(4 * MIB, faults=Faults(flush_bad=[bad]))
    outcome, _ = run_job(drive, limits=Limits(checkpoint_bytes=MIB))
    assert unreached_of(outcome) == [bad]
    assert work_of(outcome).unreached[0].reason == "flush: EIO"


def test_a_drive_that_never_flushes_is_failed() -> None:
    drive = MemoryDrive(MIB, faults=Faults(flush_errors=10**9))
    outcome, events = run_job(drive)
    assert isinstance(outcome, Failed)
    assert last_point(events) is None


def test_a_drive_without_capacity_or_with_odd_blocks_is_refused() -> None:
    for drive in (MemoryDrive(0), MemoryDrive(520 * 100, unit=520)):
        outcome, _ = run_job(drive)
        assert outcome == Refused(NO_CAPACITY)


def test_a_stop_ends_with_a_flushed_checkpoint_and_the_reason() -> None:
    stop, reason = Stop(), Reason("BW-T01", "The test wants it")
    drive = MemoryDrive(4 * MIB)
    drive.faults.before_write = lambda offset: stop.request(reason) if MIB <= offset < 3 * MIB else None
    drive.faults.delay_s = 0.01
    outcome, events = run_job(drive, stop=stop)
    assert isinstance(outcome, Aborted)
    assert outcome.reason == reason
    point = last_point(events)
    assert point is not None
    assert MIB <= point.offset < 4 * MIB
    assert bytes(drive.durable[: point.offset]) == bytes(point.offset)
    record = outcome.work.passes[0]
    assert record.finished_at is None
    assert record.bytes == point.offset


def test_the_key_is_not_shown() -> None:
    spec = EraseSpec(job="j", method="random", key_hex=KEY)
    assert KEY not in repr(spec) + str(spec) + f"{spec}" + str(spec.__rich_repr__())
    drive = MemoryDrive(MIB)
    outcome, events = run_job(drive, "random", limits=Limits(checkpoint_bytes=64 * KIB))
    assert KEY not in repr(outcome) + repr(events)


@pytest.mark.parametrize(
    "changes", [{"method": "shredder"}, {"key_hex": ""}, {"key_hex": "ab"}, {"drives_at_once": 0}]
)  # fmt: skip
def test_a_spec_that_cannot_be_is_refused_at_once(changes: dict[str, object]) -> None:
    good = {"job": "j", "method": "random", "key_hex": KEY}
    with pytest.raises(ValueError):  # noqa: PT011
        EraseSpec(**{**good, **changes})  # type: ignore[arg-type]


def test_a_resume_point_of_another_method_or_drive_is_refused() -> None:
    drive = MemoryDrive(MIB)
    for point in (
        ResumePoint(pass_number=2, offset=0),
        ResumePoint(pass_number=1, offset=2 * MIB),
        ResumePoint(pass_number=1, offset=100),
    ):
        with pytest.raises(ValueError, match="cannot go on"):
            run_job(drive, resume=point)
    assert drive.writes == 0


def test_a_pass_lets_go_of_its_buffers_without_the_garbage_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are megabytes each, of 24 drives at once; the collector comes when it likes."""
    fills: list[weakref.ref[Fill]] = []
    made = _Job._fill

    def remembered(self: _Job, number: int) -> Fill:
        fill = made(self, number)
        fills.append(weakref.ref(fill))
        return fill

    monkeypatch.setattr(_Job, "_fill", remembered)
    gc.disable()
    try:
        run_job(MemoryDrive(MIB), "dod-5220.22-m", verify=VerifySpec(kind="sample"))
        assert len(fills) == 4
        assert [fill() for fill in fills] == [None] * 4
    finally:
        gc.enable()


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    run_job(MemoryDrive(MIB, faults=Faults(write_errors=[(0, 512)])), "random")
    assert threading.active_count() == before


def test_progress_and_spec_travel_as_json() -> None:
    spec = EraseSpec(job="j", method="zero", resume=ResumePoint(pass_number=1, offset=512))
    assert msgspec.json.decode(msgspec.json.encode(spec), type=EraseSpec) == spec
