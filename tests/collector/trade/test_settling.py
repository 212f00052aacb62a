"""From sales and certificates to a settlement: what is due, when, and in which section it is printed."""

from __future__ import annotations

from typing import Any

import pytest

from collector.trade import closing, settling
from collector.trade.errors import NotSo
from collector.trade.models import Agreement, Settlement
from collector.trade.rules.days import Period, period_named
from tests.collector.house import House
from tests.collector.trade.books import ACTOR, Books, sale


@pytest.fixture
def books(house: House) -> Books:
    return Books(house)


def named(name: str) -> Period:
    found = period_named(name)
    assert found is not None
    return found


def draft(agreement: Agreement, period: str) -> dict[str, Any]:
    return settling.draft(agreement, named(period)).document()


def lines(document: dict[str, Any], section: str) -> list[tuple[Any, ...]]:
    return [(one["serial"], one["amount_ore"]) for one in document["lines"] if one["section"] == section]


def test_a_unit_that_was_erased_and_sold_gives_a_share_and_a_fee(books: Books) -> None:
    agreement = books.agree()
    books.unit("SERIAL1", tag="T-1")
    assert books.sell(sale("SERIAL1")).new == 1
    told = draft(agreement, "2026-01")
    assert lines(told, "sale") == [("SERIAL1", 60_000)]
    assert lines(told, "fee") == [("SERIAL1", -7_500)]
    assert (told["share_ore"], told["fees_ore"], told["fees_vat_ore"], told["payable_ore"]) == (
        60_000,
        -7_500,
        -1_875,
        60_000,
    )
    assert told["lines"][0]["asset_tag"] == "T-1"


def test_closing_gives_a_number_documents_and_a_ledger(books: Books) -> None:
    agreement = books.agree()
    books.unit("SERIAL1", tag="T-1")
    books.sell(sale("SERIAL1"))
    found = closing.close(ACTOR, agreement, named("2026-01"), books.ours)
    assert (found.number, found.previous_sha256, found.share_ore) == (1, None, 60_000)
    assert {one.kind for one in found.files.all()} == {"jws", "pdf", "csv", "machine.csv", "xlsx", "xml"}
    with pytest.raises(NotSo, match="closed already"):
        closing.close(ACTOR, agreement, named("2026-01"), books.ours)
    assert Settlement.unfiltered.count() == 1
