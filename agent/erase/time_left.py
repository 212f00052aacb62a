"""When the whole job will be done: every pass that is still to come, and the read-back, by minutes of its own speed.

A person plans by it, so it is said late, seldom changed, and never of one phase alone. Pure: moments and bytes in.
"""

from __future__ import annotations

from collections import deque

from agent.erase.spec import Phase, VerifySpec

FIRST_S = 30.0  # before that a speed says nothing: caches fill, drives spin up
WINDOW_S = 300.0
SAMPLE_S = 2.0
LEAST_CHANGE_S = 60.0
CHANGE = 0.1  # of what is left: less than that is jitter, and what was told stays
UNMEASURED_MB_PER_S = 100.0  # of a read-back after a drive erased itself: nobody has seen yet how fast it reads


def read_back(verify: VerifySpec) -> float:
    """Tell which part of the drive is read after its last pass."""
    return {"full": 1.0, "sample": verify.fraction, "none": 0.0}[verify.kind]


class TimeLeft:
    """One job's estimate. `wall` are seconds since 1970, `now` those of a clock that does not jump."""

    def __init__(self, passes: int, reads_back: float) -> None:
        """`reads_back`: which part of the drive is read after the last pass."""
        self._passes, self._reads_back = passes, reads_back
        self._phase: Phase = "pass"
        self._number = 1
        self._samples: deque[tuple[float, int]] = deque()
        self._ends: float | None = None

    def interrupted(self) -> None:
        """Forget the speed and what was told: the job waits, and nobody knows for how long."""
        self._samples.clear()
        self._ends = None

    def ends(self, phase: Phase, number: int, done: int, total: int, *, now: float, wall: float) -> float | None:
        """Tell when the job ends, in seconds since 1970. None while nobody can know."""
        phase = self._phase if phase == "retry" else phase
        if (phase, number) != (self._phase, self._number):
            self._phase, self._number = phase, number
            self._samples.clear()
        if phase == "proof":  # single blocks far apart: how fast the drive is, they do not tell
            return None
        if not self._samples or now - self._samples[-1][0] >= SAMPLE_S:
            self._samples.append((now, done))
        while now - self._samples[0][0] > WINDOW_S:
            self._samples.popleft()
        since, before = self._samples[0]
        if now - since < FIRST_S or done <= before:
            return self._ends
        return self._told(self._left(done, total, (done - before) / (now - since)), wall)

    def ends_untold(
        self, began: float, estimate_s: float | None, total: int, *, now: float, wall: float
    ) -> float | None:
        """Tell the end where the drive tells no progress, by its own estimate; None without one, or past it."""
        if estimate_s is None or now - began > estimate_s:
            return None
        return self._told(estimate_s - (now - began) + self._unmeasured(total), wall)

    def _told(self, left: float, wall: float) -> float:
        """What was told before, unless it is wrong by more than jitter."""
        new = wall + left
        if self._ends is None or abs(new - self._ends) > max(LEAST_CHANGE_S, CHANGE * left) or self._ends <= wall:
            self._ends = new
        return self._ends

    def _left(self, done: int, total: int, rate: float) -> float:
        """Seconds of this phase and all that come after it."""
        if self._phase == "verify":
            return (total - done) / rate
        if self._phase == "firmware":  # its "bytes" are a share of the drive's own time, and no speed of reading
            return (total - done) / rate + self._unmeasured(total)
        return (total - done + (self._passes - self._number + self._reads_back) * total) / rate

    def _unmeasured(self, total: int) -> float:
        return self._reads_back * total / (UNMEASURED_MB_PER_S * 1e6)
