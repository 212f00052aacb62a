"""What came of a file of sales, and which of its rows are taken together. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from collector.trade.sales_file import Problem, SaleRow


@dataclass
class Taken:
    """What came of a file."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    rejected: list[Problem] = field(default_factory=list)
    questions: list[Problem] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Write it for `--json`."""
        told = {name: getattr(self, name) for name in ("rows", "new", "changed", "same")}
        lists = {
            name: [vars(one) for one in sorted(getattr(self, name), key=lambda one: one.row)]
            for name in ("rejected", "questions")
        }
        return {**told, **lists}


def groups_of(rows: list[SaleRow]) -> Iterator[list[SaleRow]]:
    """Give each row by itself, or a bulk sale's row with all of its units: they are taken together or not at all."""
    bulks = {(row.channel, row.reference) for row in rows if row.is_bulk}
    done = set()
    for row in rows:
        key = (row.channel, row.reference)
        if row.event != "sale" or key not in bulks:
            yield [row]
        elif key not in done:
            done.add(key)
            of_it = [one for one in rows if one.event == "sale" and (one.channel, one.reference) == key]
            yield sorted(of_it, key=lambda one: (not one.is_bulk, one.row))
