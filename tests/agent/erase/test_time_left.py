"""The time that is left is of the whole job, by minutes of its speed, and does not dance."""

from __future__ import annotations

import random

import pytest

from agent.certificates.outcome import Erased
from agent.erase import Progress, monitor, time_left
from agent.erase.spec import VerifySpec
from agent.erase.time_left import FIRST_S, TimeLeft, read_back
from tests.agent.erase.drives import MemoryDrive
from tests.agent.erase.jobs import MIB, run_job

GB = 10**9
WALL = 1_800_000_000.0


def told(left: TimeLeft, moments: list[tuple[float, int]], phase: str = "pass", number: int = 1) -> list[float | None]:
    """What is left, in seconds, at each (second, bytes done) of a drive of 100 GB."""
    ends = [left.ends(phase, number, done, 100 * GB, now=t, wall=WALL + t) for t, done in moments]  # type: ignore[arg-type]
    return [None if end is None else end - WALL - t for end, (t, _) in zip(ends, moments, strict=True)]


def steady(seconds: int, begin: int = 0, rate: float = 0.1, done: int = 0) -> list[tuple[float, int]]:
    return [(float(begin + t), done + int(t * rate * GB)) for t in range(seconds)]


def test_nothing_is_told_before_there_is_a_speed_to_tell_it_by() -> None:
    found = told(TimeLeft(1, 1.0), steady(60))
    assert found[: int(FIRST_S)] == [None] * int(FIRST_S)
    assert found[-1] is not None


@pytest.mark.parametrize(("passes", "kind", "whole"), [(1, "full", 2000), (1, "none", 1000), (3, "sample", 3100)])
def test_it_is_of_every_pass_and_of_the_read_back(passes: int, kind: str, whole: int) -> None:
    last = told(TimeLeft(passes, read_back(VerifySpec(kind=kind))), steady(200))[-1]  # type: ignore[arg-type]
    assert last == pytest.approx(whole - 199, abs=70)


def test_it_is_never_nothing_before_the_read_back_and_goes_on_through_it() -> None:
    left = TimeLeft(1, 1.0)
    writing = told(left, steady(1001))
    assert writing[-1] == pytest.approx(1000, rel=0.15)
    waiting = told(left, [(1001.0 + t, 100 * GB) for t in range(20)])
    assert min(x for x in waiting if x is not None) > 800
    reading = told(left, steady(900, begin=1021), "verify")
    assert None not in reading
    assert reading[-1] == pytest.approx(100, abs=70)


def test_jitter_moves_no_end() -> None:
    drawn, done, moments = random.Random(4), 0, []
    for t in range(900):
        done += int(0.1 * GB * drawn.uniform(0.2, 1.8))
        moments.append((float(t), done))
    left = TimeLeft(1, 0.0)
    ends = [left.ends("pass", 1, d, 1000 * GB, now=t, wall=WALL + t) for t, d in moments]
    assert len({end for end in ends if end is not None}) <= 4


def test_a_drive_that_becomes_slow_is_told_of() -> None:
    left = TimeLeft(1, 0.0)
    fast = told(left, steady(300))[-1]
    slow = told(left, steady(400, begin=300, rate=0.01, done=30 * GB))[-1]
    assert fast is not None
    assert slow is not None
    assert slow > 5 * fast


def test_a_second_pass_a_retry_and_a_pause_do_not_spoil_it() -> None:
    left = TimeLeft(2, 0.0)
    told(left, steady(1001))
    second = told(left, steady(300, begin=1001), number=2)
    assert second[-1] == pytest.approx(700, abs=80)
    assert told(left, [(1301.0, 30 * GB)], "retry", number=2) == [pytest.approx(700, abs=80)]
    left.interrupted()
    assert told(left, steady(10, begin=5000, done=30 * GB), number=2)[-1] is None


def test_a_capacity_proof_says_nothing_of_the_speed() -> None:
    assert set(told(TimeLeft(1, 1.0), steady(200), "proof")) == {None}


def test_a_drives_own_estimate_is_followed_by_the_reading_and_is_not_believed_for_ever() -> None:
    left = TimeLeft(1, 0.1)
    ends = left.ends_untold(0.0, 600.0, 100 * GB, now=60.0, wall=WALL)
    assert ends == pytest.approx(WALL + 540 + 100)
    assert left.ends_untold(0.0, 600.0, 100 * GB, now=601.0, wall=WALL) is None
    assert left.ends_untold(0.0, None, 100 * GB, now=1.0, wall=WALL) is None


@pytest.mark.parametrize("method", ["zero", "dod-5220.22-m"])
def test_a_real_erasure_tells_the_end_of_all_of_it_until_the_read_back(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_left, "FIRST_S", 0.1)
    monkeypatch.setattr(time_left, "SAMPLE_S", 0.01)
    monkeypatch.setattr(monitor, "PROGRESS_S", 0.02)
    monkeypatch.setattr(monitor, "TICK_S", 0.01)
    drive = MemoryDrive(4 * MIB)
    drive.faults.delay_s = 0.004
    outcome, events = run_job(drive, method)
    assert isinstance(outcome, Erased)
    told = [event for event in events if isinstance(event, Progress)]
    writing = [at.left_s for at in told if at.phase == "pass" and at.left_s is not None]
    assert writing
    assert min(writing) > 0
