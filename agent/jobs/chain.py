"""Holds the ledger's rows against the certificate files: what may be taken in, and what contradicts. Pure.

Both are kept because either can be lost alone: a ledger of yesterday is put back, a file is deleted, a folder is copied
together from two cards. The station goes on from the highest of both, and only where the two tell one story.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["no-file", "no-row", "second", "broken", "hole", "foreign"]


@dataclass(frozen=True)
class Row:
    """A certificate as the ledger has it."""

    sequence: int
    id: str
    number: str


@dataclass(frozen=True)
class Filed:
    """A certificate's file as it was read. `name` is the file's own, without its ending: the certificate's id.

    `problem`: why it counts as none of this station's. `gap_first`: it says itself that the numbers from there on are
    missing, up to its own; 0 where it says nothing of the kind.
    """

    name: str
    sequence: int = 0
    number: str = ""
    previous: str | None = None
    gap_first: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Span:
    """Numbers from `first` to `last`."""

    first: int
    last: int


@dataclass(frozen=True)
class Conflict:
    """A place where rows and files do not tell one story. (`kind`, `name`) tells it from every other."""

    kind: Kind
    name: str
    problem: str
    span: Span = Span(0, 0)


@dataclass(frozen=True)
class Judgement:
    """What came of it. `strays`: names of files that follow the last row one after another, and want a row."""

    conflicts: tuple[Conflict, ...]
    strays: tuple[str, ...]


@dataclass(frozen=True)
class State:
    """All that is known. `names`: every file's; `read`: those that were read, all without a row among them.

    `gaps`: numbers that are known to be missing. `known`: conflicts that a person has seen and settled. `waiting`: ids
    of certificates that wait in the outbox and have no row.
    """

    rows: Sequence[Row]
    names: Collection[str]
    read: Mapping[str, Filed]
    gaps: Sequence[Span] = ()
    known: Collection[tuple[str, str]] = frozenset()
    waiting: Collection[str] = frozenset()


def judge(state: State) -> Judgement:
    """Look at everything; what a person has settled is no conflict any more."""
    strays, left = _strays(state)
    found = [*_rows(state), *_filed(state), *_waiting(state), *left]
    new = tuple(conflict for conflict in found if (conflict.kind, conflict.name) not in state.known)
    return Judgement(conflicts=new, strays=strays)


def next_number(last: int, gaps: Sequence[Span]) -> int:
    """Find the number after `last`, and after those that are known to be missing behind it."""
    return max([last, *(gap.last for gap in gaps)]) + 1


def untold(span: Span, gaps: Sequence[Span]) -> list[Span]:
    """Find the numbers of a span that no gap covers."""
    found, first = [], span.first
    for gap in sorted(gaps, key=lambda gap: gap.first):
        if gap.last < first or gap.first > span.last:
            continue
        if gap.first > first:
            found.append(Span(first, gap.first - 1))
        first = gap.last + 1
    if first <= span.last:
        found.append(Span(first, span.last))
    return found


def _rows(state: State) -> Iterator[Conflict]:
    """Rows without a file, and numbers without a row."""
    before = 0
    for row in state.rows:
        if row.id not in state.names:
            yield Conflict("no-file", row.id, f"certificate {row.number} has a row in the ledger and no file")
        if row.sequence > before + 1:
            for span in untold(Span(before + 1, row.sequence - 1), state.gaps):
                which = f"number {span.first} has" if span.first == span.last else f"{span.first} to {span.last} have"
                yield Conflict("hole", f"{span.first}-{span.last}", f"{which} no row in the ledger", span)
        before = row.sequence


def _waiting(state: State) -> Iterator[Conflict]:
    """Certificates of which the bytes in the outbox are all that is left."""
    for name in sorted(set(state.waiting) - set(state.names)):
        text = f"certificate {name[:12]} waits for the collector, and has neither a row in the ledger nor a file"
        yield Conflict("no-file", name, text)


def _filed(state: State) -> Iterator[Conflict]:
    """Files that have a row, as far as they were read."""
    sequences = [row.sequence for row in state.rows]
    for place, row in enumerate(state.rows):
        filed = state.read.get(row.id)
        if filed is not None and filed.problem:
            yield Conflict("foreign", row.id, f"the file of certificate {row.number}: {filed.problem}")
        elif filed is not None and filed.sequence != row.sequence:
            text = f"certificate {filed.number} has the row of number {row.sequence} in the ledger"
            yield Conflict("broken", row.id, text, Span(filed.sequence, filed.sequence))
        elif filed is not None:
            behind = bisect_left(sequences, filed.gap_first) if filed.gap_first else place
            before = state.rows[behind - 1] if behind else None
            if not _follows(filed, before):
                yield Conflict("broken", row.id, _not_named(filed, before))


def _follows(filed: Filed, before: Row | None) -> bool:
    """Whether it names the one before it, as far as that can be known: one that was lost has an unknown name."""
    adjacent = (filed.gap_first or filed.sequence) == (before.sequence if before else 0) + 1
    return not adjacent or filed.previous == (before.id if before else None)


def _not_named(filed: Filed, before: Row | None) -> str:
    names = filed.previous[:12] if filed.previous else "none"
    meant = f"{before.number} ({before.id[:12]})" if before else "none"
    return f"certificate {filed.number} names {names} as the one before it, and that is {meant}"


def _strays(state: State) -> tuple[tuple[str, ...], list[Conflict]]:
    """(files to be recorded, in order; the conflicts of the others)."""
    have = {row.id for row in state.rows}
    conflicts, by_sequence = [], defaultdict(list)
    for name in sorted(set(state.read) - have):
        filed = state.read[name]
        if filed.problem:
            conflicts.append(Conflict("foreign", name, f"{name[:12]}.jws: {filed.problem}"))
        elif ("second", name) not in state.known:
            by_sequence[filed.sequence].append(filed)
    taken, last = [], state.rows[-1] if state.rows else None
    while True:
        following = by_sequence.get(next_number(last.sequence if last else 0, state.gaps), [])
        if len(following) != 1 or following[0].previous != (last.id if last else None):
            break
        filed = by_sequence.pop(following[0].sequence)[0]
        taken.append(filed.name)
        last = Row(filed.sequence, filed.name, filed.number)
    numbered = {row.sequence: row for row in state.rows}
    for sequence in sorted(by_sequence):
        conflicts += _of_one_number(by_sequence[sequence], numbered.get(sequence))
    return tuple(taken), conflicts


def _of_one_number(files: Sequence[Filed], row: Row | None) -> Iterator[Conflict]:
    for filed in files:
        span = Span(filed.sequence, filed.sequence)
        if row is not None or len(files) > 1:
            others = [row.id] if row else [other.name for other in files if other is not filed]
            text = f"two certificates have the number {filed.number}: {filed.name[:12]} and {others[0][:12]}"
            yield Conflict("second", filed.name, text, span)
        else:
            text = f"certificate {filed.number} has a file and no row, and does not follow the last one in the ledger"
            yield Conflict("no-row", filed.name, text, span)
