"""Watches one drive's temperature: says when a job is to pause, go on or end for heat, and counts the pauses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

from agent.erase.spec import Limits
from drivers.drives.base import DriveError

Thermometer = Callable[[], float | None]
Verdict = Literal["well", "pause", "go on", "too hot", "never cool"]

CELSIUS_S = 10.0
COOLER_BY = 5.0


class HeatWatch:
    """The thermometer has a thread of its own, since a drive may take its time; `judge` waits for nothing.

    Without a thermometer nothing is ever too hot. `limits` is asked each time: a drive may tell its own late.
    """

    def __init__(self, limits: Callable[[], Limits], thermometer: Thermometer | None) -> None:
        self.celsius: float | None = None
        self.paused_at: float | None = None
        self._ask_limits, self._thermometer = limits, thermometer
        self._paused_s = 0.0
        self._finished = threading.Event()

    def start(self, job: str) -> None:
        """Begin to measure."""
        if self._thermometer is not None:
            threading.Thread(target=self._measure, args=(self._thermometer,), name=f"{job} heat", daemon=True).start()

    def stop(self) -> None:
        """Measure no more."""
        self._finished.set()

    def paused_s(self, now: float) -> float:
        """Return how long the job has paused so far."""
        return self._paused_s + (0.0 if self.paused_at is None else now - self.paused_at)

    def judge(self, now: float) -> Verdict:
        """Return what the temperature asks for. A pause begins and ends here."""
        limits, celsius = self._limits, self.celsius
        if celsius is not None and limits.abort_at_c is not None and celsius >= limits.abort_at_c:
            return "too hot"
        if self.paused_at is None:
            if celsius is not None and limits.pause_at_c is not None and celsius >= limits.pause_at_c:
                self.paused_at = now
                return "pause"
        # A drive that idles may fall asleep, and tells no temperature then: nothing else would end its pause.
        elif celsius is None or celsius <= self._cool():
            self._paused_s += now - self.paused_at
            self.paused_at = None
            return "go on"
        elif 0 < limits.pause_longest_s <= now - self.paused_at:
            return "never cool"  # or its sensor is stuck: nobody can tell the one from the other
        return "well"

    @property
    def _limits(self) -> Limits:
        return self._ask_limits()

    def _cool(self) -> float:
        limits = self._limits
        return limits.resume_at_c if limits.resume_at_c is not None else (limits.pause_at_c or 0) - COOLER_BY

    def _measure(self, thermometer: Thermometer) -> None:
        while not self._finished.is_set():
            try:
                self.celsius = thermometer()
            except (OSError, DriveError):
                self.celsius = None
            self._finished.wait(CELSIUS_S)
