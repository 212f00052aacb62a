"""Where the live page has its facts from, in this process: what the stations say, and how the intake does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from collector.fleet.live import Live


@dataclass(frozen=True)
class Health:
    """One part of the collector: whether it works, and in words what it says of itself."""

    well: bool
    words: str


@dataclass(frozen=True)
class Part:
    """One process of the collector: whether it works, and what it counted since it was started."""

    well: bool
    counts: Mapping[str, float] = field(default_factory=dict)


UNKNOWN = Health(well=False, words="not connected yet")


class Sources:
    """Set up once by the web process; a test puts in what it likes."""

    def __init__(self) -> None:
        self.live = Live()
        self.intake: Callable[[], Health] = lambda: UNKNOWN
        self.parts: Callable[[], Mapping[str, Part]] = dict
        self.listening: Callable[[], Health] = lambda: UNKNOWN
        self.notices_given_up: Callable[[], int] = lambda: 0


SOURCES = Sources()
