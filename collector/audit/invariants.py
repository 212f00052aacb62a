"""The thirteen invariants by name, each with what looks at it; the chain of statements; and the rows' triggers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from django.db import connection

from collector import guards
from collector.audit import documents, goods, money

MOST = 50
"""Findings of one invariant that are listed; the others are counted."""


@dataclass(frozen=True)
class Invariant:
    """What must hold, and what finds where it does not."""

    name: str
    says: str
    look: Callable[[], Iterator[str]]


@dataclass(frozen=True)
class Looked:
    """What was found of one invariant."""

    name: str
    says: str
    found: tuple[str, ...] = field(default=())
    more: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts it."""
        return not self.found


def triggers_stand() -> Iterator[str]:
    """Find triggers that are gone or another: rows could be changed unseen."""
    yield from (f"trigger {name} is gone or was changed" for name in guards.differences(connection))


INVARIANTS = (
    Invariant("I1", "a settlement's lines sum up to its share and fees", money.lines_are_the_total),
    Invariant("I2", "each ledger entry stands in one settlement, once", money.entries_are_settled_once),
    Invariant("I3", "what was booked is what is due when it is worked out anew", money.shares_are_what_is_due),
    Invariant("I4", "a unit has at most one sale that stands", goods.sold_once),
    Invariant("I5", "no share of a unit that was sold with data on it", goods.nothing_was_sold_with_data),
    Invariant("I6", "a fee is taken once, and its certificate verifies now", goods.fees_are_proved),
    Invariant("I7", "a seller's numbers have no holes, and their days do not go back", documents.numbers_have_no_holes),
    Invariant(
        "I8", "each closed settlement's document and signature hold, in an unbroken chain", documents.documents_hold
    ),
    Invariant("I9", "a bulk sale's lines sum up to its price", money.allocations_are_the_price),
    Invariant(
        "I10",
        "each received unit is in one place, and a register is the sum of its headlines",
        goods.units_are_somewhere,
    ),
    Invariant("I11", "a settlement begins with what the one before was left with", money.balances_are_carried),
    Invariant("I12", "a file that was taken in twice changed nothing", goods.imports_are_taken_once),
    Invariant("I13", "a period was closed wholly or not at all", documents.closings_are_whole),
    Invariant("statements", "what people said holds, in an unbroken chain", documents.statements_hold),
    Invariant("triggers", "the triggers that keep rows as they are stand", triggers_stand),
)


def audit() -> list[Looked]:
    """Look at every invariant. Nothing is changed by looking."""
    return [look(one) for one in INVARIANTS]


def look(one: Invariant) -> Looked:
    """Look at one. Rows that cannot even be read, since somebody wrote anything at all into them, are a finding."""
    found: list[str] = []
    more = 0
    try:
        for line in one.look():
            if len(found) < MOST:
                found.append(line)
            else:
                more += 1
    except Exception as error:  # noqa: BLE001 - whatever stands in a damaged row, it is a finding
        found.append(f"cannot be looked at to its end: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
    return Looked(one.name, one.says, tuple(found), more)
