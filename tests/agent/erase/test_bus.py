"""Drives on one bus write in turn where that is no slower, and none is held where it would be, nor for ever."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable

import msgspec
import pytest

from agent.certificates.outcome import Aborted, Erased, Outcome, Reason
from agent.erase import Limits, bus
from agent.erase.bus import AGAIN_S, REQUESTS, SETTLE_S, WINDOW_S, Bus, Buses, Share
from agent.erase.signals import Stop
from tests.agent.erase.drives import MemoryDrive
from tests.agent.erase.jobs import KIB, MIB, run_job
from tests.patience import SOON_S

BLOCK = 4 * MIB


class Line:
    """A bus with a clock of its own. Each drive writes `own` a second, and all together `limit` at most."""

    def __init__(self, drives: int, *, limit: float, own: float = 100e6) -> None:
        self.now, self.limit, self.own = 1000.0, limit, own
        self.bus = Bus(lambda: self.now)
        self.shares = [Share(self.bus) for _ in range(drives)]
        self.written = dict.fromkeys(self.shares, 0.0)
        for share in self.shares:
            share.enter(writing=True)

    def go(self, seconds: float, *, done: Callable[[Share], bool] = lambda _: False) -> None:
        """Time goes by in steps, in which whoever may write does."""
        for _ in range(round(seconds / 0.05)):
            self.now += 0.05
            writing = [s for s in self.shares if not s.held and s in self.bus._writers]
            for share in writing:
                length = 0.05 * min(self.own, self.limit / len(writing))
                self.written[share] += length
                for _ in range(2):
                    share.moved(int(length / 2))
                if done(share):
                    share.leave()
            for share in self.shares:
                share.mind()

    @property
    def held(self) -> list[bool]:
        """Which of them wait."""
        return [share.held for share in self.shares]


def test_fewer_write_where_they_fill_the_bus_and_the_first_come_first() -> None:
    line = Line(4, limit=100e6)
    line.go(SETTLE_S + WINDOW_S - 0.2)
    assert line.held == [False] * 4, "nothing is held before the bus's limit is known"
    line.go(3 * (SETTLE_S + WINDOW_S))
    assert line.held == [False, True, True, True]
    line.shares[0].leave()
    assert line.held == [False, False, True, True], "the next one has its turn at once"


def test_as_many_write_as_it_takes_to_fill_the_bus() -> None:
    line = Line(8, limit=190e6)
    line.go(5 * (SETTLE_S + WINDOW_S))
    assert line.held == [False, False, *[True] * 6]


def test_where_all_are_needed_none_is_held_and_little_is_lost_by_looking() -> None:
    line = Line(4, limit=1e9)
    line.go(600)
    assert line.held == [False] * 4
    assert sum(line.written.values()) > 0.99 * 600 * 4 * 100e6
    assert max(share.waited_s(line.now) for share in line.shares) < 10


def test_a_drive_that_crawls_at_the_head_holds_up_nobody() -> None:
    line = Line(4, limit=100e6)
    line.go(4 * (SETTLE_S + WINDOW_S))
    assert line.held == [False, True, True, True]
    line.own = 1e6  # whoever is asked to write
    line.go(12 * WINDOW_S)
    assert line.held == [False] * 4


def test_all_are_done_and_whoever_comes_later_overtakes_nobody() -> None:
    line, order = Line(3, limit=100e6), []
    late = Share(line.bus)

    def done(share: Share) -> bool:
        if line.written[share] < 3e9 * (1 if share is not late else 0.01):
            return False
        order.append(share)
        return True

    line.go(20, done=done)
    line.written[late] = 0.0
    late.enter(writing=True)
    line.shares.append(late)
    line.go(100, done=done)
    assert order == line.shares
    assert line.held == [False] * 4


def test_a_bus_whose_state_changes_while_it_is_tried_is_measured_anew() -> None:
    line = Line(4, limit=100e6)
    line.go(SETTLE_S + WINDOW_S + 0.2)
    assert line.held == [False, False, True, True]
    line.shares[3].leave()
    assert line.held == [False] * 4
    line.go(3 * (SETTLE_S + WINDOW_S))
    assert line.held == [False, True, True, False]


def test_too_few_requests_are_no_measurement() -> None:
    line = Line(2, limit=100e6)
    line.now += SETTLE_S + WINDOW_S + 1
    for _ in range(REQUESTS - 1):
        line.shares[0].moved(BLOCK)
    line.shares[0].mind()
    assert line.held == [False, False]
    assert AGAIN_S > WINDOW_S


def test_drives_of_other_buses_and_of_none_know_nothing_of_each_other() -> None:
    buses = Buses()
    shares = [buses.share(name) for name in ("", "", "a", "b")]
    for share in shares:
        share.enter(writing=True)
        share.moved(BLOCK)
        share.mind()
    assert not any(share.held for share in shares)
    assert shares[2]._bus is not shares[3]._bus
    assert (shares[0]._bus, shares[1]._bus) == (None, None)


# Whole erasures by a modelled bus: what the order is worth, without the noise of a machine


def seconds(
    drives: int, *, limit: float, own: float, by_bus: bool, noise: float = 0.0, both_ways: bool = True
) -> float:
    """How long drives of 30 GB take that write all, and then read it back; a second may be `noise` faster or slower.

    The bus carries `limit` in each direction at once; without `both_ways` in both together, as USB 2 does.
    """
    line, luck, step = Line(drives, limit=limit, own=own), random.Random(7), 0.05
    shares = line.shares if by_bus else [Share(None) for _ in line.shares]
    left = {share: [30e9, 30e9] for share in shares}
    began, pace = line.now, 1.0
    for n in itertools.count():
        if not n % 20:
            pace = 1 + noise * luck.uniform(-1, 1)
        line.now += step
        writing = [share for share in shares if left[share][0] > 0 and not share.held]
        reading = [share for share in shares if left[share][0] <= 0 < left[share][1]]
        for share in (*writing, *reading):
            together = writing if share in writing else reading
            beside = len(together) if both_ways else len(writing) + len(reading)
            length = step * pace * min(own, limit / beside)
            left[share][share in reading] -= length
            if share in writing:
                for _ in range(2):
                    share.moved(int(length / 2))
                if left[share][0] <= 0:
                    share.leave()
        if not writing and not reading:
            return line.now - began
        for share in shares:
            share.mind()
    raise AssertionError


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize(
    ("drives", "limit", "own", "both_ways", "least"),
    [
        (4, 400e6, 400e6, True, 1.55),
        (8, 400e6, 400e6, True, 1.7),
        (8, 400e6, 220e6, True, 1.5),
        (2, 400e6, 400e6, True, 1.3),
        # Five minutes and more: they share no more than the name, or a bus that carries one direction at a time.
        (4, 4e9, 200e6, True, 0.985),
        (2, 400e6, 200e6, True, 0.985),
        (3, 500e6, 200e6, True, 0.985),
        (4, 400e6, 400e6, False, 0.985),
    ],
)
def test_the_order_is_worth_half_as_much_again_and_costs_nothing_where_nothing_is_shared(
    drives: int, limit: float, own: float, both_ways: bool, least: float, noise: float
) -> None:
    by_bus, naive = (
        seconds(drives, limit=limit, own=own, by_bus=by_bus, noise=noise, both_ways=both_ways)
        for by_bus in (True, False)
    )
    assert naive / by_bus >= least


# Real jobs


class Pipe:
    """Carries so many bytes a second in each direction."""

    def __init__(self, rate: float) -> None:
        self._rate, self._lock = rate, threading.Lock()
        self._free = {"read": 0.0, "write": 0.0}
        self.log: list[tuple[str, int]] = []

    def carry(self, direction: str, size: int) -> None:
        with self._lock:
            now = time.monotonic()
            free = self._free[direction] = max(now, self._free[direction]) + size / self._rate
            self.log.append((direction, size))
        time.sleep(max(0.0, free - now))


class PipedDrive(MemoryDrive):
    """A drive behind a pipe, on a bus of that name."""

    def __init__(self, size: int, pipe: Pipe, name: str) -> None:
        super().__init__(size)
        self._name = name
        self.faults.before_write = lambda _: pipe.carry("write", 16 * KIB)
        self.faults.before_read = lambda _: pipe.carry("read", 16 * KIB)

    @property
    def bus(self) -> str:
        return self._name


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small drives have small passes."""
    monkeypatch.setattr(bus, "SETTLE_S", 0.2)
    monkeypatch.setattr(bus, "WINDOW_S", 0.4)
    monkeypatch.setattr(bus, "BUSES", Buses())


def erased_together(pipe: Pipe, name: str) -> list[Outcome]:
    """What became of four drives behind a pipe."""
    found: list[Outcome] = []

    def job() -> None:
        drive = PipedDrive(2 * MIB, pipe, name)
        limits = Limits(stall_after_s=1, minimum_mb_per_s=0.01, window_s=1)
        found.append(run_job(drive, limits=limits)[0])

    jobs = [threading.Thread(target=job) for _ in range(4)]
    for thread in jobs:
        thread.start()
    for thread in jobs:
        thread.join(SOON_S)
    return found


def read_before_the_last_writes(pipe: Pipe) -> float:
    """How much of what was read had been read when a tenth was still to be written: both directions were of use."""
    writes = [n for n, (direction, _) in enumerate(pipe.log) if direction == "write"]
    reads = [n for n, (direction, _) in enumerate(pipe.log) if direction == "read"]
    return sum(n < writes[len(writes) * 9 // 10] for n in reads) / len(reads)


def test_drives_behind_one_pipe_read_back_while_others_write_and_none_counts_as_stalled(hasty: None) -> None:
    naive, by_bus = Pipe(1.5e6), Pipe(1.5e6)
    assert all(isinstance(outcome, Erased) for outcome in erased_together(naive, ""))
    assert all(isinstance(outcome, Erased) for outcome in erased_together(by_bus, "hub"))
    assert read_before_the_last_writes(naive) < 0.25
    assert read_before_the_last_writes(by_bus) > 0.4


def test_a_drive_that_waits_for_others_is_stopped_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Bus()
    for _ in range(2):
        Share(first).enter(writing=True)
    monkeypatch.setattr(first, "_most", 1)
    monkeypatch.setattr(bus.BUSES, "share", lambda _: Share(first))
    stop = Stop()
    threading.Timer(0.5, stop.request, (Reason("BW-T01", "The test wants it"),)).start()
    drive = PipedDrive(MIB, Pipe(1e9), "hub")
    outcome, _ = run_job(drive, stop=stop)
    assert isinstance(outcome, Aborted)
    assert msgspec.structs.asdict(outcome.work.verification)["result"] == "not-run"
    assert sum(length for offset, length in drive.write_log if length == 16 * KIB) == 0
