"""What can be done in the background. Each room names its own in `tasks.py`, by the decorator `kind`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.parties.models import Person


@dataclass(frozen=True)
class Work:
    """What a task is handed: what was asked, by whom (None: the collector itself), and a folder that is its own."""

    told: Mapping[str, Any]
    person: Person | None
    folder: Path


@dataclass(frozen=True)
class Made:
    """The file that a task made in its folder, and the name and type under which it is handed out."""

    path: Path
    name: str
    media: str


Run = Callable[[Work], Made | None]


@dataclass(frozen=True)
class Kind:
    """One kind of task. `roles`: who may ask for it and take its file; they are looked at each time."""

    name: str
    run: Run
    deadline_s: float
    tries: int
    roles: frozenset[str]


KINDS: dict[str, Kind] = {}
LONGEST_DEADLINE_S = 4 * 3600.0
MOST_TRIES = 10


def kind(name: str, *, deadline_s: float, tries: int = 3, roles: tuple[str, ...] = ()) -> Callable[[Run], Run]:
    """Name what a function does. It may be run again after it was cut off at any place, and must bear that.

    A CollectorError is its last word; whatever else it raises is tried again, `tries` times in all.
    """
    if not 0 < deadline_s <= LONGEST_DEADLINE_S or not 1 <= tries <= MOST_TRIES:
        raise ValueError(f"{name}: a deadline up to {LONGEST_DEADLINE_S} s and 1 to {MOST_TRIES} tries")
    if name in KINDS:
        raise ValueError(f"{name} is the name of two kinds")

    def keep(run: Run) -> Run:
        KINDS[name] = Kind(name, run, deadline_s, tries, frozenset(roles))
        return run

    return keep
