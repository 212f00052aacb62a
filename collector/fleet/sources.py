"""Where the live page has its facts from, in this process: what the stations say, and how the intake does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collector.fleet.live import Live


@dataclass(frozen=True)
class Health:
    """One part of the collector: whether it works, and in words what it says of itself."""

    well: bool
    words: str


UNKNOWN = Health(well=False, words="not connected yet")


class Sources:
    """Set up once by the web process; a test puts in what it likes."""

    def __init__(self) -> None:
        self.live = Live()
        self.intake: Callable[[], Health] = lambda: UNKNOWN
        self.listening: Callable[[], Health] = lambda: UNKNOWN


SOURCES = Sources()
