"""What goes where, how often, and how long it is tried. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

PAUSES_S = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 14400, 14400, 14400, 14400)
"""Before the second and each later try: 23 h 42 min in all. Behind the last one it is given up."""
LONGEST_PAUSE = timedelta(seconds=PAUSES_S[-1])
WINDOW = timedelta(minutes=5)
MOST_IN_WINDOW = {"mail": 1, "webhook": 30}
"""Messages to one destination. What is beyond waits, and is told together in the last one."""
AGAIN = timedelta(minutes=10)
"""An alarm that comes again within this time is the same one."""
PATTERN = re.compile(r"[A-Za-z0-9._*-]{1,64}")
MOST_PATTERNS = 50


def concerns(severity: str, station: str, *, least: str, patterns: str) -> bool:
    """Say whether an alarm goes to a destination, by its severity and its station's name."""
    if least == "critical" and severity != "critical":
        return False
    return not patterns or any(fnmatchcase(station, one) for one in patterns.split())


def pattern_problem(patterns: str) -> str:
    """Return the first of the patterns that is none; empty where all are."""
    told = patterns.split()
    if len(told) > MOST_PATTERNS:
        return told[MOST_PATTERNS]
    return next((one for one in told if not PATTERN.fullmatch(one)), "")


def pause_after(tries: int, asked_s: float = 0.0) -> timedelta | None:
    """Return the wait after so many tries, at least what the other end asked for; None: it is given up."""
    if tries > len(PAUSES_S):
        return None
    return min(max(timedelta(seconds=PAUSES_S[tries - 1]), timedelta(seconds=asked_s)), LONGEST_PAUSE)


def is_due(due: datetime, now: datetime) -> bool:
    """Say whether a moment has come. One beyond the longest pause cannot be: the clock was set back since."""
    return due <= now or due > now + LONGEST_PAUSE


def shares(waiting: int, room: int) -> Sequence[int]:
    """Divide what waits among the messages that there is room for: one each, and all the rest in the last."""
    if waiting <= 0 or room <= 0:
        return ()
    if waiting <= room:
        return (1,) * waiting
    return (1,) * (room - 1) + (waiting - room + 1,)
