"""What decides money stays as it was written: raw SQL on both databases, after one more migration."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations.operations.models import CreateModel
from django.db.migrations.state import ProjectState

from collector import guards
from collector.moments import now
from collector.trade.models import (
    Agreement,
    LedgerEntry,
    Objection,
    ObjectionAnswer,
    Period,
    SettledEntry,
    Settlement,
    SettlementFile,
    SettlementLine,
    SettlementNumber,
)
from tests.collector.house import House
from tests.collector.trade.books import ACTOR, Books, sale, version


@pytest.fixture
def closed(each_house: House) -> tuple[Books, Agreement]:
    """A settlement with a row of everything, written as a closing writes it; then one more migration is run."""
    books = Books(each_house)
    agreement = books.agree(version())
    books.unit("SERIAL1")
    books.sell(sale("SERIAL1"), sale("SERIAL1", -10, event="refund", external_id="E-1"))
    by_hand(books, agreement)
    operation = guards.Guarded([CreateModel("one_more", [("id", models.BigAutoField(primary_key=True))])])
    before = ProjectState()
    after = before.clone()
    operation.state_forwards("trade", after)
    with connection.schema_editor(atomic=True) as editor:
        operation.database_forwards("trade", editor, before, after)
    assert guards.differences(connection) == []
    return books, agreement


def by_hand(books: Books, agreement: Agreement) -> None:
    """Rows of a closed period, without its documents."""
    period = Period.unfiltered.create(agreement=agreement, first_day="2026-01-01", last_day="2026-01-31")
    told = Objection.unfiltered.create(
        period=period, subject="s", line=1, printed={}, text="why", person=books.theirs, who="test"
    )
    ObjectionAnswer.objects.create(objection=told, upheld=False, text="so", person=books.ours, who="test")
    with transaction.atomic():
        SettlementLine.unfiltered.create(settlement_id=period.pk, line=1, section="sale", printed={}, amount_ore=1)
        SettlementFile.unfiltered.create(settlement_id=period.pk, kind="jws", sha256="0" * 64, data=b"x")
        entry = LedgerEntry.unfiltered.create(
            agreement=agreement, version=agreement.versions.get(), kind="share", subject="sale_line:1",
            source="sale_line:1#0@0", occurred_on="2026-01-20", base_ore=1, amount_ore=1, vat_bp=0,
        )  # fmt: skip
        SettledEntry.objects.create(entry=entry, settlement_id=period.pk, line=1)
        Settlement.unfiltered.create(
            period=period, seller=books.seller, number=1, issued_at=now(), issued_by=books.ours, who="test",
            share_ore=1, share_vat_ore=0, fees_ore=0, fees_vat_ore=0, opening_ore=0, payable_ore=1, closing_ore=0,
            lines_count=1, entries_sha256="0" * 64, document_sha256="0" * 64,
        )  # fmt: skip
        counter = SettlementNumber.objects.create(seller=books.seller, last=0)
        counter.last = 1
        counter.save()
        period.state = "closed"
        period.save()


def refused(sql: str) -> None:
    """The database refuses it. A statement that meets no row would be refused by nothing, and fails here."""
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


APPEND_ONLY = [guard.table for guard in guards.GUARDS if guard.table.startswith("trade_") and guard.is_append_only]


def test_every_row_that_decides_money_refuses_every_change(closed: tuple[Books, Agreement]) -> None:
    assert len(APPEND_ONLY) >= 11
    for table in sorted({*APPEND_ONLY, "trade_agreementversion", "trade_agreementrate", "trade_period"}):
        if table == "trade_consent":
            continue
        with connection.cursor() as cursor:
            columns = [one.name for one in connection.introspection.get_table_description(cursor, table)]
            cursor.execute(f"SELECT COUNT(*) FROM {table}")
            assert (cursor.fetchone() or [0])[0] > 0, f"{table} is empty: nothing was tried"
        for column in columns:
            refused(f"UPDATE {table} SET {column} = {column}")
        refused(f"DELETE FROM {table}")
        if connection.vendor == "postgresql":
            refused(f"TRUNCATE {table} CASCADE")
        else:
            refused(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


def test_a_closed_settlement_takes_no_more_lines(closed: tuple[Books, Agreement]) -> None:
    quoted = "'{}'" if connection.vendor == "sqlite" else "'{}'::jsonb"
    period = Period.unfiltered.get().pk
    refused(
        "INSERT INTO trade_settlementline (settlement_id, line, section, printed, amount_ore) "
        f"VALUES ({period}, 2, 'sale', {quoted}, 5)"
    )
    refused(f"INSERT INTO trade_settlementfile (settlement_id, kind, sha256, data) VALUES ({period}, 'pdf', 'x', 'x')")
    refused(f"INSERT INTO trade_settledentry (entry_id, settlement_id, line) VALUES (99, {period}, 1)")


def test_numbers_go_up_by_one_and_never_back(closed: tuple[Books, Agreement]) -> None:
    for last in ("last + 2", "last - 1", "last"):
        refused(f"UPDATE trade_settlementnumber SET last = {last}")
    refused("DELETE FROM trade_settlementnumber")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE trade_settlementnumber SET last = last + 1")


def test_a_version_that_binds_takes_no_more_rates_and_a_draft_does(closed: tuple[Books, Agreement]) -> None:
    books, agreement = closed
    bound = agreement.versions.get()
    books.agree(version(), version("2027-01-01"), approve=False)
    draft = agreement.versions.get(valid_from="2027-01-01")
    copied = (
        "INSERT INTO trade_agreementrate (version_id, kind, grade, share_bp, floor_ore, consent_below_ore, "
        "fee_erased_ore, fee_attested_ore, fee_destroyed_ore, fixed_ore, scrap_fee_ore, itemised) "
        "SELECT {to}, 'phone', '*', 1, 0, 0, 0, 0, 0, 0, 0, itemised FROM trade_agreementrate LIMIT 1"
    )
    refused(copied.format(to=bound.pk))
    refused(f"UPDATE trade_agreementrate SET version_id = {bound.pk} WHERE version_id = {draft.pk}")
    with connection.cursor() as cursor:
        cursor.execute(copied.format(to=draft.pk))
        cursor.execute(f"DELETE FROM trade_agreementrate WHERE version_id = {draft.pk}")
        assert cursor.rowcount == 2
    assert ACTOR.who == "test"
