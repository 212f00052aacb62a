"""A deadline instead of scattered seconds."""

from __future__ import annotations

import time


class Deadline:
    """A moment on the monotonic clock by which something must have happened."""

    __slots__ = ("at", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.at = time.monotonic() + seconds

    def left(self) -> float:
        """Count the seconds until the deadline, never below zero."""
        return max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether the deadline is behind us."""
        return time.monotonic() >= self.at
