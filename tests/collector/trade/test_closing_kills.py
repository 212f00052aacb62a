"""SIGKILL in the middle of closing: a period is closed wholly or not at all, and no number is lost.

`make prove-closing` kills a hundred times on each database; `make test` a few.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from django.db import connection, connections

from collector.trade import closing, documents_kept
from collector.trade.models import (
    Agreement,
    LedgerEntry,
    Period,
    SettledEntry,
    Settlement,
    SettlementFile,
    SettlementLine,
    SettlementNumber,
)
from collector.trade.rules.days import Period as Days
from collector.trade.rules.days import period_named
from collector.trade.rules.money import part
from tests.collector.house import House
from tests.collector.trade.books import ACTOR, Books, sale, version
from tests.patience import PROGRAM_S

KILLS = 100 if os.environ.get("BENCHWIPE_PROVE") else 2
LINES = 8
FIRST = "2016-01"


def periods() -> Iterator[Days]:
    """Months, as many as are needed."""
    found = period_named(FIRST)
    while found is not None:
        yield found
        found = found.next()


@pytest.fixture
def books(each_house: House) -> Books:
    found = Books(each_house)
    found.agree(version("2016-01-01"))
    return found


def sell_in(books: Books, period: Days) -> None:
    rows = [
        sale("", 10_000 + n, sold_on=str(period.first), reference=f"R-{period.name}-{n}", kind="laptop")
        for n in range(LINES)
    ]
    assert books.sell(*rows).new == LINES


def run(books: Books, period: Days, fatal: int, patience: float | None = None) -> tuple[str, float]:
    """Start the program, and see it die; what it said in the end, and how long that took from its transaction on."""
    command = [sys.executable, "-m", "tests.collector.trade.closing_program", str(books.house.configuration.file)]
    command += [Agreement.unfiltered.get().code, period.name, books.ours.login, *([str(fatal)] if fatal else [])]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "begun\n"
        begun = time.monotonic()
        if patience is not None:
            time.sleep(patience)
            os.killpg(process.pid, signal.SIGKILL)
        told = process.stdout.read()
        process.wait(PROGRAM_S)
        return told, time.monotonic() - begun
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()


def whole(period: Days) -> bool:
    """Say whether the period is closed; fail where it is closed in part."""
    row = Period.unfiltered.filter(first_day=period.first).first()
    found = Settlement.unfiltered.filter(period=row).first() if row is not None else None
    last = SettlementNumber.objects.filter().values_list("last", flat=True).first() or 0
    numbers = list(Settlement.unfiltered.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, last + 1)), "a number is lost, or given twice"
    key = None if row is None else row.pk
    parts = {
        "closed": row is not None and row.state == "closed",
        "lines": SettlementLine.unfiltered.filter(settlement_id=key).count() == LINES,
        "files": SettlementFile.unfiltered.filter(settlement_id=key).count() >= 5,
        "entries": SettledEntry.objects.filter(settlement_id=key).count() == LINES,
        "ledger": LedgerEntry.unfiltered.filter(occurred_on=period.first).count() == LINES,
        "settlement": found is not None,
    }
    assert len(set(parts.values())) == 1, parts
    return found is not None


@pytest.mark.timeout(3600 if KILLS > 10 else 600)
def test_a_closing_that_is_killed_closed_wholly_or_not_at_all(books: Books) -> None:
    chance, months, in_the_middle = random.Random(7), periods(), 0
    period = next(months)
    sell_in(books, period)
    connections.close_all()
    told, took = run(books, period, 0)
    statements = int(told.split()[3])
    for kill in range(KILLS):
        if whole(period):
            period = next(months)
            sell_in(books, period)
        connections.close_all()
        # Half die before a chosen statement; half are killed from outside, while it commits among other moments.
        fatal = 1 + kill * 37 % statements if kill % 2 == 0 else 0
        run(books, period, fatal, None if fatal else chance.uniform(0, took))
        in_the_middle += not whole(period)
    if whole(period):
        period = next(months)
        sell_in(books, period)
    before = Settlement.unfiltered.count()
    assert closing.close(ACTOR, Agreement.unfiltered.get(), period, books.ours).number == before + 1
    assert whole(period)
    previous = None
    for row in Settlement.unfiltered.order_by("number"):
        assert row.previous_sha256 == previous
        previous = hashlib.sha256(documents_kept.document(row, "jws")).hexdigest()
        assert row.document_sha256 == previous
        assert row.share_ore == sum(part(10_000 + n, 4000) for n in range(LINES))
    assert in_the_middle >= KILLS // 2
    print(f"{connection.vendor}: {KILLS} kills in {statements} statements; {in_the_middle} left the period as it was")
