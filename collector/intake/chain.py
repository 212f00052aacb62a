"""Does each certificate name its station's previous one? Pure. Arrival may be in any order, so a state may change.

ok     it names the certificate that stands before it (the first names none)
gap    the one before it has not arrived
known  the same, and its station has told that the numbers before it are missing
fork   it names another one than the one that arrived, or two certificates have the same sequence
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

ChainState = Literal["ok", "gap", "known", "fork"]
STATES: tuple[ChainState, ...] = ("ok", "gap", "known", "fork")


@dataclass(frozen=True)
class Link:
    """What the chain needs of a certificate."""

    id: str
    sequence: int
    previous: str | None


@dataclass(frozen=True)
class Gap:
    """Numbers that a station told to be missing, both ends included."""

    first: int
    last: int


def by_sequence(links: Iterable[Link]) -> Mapping[int, Sequence[Link]]:
    """Sort the links of one station by sequence."""
    found: defaultdict[int, list[Link]] = defaultdict(list)
    for link in links:
        found[link.sequence].append(link)
    return found


def around(sequence: int, gaps: Iterable[Gap]) -> Gap | None:
    """Find the told gap that the number before this one lies in."""
    return next((gap for gap in gaps if gap.first <= sequence - 1 <= gap.last), None)


def state(link: Link, station: Mapping[int, Sequence[Link]], gaps: Iterable[Gap] = ()) -> ChainState:
    """Judge the state of one certificate in the chain.

    It is given its station's certificates of this sequence, of the one before and, where a told gap ends before it,
    of the one before that gap.
    """
    if len(station.get(link.sequence, ())) > 1:
        return "fork"
    before = station.get(link.sequence - 1, ())
    if any(one.id == link.previous for one in before):
        return "ok"
    if (gap := around(link.sequence, gaps)) is not None:
        return _after(link, gap, station, arrived=bool(before))
    if link.sequence == 1:
        return "ok" if link.previous is None else "fork"
    return "gap" if link.previous is not None and not before else "fork"


def _after(link: Link, gap: Gap, station: Mapping[int, Sequence[Link]], *, arrived: bool) -> ChainState:
    """Behind a told gap: it names the last one before the gap, or one in it that its station has lost."""
    anchor = station.get(gap.first - 1, ())
    if (link.previous is None and gap.first == 1) or any(one.id == link.previous for one in anchor):
        return "known"
    if link.previous is None or (arrived and anchor):
        return "fork"
    return "gap" if arrived else "known"
