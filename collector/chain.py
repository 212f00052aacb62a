"""Does each certificate name its station's previous one? Pure. Arrival may be in any order, so a state may change.

ok    it names the certificate that stands before it (the first names none)
gap   the one before it has not arrived
fork  it names another one than the one that arrived, or two certificates have the same sequence
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

ChainState = Literal["ok", "gap", "fork"]


@dataclass(frozen=True)
class Link:
    """What the chain needs of a certificate."""

    id: str
    sequence: int
    previous: str | None


def by_sequence(links: Iterable[Link]) -> Mapping[int, Sequence[Link]]:
    """Links of one station, by sequence."""
    found: defaultdict[int, list[Link]] = defaultdict(list)
    for link in links:
        found[link.sequence].append(link)
    return found


def state(link: Link, station: Mapping[int, Sequence[Link]]) -> ChainState:
    """The state of one certificate, given its station's certificates of this sequence and of the one before."""
    if len(station.get(link.sequence, ())) > 1:
        return "fork"
    if link.sequence == 1:
        return "ok" if link.previous is None else "fork"
    if link.previous is None:
        return "fork"
    before = station.get(link.sequence - 1, ())
    if not before:
        return "gap"
    return "ok" if any(one.id == link.previous for one in before) else "fork"
