"""A job goes on only with the medium that it began with: model, serial and capacity say nothing of that."""

from __future__ import annotations

import random
import time
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.certificates.outcome import PULLED_OUT, Aborted, Erased, Outcome, Reason
from agent.erase import METHODS, Limits, ResumePoint, VerifySpec
from agent.erase.beginning import BEGUN_ANEW
from agent.erase.marker import slots_of
from agent.erase.signals import Stop
from tests.agent.erase.drives import Faults, MemoryDrive
from tests.agent.erase.jobs import KIB, MIB, last_point, run_job, work_of

SIZE = MIB + 3 * 512
LIMITS = Limits(checkpoint_bytes=64 * KIB, checkpoint_s=0.001)
STOPPED = Reason("BW-T01", "The test wants it")
METHOD = st.sampled_from(["zero", "random", "dod-5220.22-m", "pattern-complement", "bsi-vsitr"])


def interrupted(drive: MemoryDrive, method: str, after: int) -> ResumePoint | None:
    """The last checkpoint of a job whose power goes after so many writes; None where there was none, or it was done."""
    drive.faults.gone_after_writes = drive.writes + after
    with mock.patch("agent.erase.overwrite.POLL_S", 0.001):
        outcome, events = run_job(drive, method, limits=LIMITS)
    drive.power_cut(lambda _: True)
    drive.faults.gone_after_writes = None
    return last_point(events) if isinstance(outcome, Aborted) else None


def twin(content: bytes = b"other's! ") -> MemoryDrive:
    """Another drive that says the same of itself."""
    drive = MemoryDrive(SIZE)
    drive.data[:] = (content * (SIZE // len(content) + 1))[:SIZE]
    drive.durable[:] = drive.data
    return drive


def anew(outcome: Outcome) -> bool:
    """Whether the job began anew; then every sign of that stands on the certificate, else none."""
    work = work_of(outcome)
    told = [BEGUN_ANEW in work.interruptions[-1].reason, work.resumed[-1].result == "failed"]
    assert told in ([True, True], [False, False])
    assert not told[0] or work.interruptions[-1].resumed_at_offset == 0
    return told[0]


@given(method=METHOD, after=st.integers(1, 400), content=st.sampled_from([b"\0", b"\xff", b"\x55", b"\xaa", b"other "]))
@settings(max_examples=40, deadline=None)
def test_a_twin_gets_every_pass_of_its_own_whatever_it_holds(method: str, after: int, content: bytes) -> None:
    point = interrupted(MemoryDrive(SIZE), method, after)
    if point is None or (point.pass_number, point.offset) == (1, 0):
        return
    other = twin(content)
    outcome, _ = run_job(other, method, resume=point)
    assert isinstance(outcome, Erased)
    assert anew(outcome)
    written = [span for span in other.write_log if span[1] > 4096]
    assert sum(n for _, n in written) >= len(METHODS[method].passes) * (SIZE - 8192 - 4096)
    assert [p.bytes for p in outcome.work.passes] == [SIZE] * len(METHODS[method].passes)
    assert b"other" not in other.durable


@given(method=METHOD, after=st.integers(1, 400))
@settings(max_examples=30, deadline=None)
def test_the_drive_itself_goes_on_where_it_was(method: str, after: int) -> None:
    drive = MemoryDrive(SIZE)
    point = interrupted(drive, method, after)
    if point is None or (point.pass_number, point.offset) == (1, 0):
        return
    outcome, _ = run_job(drive, method, resume=point)
    assert isinstance(outcome, Erased)
    assert not anew(outcome)
    assert outcome.work.interruptions[-1].resumed_at_offset == point.offset
    assert outcome.work.resumed[-1].offset == point.offset
    assert outcome.work.resumed[-1].places > 0


@pytest.mark.parametrize("method", ["zero", "pattern-complement", "hmg-is5-enhanced", "bsi-vsitr"])
def test_a_cut_at_any_moment_near_the_end_of_a_pass_loses_nothing_of_the_job(method: str) -> None:
    """Each write and each flush of the marker's slots, with every unflushed write lost or kept; none begins anew."""
    whole = MemoryDrive(SIZE)
    run_job(whole, method, limits=LIMITS)
    slots, cuts = slots_of(SIZE, 512), []
    for n, (offset, length) in enumerate(whole.write_log):
        cuts += [n, n + 1] if offset >= slots[0][0] and length <= 8192 else []
    for cut in sorted(set(cuts))[2:]:
        for keep in (True, False):
            drive = MemoryDrive(SIZE, faults=Faults(gone_after_writes=cut))
            outcome, events = run_job(drive, method, limits=LIMITS)
            drive.power_cut((lambda _: True) if keep else (lambda _: False))
            drive.faults.gone_after_writes = None
            point = last_point(events)
            if isinstance(outcome, Erased):
                continue
            assert point is not None, cut
            again, _ = run_job(drive, method, limits=LIMITS, resume=point)
            assert isinstance(again, Erased)
            assert not anew(again), cut
            assert drive.durable == whole.durable


def test_the_very_last_slot_gets_its_pattern_when_all_else_was_read_back() -> None:
    drive, seen = MemoryDrive(SIZE), []
    slots = slots_of(SIZE, 512)

    def look(_: int) -> None:
        held = [bytes(drive.durable[o : o + n]) for o, n in slots]
        seen.append([any(block) for block in held])

    drive.faults.before_read = look
    outcome, _ = run_job(drive, "zero")
    assert isinstance(outcome, Erased)
    assert [any(held) for held in seen[:-1]] == [True] * (len(seen) - 1)
    assert seen[-1] == [False, False]
    assert not any(drive.durable)
    assert all(p.finished_at for p in outcome.work.passes)


def test_a_cut_after_the_very_last_slot_begins_anew_and_says_so() -> None:
    """From then on the drive holds zeros alone, as any blank one does."""
    drive = MemoryDrive(SIZE)
    outcome, events = run_job(drive, "zero")
    assert isinstance(outcome, Erased)
    outcome, _ = run_job(drive, "zero", resume=last_point(events))
    assert isinstance(outcome, Erased)
    assert anew(outcome)


def test_what_a_job_wrote_before_it_began_anew_does_not_pass_for_what_it_wrote_since() -> None:
    """Drive 1, its twin, drive 1 again: each time it begins anew."""
    first, second = MemoryDrive(SIZE), twin(b"\0")
    point = interrupted(first, "dod-5220.22-m", 190)
    assert point is not None
    second.faults.gone_after_writes = 90
    outcome, events = run_job(second, "dod-5220.22-m", limits=LIMITS, resume=point)
    assert isinstance(outcome, Aborted)
    later = last_point(events)
    assert later is not None
    assert later.life
    outcome, _ = run_job(first, "dod-5220.22-m", resume=later)
    assert isinstance(outcome, Erased)
    assert anew(outcome)
    assert [r.result for r in outcome.work.resumed] == ["failed", "failed"]


def test_a_twin_does_not_inherit_the_proof_of_a_capacity() -> None:
    drive, stop = MemoryDrive(SIZE), Stop()

    def slow(_: int) -> None:
        """Every write outlasts the time to the next checkpoint; the job is told to stop behind the first of them."""
        time.sleep(0.005)
        if drive.flushes > 2:
            stop.request(STOPPED)

    drive.faults.before_write = slow
    with mock.patch("agent.erase.overwrite.POLL_S", 0.001):
        outcome, events = run_job(drive, "zero", stop=stop, prove=True, limits=LIMITS)
    assert isinstance(outcome, Aborted)
    point = last_point(events)
    assert point is not None
    assert point.capacity_proof is not None
    outcome, _ = run_job(twin(b"\0"), "zero", prove=True, resume=point)
    proof = work_of(outcome).capacity_proof
    assert proof is not None
    assert proof.result == "passed"
    assert proof.seed != point.capacity_proof.seed


def test_a_drive_that_is_pulled_out_while_it_is_looked_at_is_not_begun_anew() -> None:
    drive = MemoryDrive(SIZE)
    point = interrupted(drive, "pattern-complement", 90)
    drive.faults.before_read = lambda _: setattr(drive, "gone", True)
    outcome, _ = run_job(drive, "pattern-complement", resume=point)
    assert isinstance(outcome, Aborted)
    assert outcome.reason == PULLED_OUT
    assert outcome.work.resumed == ()
    assert len(outcome.work.passes) == (point.pass_number - 1 if point else 0)


@pytest.mark.parametrize("slot", [0, 1])
@pytest.mark.parametrize("method", ["zero", "pattern-complement"])
def test_one_slot_that_takes_no_marker_is_listed_and_the_other_still_shows_the_medium(method: str, slot: int) -> None:
    bad = slots_of(SIZE, 512)[slot][0] + 512, 512
    drive = MemoryDrive(SIZE, faults=Faults(write_errors=[bad]))
    point = interrupted(drive, method, 50)
    assert point is not None
    outcome, _ = run_job(drive, method, resume=point)
    assert not anew(outcome)
    assert [(u.offset, u.bytes) for u in work_of(outcome).unreached] == [bad]


@given(seed=st.integers(0, 999), cuts=st.lists(st.integers(1, 90), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_any_number_of_cuts_with_unflushed_writes_lost_never_makes_a_job_a_strangers(
    seed: int, cuts: list[int]
) -> None:
    """The marker is on the medium before the first checkpoint is told."""
    chance, drive, point = random.Random(seed), MemoryDrive(SIZE), None
    for cut in cuts:
        drive.faults.gone_after_writes = drive.writes + cut
        with mock.patch("agent.erase.overwrite.POLL_S", 0.001):
            outcome, events = run_job(drive, "pattern-complement", limits=LIMITS, resume=point)
        drive.power_cut(lambda _: chance.random() < 0.5)
        if isinstance(outcome, Erased):
            return
        assert not work_of(outcome).resumed or not anew(outcome)
        point = last_point(events) or point
    drive.faults.gone_after_writes = None
    outcome, _ = run_job(drive, "pattern-complement", resume=point, verify=VerifySpec())
    assert isinstance(outcome, Erased)
    assert point is None or not anew(outcome)
