"""Whatever is sold, taken back, refunded, told twice or too late, and whenever a period is closed: the books hold."""

from __future__ import annotations

import os
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from collector.audit import invariants
from collector.demo.driving import COLUMNS
from collector.parties.models import Organisation
from collector.parties.services import Actor, person_named
from collector.statements import services as statements
from collector.trade import agreements, closing, sales, settling
from collector.trade.documents import making
from collector.trade.errors import NotSo
from collector.trade.models import LedgerEntry, SaleEvent, SaleLine, Settlement
from collector.trade.rules.days import period_named
from collector.units.models import Identifier, UnitEvent
from tests.collector.audit.world import TOWN, handed_over

EXAMPLES = 200 if "BENCHWIPE_PROVE" in os.environ else 6
ACTOR = Actor("history")


def quick(made: settling.Draft, *, number: int, issued_at: str, previous: str | None, **_: Any) -> dict[str, bytes]:  # noqa: ANN401
    """The signed document alone: pages are made by a process of their own, which other tests try."""
    told = made.document(number=number, state="closed", issued_at=issued_at, previous=previous)
    signed = statements.sign("benchwipe-settlement+jws", msgspec.json.encode(told))
    return {"jws": signed, "pdf": b"%PDF-", "csv": b"\n"}


def row(**told: object) -> bytes:
    cells = {"currency": "DKK", "vat_mode": "margin", "channel": "web", "country": "DK", **told}
    return (",".join(str(cells.get(name, "")) for name in COLUMNS) + "\n").encode()


HEAD = (",".join(COLUMNS) + "\n").encode()


class History:
    """What somebody does with the units of a town, one thing after another."""

    def __init__(self, agreement: str, first: date, days: int) -> None:
        self.agreement = agreements.named(agreement)
        self.seller = Organisation.objects.get(name=TOWN.seller)
        self.finance = person_named(f"{TOWN.short.lower()}-finance")
        self.first, self.days = first, days
        numbers = Identifier.objects.filter(kind="serial", unit__customer__name=TOWN.name).order_by("pk")
        self.serials = list(dict.fromkeys(numbers.values_list("seen_as", flat=True)))
        self.files: list[bytes] = []
        self.sold: list[tuple[str, int, date]] = []
        self.count = 0

    def do(self, what: str, number: int, day: int, ore: int) -> None:
        on = self.first + timedelta(days=day % self.days)
        self.count += 1
        if what == "sell":
            serial = self.serials[number % len(self.serials)]
            self.take(row(event="sale", reference=f"R{self.count}", line=1, sold_on=on, identifier=serial,
                          price_ore=ore, vat_mode=("margin", "standard", "export", "none")[number % 4]))  # fmt: skip
            self.sold.append((f"R{self.count}", ore, on))
        elif what == "bulk":
            some = [self.serials[(number + step) % len(self.serials)] for step in range(3)]
            told = {"reference": f"R{self.count}", "sold_on": on, "channel": "broker"}
            lines = [row(line=place, identifier=one, **told) for place, one in enumerate(some, 1)]
            self.take(row(line="bulk", price_ore=ore, **told) + b"".join(lines))
        elif what in ("refund", "return", "cancel") and self.sold:
            reference, price, sold_on = self.sold[number % len(self.sold)]
            part = price if what != "refund" else max(1, min(price, ore))
            self.take(row(event=what, reference=reference, line=1, external_id=f"E{self.count}", price_ore=-part,
                          sold_on=max(on, sold_on)))  # fmt: skip
        elif what == "again" and self.files:
            self.same_again(self.files[number % len(self.files)])
        elif what == "close":
            self.close(number)

    def take(self, body: bytes) -> None:
        self.files.append(HEAD + body)
        sales.import_sales(ACTOR, self.seller, HEAD + body, where="history.csv")

    def same_again(self, file: bytes) -> None:
        """I12: the same file once more changes nothing."""
        before = self.everything()
        sales.import_sales(ACTOR, self.seller, file, where="history.csv")
        assert self.everything() == before

    @staticmethod
    def everything() -> list[Any]:
        return [
            list(SaleLine.unfiltered.order_by("pk").values()),
            list(SaleEvent.unfiltered.order_by("pk").values()),
            list(LedgerEntry.unfiltered.order_by("pk").values()),
            UnitEvent.objects.count(),
        ]

    def close(self, number: int) -> None:
        """Close a quarter, or be refused: then nothing is different."""
        first = self.first + timedelta(days=92 * (number % 3))
        period = period_named(f"{first.year}-Q{(first.month - 1) // 3 + 1}")
        assert period is not None
        before = Settlement.unfiltered.count(), LedgerEntry.unfiltered.count()
        try:
            closing.close(ACTOR, self.agreement, period, self.finance)
        except NotSo:
            assert before == (Settlement.unfiltered.count(), LedgerEntry.unfiltered.count())


things = st.tuples(
    st.sampled_from(["sell", "sell", "sell", "bulk", "refund", "return", "cancel", "again", "close"]),
    st.integers(0, 60), st.integers(0, 400), st.integers(1, 300_000),
)  # fmt: skip


@pytest.fixture
def _quick_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "make", quick)


@settings(
    max_examples=EXAMPLES, deadline=None, phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(history=st.lists(things, min_size=5, max_size=25))
@pytest.mark.usefixtures("_quick_documents")
def test_the_invariants_hold_whatever_happened(history: list[tuple[str, int, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        small = handed_over().copy(Path(name))
        small.open()
        try:
            quarters = small.year.quarters
            told = History(small.agreement, quarters[0].first, (quarters[-1].last - quarters[0].first).days)
            for thing in [*history, ("close", 0, 0, 1), ("close", 1, 0, 1), ("close", 2, 0, 1)]:
                told.do(*thing)
            assert {one.name: one.found for one in invariants.audit() if not one.holds} == {}
        finally:
            connections.close_all()


@pytest.mark.usefixtures("_quick_documents")
def test_a_history_that_books_wrongly_is_found(tmp_path: Path) -> None:
    """The property itself can fail: a share that is an øre too much is seen."""
    small = handed_over().copy(tmp_path)
    small.open()
    told = History(small.agreement, small.year.quarters[0].first, 60)
    for number in range(8):
        told.do("sell", number, 40 + number, 150_000)
    told.close(0)
    assert {one.name for one in invariants.audit() if not one.holds} == set()
    entry = LedgerEntry.unfiltered.filter(kind="share").first()
    assert entry is not None
    with connections["default"].cursor() as cursor:
        cursor.execute("DROP TRIGGER kept_trade_ledgerentry_update")
        cursor.execute("UPDATE trade_ledgerentry SET amount_ore = amount_ore + 1 WHERE id = %s", [entry.pk])
    assert {"I2", "I3"} <= {one.name for one in invariants.audit() if not one.holds}
    connections.close_all()
