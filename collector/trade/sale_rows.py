"""What came of a file of sales, and which of its rows are taken together. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from collector.trade.sales_file import Problem, SaleRow, WrongCell


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


def check_event(row: SaleRow, *, currency: str, sold_on: date, left: int) -> None:
    """Hold an event against the sale that it is of; `left`: what of the price was not given back. Raise WrongCell."""
    price = row.price_ore or 0
    if row.currency and row.currency != currency:
        raise WrongCell("currency", f"{row.currency}: line {row.line} of {row.reference} was sold in {currency}")
    if left + price < 0:
        raise WrongCell("price_ore", f"{-price} øre are more than the {left} that are left of what was paid")
    if row.event == "cancel" and left + price:
        raise WrongCell("price_ore", f"a cancelled line gives back all that is left: -{left}")
    if row.sold_on < sold_on:
        raise WrongCell("sold_on", f"{row.sold_on} is before the sale, which was on {sold_on}")
