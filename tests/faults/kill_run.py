"""One run of a marked program, up to its end or to the moment at which it is killed."""

from __future__ import annotations

import os
import random
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import kill_marks

WITHIN_S = 120.0
POLL_S = 0.05


@dataclass(frozen=True)
class Target:
    """The moment to kill at: just before a phase, in it, just after it."""

    phase: str
    when: str


@dataclass
class Log:
    """The marks that a process had passed."""

    passed: list[str] = field(default_factory=list)

    def place(self, phase: str) -> str:
        """Whether it is "before", "in" or "after" that phase."""
        last = next((mark[0] for mark in reversed(self.passed) if mark[1:] == phase), "")
        return {"": "before", ">": "in", "<": "after"}[last]


@dataclass
class Lengths:
    """How long phases take here: a moment in one is drawn from that."""

    seconds: dict[str, float] = field(default_factory=dict)
    _began: dict[str, float] = field(default_factory=dict)

    def passed(self, mark: str) -> None:
        """A mark, now."""
        if mark[0] == ">":
            self._began[mark[1:]] = time.monotonic()
        elif mark[1:] in self._began:
            took = time.monotonic() - self._began.pop(mark[1:])
            self.seconds[mark[1:]] = 0.7 * self.seconds.get(mark[1:], took) + 0.3 * took


LENGTHS = Lengths()


@dataclass
class Run:
    """`status` is None for one that was killed."""

    log: Log
    status: int | None
    out: str
    err: str


def run(words: list[str], folder: Path, target: Target | None, chance: random.Random, done: Callable[[], bool]) -> Run:
    """The program's end, or its death at the target; one that is `done` and would go on is ended by us, at rest."""
    said, say = os.pipe()
    leave, give = os.pipe()
    process = kill_marks.run(words, folder, (say, leave) if target else None)
    os.close(say)
    os.close(leave)
    try:
        watch = _Watch(process, said, give, target, chance)
        status = watch.follow(done)
    finally:
        os.close(said)
        os.close(give)
    return Run(watch.log, status, *((folder / name).read_text() for name in ("out", "err")))


class _Watch:
    """Follows one process's marks."""

    def __init__(self, process: int, said: int, give: int, target: Target | None, chance: random.Random) -> None:
        self.log = Log()
        self._process, self._said, self._give, self._target, self._chance = process, said, give, target, chance
        self._due: float | None = None
        self._rest = b""

    def follow(self, done: Callable[[], bool]) -> int | None:
        """Its exit status; None where it was killed on the way."""
        until = time.monotonic() + WITHIN_S
        while self._due is None or time.monotonic() < self._due:
            assert time.monotonic() < until, f"it did not end; it had passed {self.log.passed}"
            if self._meets_target():
                break
            ended, status = os.waitpid(self._process, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            if self._due is None and done():
                self._kill()
                return 0
        self._kill()
        return None

    def _meets_target(self) -> bool:
        """Take in the next mark, if there is one; whether it is the moment."""
        for mark in self._marks():
            aim = self._target
            if aim is not None and self._due is None and mark[1:] == aim.phase:
                if (aim.when, mark[0]) == ("before", ">"):
                    return True
                if (aim.when, mark[0]) == ("after", "<"):
                    self.log.passed.append(mark)
                    return True
                if (aim.when, mark[0]) == ("in", ">"):
                    length = LENGTHS.seconds.get(aim.phase, 0.02)
                    self._due = time.monotonic() + self._chance.uniform(0, 1.1 * length)
            self.log.passed.append(mark)
            LENGTHS.passed(mark)
            os.write(self._give, b".")
        return False

    def _marks(self) -> list[str]:
        wait = POLL_S if self._due is None else max(0.0, min(POLL_S, self._due - time.monotonic()))
        if self._target is None or not select.select([self._said], [], [], wait)[0]:
            if self._target is None:
                time.sleep(wait)
            return []
        *whole, self._rest = (self._rest + os.read(self._said, 4096)).split(b"\n")
        return [mark.decode() for mark in whole]

    def _kill(self) -> None:
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
