"""A log that says a thing once, and then seldom: a broker that is down for a day is not 10,000 lines."""

from __future__ import annotations

import logging
import time

EVERY_S = 900.0


class Seldom:
    """One line for each kind of trouble at once, then at most one in `every_s`, with the number that was left out."""

    def __init__(self, log: logging.Logger, every_s: float = EVERY_S) -> None:
        self._log, self._every = log, every_s
        self._said: dict[str, tuple[float, int]] = {}

    def say(self, level: int, kind: str, text: str) -> None:
        """Log `text` unless this kind was logged a short while ago."""
        now = time.monotonic()
        last, left_out = self._said.get(kind, (float("-inf"), 0))
        if now - last < self._every:
            self._said[kind] = (last, left_out + 1)
            return
        self._said[kind] = (now, 0)
        self._log.log(level, "%s%s", text, f" ({left_out} more like this were not logged)" if left_out else "")

    def over(self, kind: str) -> int:
        """Note that the trouble is over: the next of its kind is logged at once. Say how many were left out."""
        return self._said.pop(kind, (0.0, 0))[1]
