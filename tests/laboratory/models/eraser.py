"""An erasure that a drive carries out by itself. It goes on through resets and power cuts, and may fail or lie."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.laboratory.models.medium import Medium

Ending = Literal["honest", "lies", "fails", "vanishes", "spares"]
"""lies: says done, did nothing. vanishes: half-way nobody knows of it any more. spares: leaves `spared` as it was."""
State = Literal["never", "running", "done", "failed"]

WHOLE = 65536  # progress is told in 65536ths by all three command sets
HALF = WHOLE // 2


@dataclass
class Work:
    """An erasure under way. `command` is what asked for it, for the status that names it."""

    command: int
    pattern: bytes
    seconds: float
    since: float | None
    spent: float = 0.0


class Eraser:
    """At most one erasure at a time. `held` keeps it half-way until it is let go: tests wait for no clock."""

    def __init__(self, medium: Medium, clock: Callable[[], float] = time.monotonic) -> None:
        self.medium, self._clock = medium, clock
        self.seconds = 0.0
        self.ending: Ending = "honest"
        self.spared = range(0)
        self.state: State = "never"
        self.command = 0
        self.starts = 0
        self.held = False
        self._work: Work | None = None
        self._lock = threading.RLock()

    def start(self, command: int, pattern: bytes = b"\0") -> None:
        """Begins; ValueError where one is running already (the caller asks `progress` first)."""
        with self._lock:
            if self._work is not None:
                raise ValueError("an erasure is running already")
            self._work = Work(command, pattern, self.seconds, self._clock())
            self.state, self.command = "running", command
            self.starts += 1

    def progress(self) -> int | None:
        """0 to 65535 while an erasure runs, None where none does. Its end comes to pass when somebody asks."""
        with self._lock:
            work = self._work
            if work is None:
                return None
            spent = work.spent + (self._clock() - work.since if work.since is not None else 0.0)
            part = min(int(spent / work.seconds * WHOLE), WHOLE) if work.seconds else WHOLE
            if self.held:
                return min(part, HALF)
            if self.ending == "vanishes" and part >= HALF:
                self._end("never", work, upto=0.5)
                return None
            if part < WHOLE:
                return part
            self._end("failed" if self.ending == "fails" else "done", work, upto=0.5 if self.ending == "fails" else 1.0)
            return None

    def _end(self, state: State, work: Work, *, upto: float) -> None:
        if self.ending != "lies":
            spared = self.spared if self.ending == "spares" else range(0)
            self.medium.fill(work.pattern, upto=upto, spared=spared)
        self.state, self._work = state, None
        if state == "never":
            self.command = 0

    def forgive(self) -> None:
        """The host has taken note of the failure (SANITIZE exit failure mode)."""
        if self.state == "failed":
            self.state = "never"

    def power(self, on: bool) -> None:
        """Without power it stands still; with it, it goes on."""
        with self._lock:
            if self._work is None:
                return
            if not on and self._work.since is not None:
                self._work.spent += self._clock() - self._work.since
                self._work.since = None
            elif on and self._work.since is None:
                self._work.since = self._clock()
