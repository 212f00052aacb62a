"""Rows of the trade for a customer, its mark in every text: what the walk of all routes must show to nobody else."""

from __future__ import annotations

from typing import Any

from collector.trade import closing
from collector.trade.models import Agreement, Period
from collector.trade.rules.days import period_named
from tests.collector.house import House
from tests.collector.trade.books import ACTOR, Books, sale, version

NUMBERED = (Agreement, Period)


def fill(house: House, customer: Any, mark: str) -> Books:  # noqa: ANN401 - a model
    """An agreement that binds, a unit sold to somebody, a proposal."""
    books = Books(house, customer.name, f"{mark} Seller", prefix=mark.lower())
    agreement = books.agree(version(), title=f"{mark} agreement")
    books.unit(f"{mark.upper()}UNIT1", "monitor", tag=f"{mark}-unit", drives=None, erased_on=None)
    books.sell(sale(f"{mark.upper()}UNIT1", reference=f"{mark}-reference", buyer=f"{mark} Buyer"))
    period = period_named("2026-01")
    assert period is not None
    closing.propose(ACTOR, agreement, period)
    return books
