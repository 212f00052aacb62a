"""Each invariant has a damage that breaks it, made with raw SQL behind the triggers' back; the audit names it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, connections, transaction

from collector import guards
from collector.audit import invariants
from collector.certificates import statements_validation
from collector.parties.models import Person
from collector.parties.services import Actor
from collector.trade.models import SaleLine
from collector.units.models import DriveLink
from tests.collector.audit.world import Small, settled
from tests.patience import PROGRAM_S

LINE = (
    "external_id, agreement_id, unit_id, kind, grade, graded, quantity, price_ore, vat_mode, costs_ore, allocated, "
    "sold_on, paid_on, certificate, who, recorded_at"
)
DAMAGES = {
    "I1": "UPDATE trade_settlementline SET amount_ore = amount_ore + 1 WHERE id = "
    "(SELECT min(id) FROM trade_settlementline WHERE section = 'sale')",
    "I2": "DELETE FROM trade_settledentry WHERE entry_id = (SELECT min(entry_id) FROM trade_settledentry)",
    "I3": "UPDATE trade_ledgerentry SET amount_ore = amount_ore + 100 WHERE id = "
    "(SELECT min(id) FROM trade_ledgerentry WHERE kind = 'share')",
    "I4": f"INSERT INTO trade_saleline (sale_id, line, {LINE}) SELECT sale_id, line || '-2', {LINE} "
    "FROM trade_saleline l WHERE unit_id IS NOT NULL AND NOT EXISTS "
    "(SELECT 1 FROM trade_saleevent e WHERE e.line_id = l.id) ORDER BY id LIMIT 1",
    "I5": "UPDATE units_drivelink SET outcome = 'failed' WHERE unit_id = "
    "(SELECT min(unit_id) FROM trade_ledgerentry WHERE kind = 'share')",
    "I6": "UPDATE intake_certificatebytes SET compact = 'nonsense' WHERE id = "
    "(SELECT min(certificate) FROM trade_ledgerentry WHERE kind = 'fee' AND certificate <> '')",
    "I7": "UPDATE trade_settlement SET number = number + 5 WHERE number = (SELECT max(number) FROM trade_settlement)",
    "I8": "UPDATE trade_settlementfile SET data = 'nonsense' WHERE kind = 'jws' AND settlement_id = "
    "(SELECT min(settlement_id) FROM trade_settlementfile)",
    "I9": "UPDATE trade_sale SET bulk_ore = bulk_ore + 1 WHERE bulk_ore IS NOT NULL",
    "I10": "UPDATE units_unit SET disposal = 'stock' WHERE id = "
    "(SELECT min(id) FROM units_unit WHERE disposal = 'sold')",
    "I11": "UPDATE trade_settlement SET opening_ore = opening_ore - 7 WHERE number = 2",
    "I12": "UPDATE units_registerimport SET new = new + 1 WHERE id = (SELECT min(id) FROM units_registerimport)",
    "I13": "UPDATE trade_period SET state = 'open' WHERE id = "
    "(SELECT min(id) FROM trade_period WHERE state = 'closed')",
    "statements": "UPDATE statements_signedstatement SET compact = 'nonsense' WHERE seq = "
    "(SELECT min(seq) FROM statements_signedstatement)",
}


class _Undone(Exception):
    """What was damaged is taken back."""


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Small]:
    small = settled().copy(tmp_path)
    small.open()
    yield small
    connections.close_all()


def broken() -> set[str]:
    """The invariants that do not hold now."""
    return {one.name for one in invariants.audit() if not one.holds}


def damage(sql: str) -> set[str]:
    """Change rows as nobody may, look, and take it back: triggers too are part of a transaction."""
    found: set[str] = set()
    try:
        with transaction.atomic():
            guards.drop(connection)
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA defer_foreign_keys = ON")
                cursor.execute(sql)
                assert cursor.rowcount > 0, "the damage changed nothing"
            guards.make(connection)
            found = broken()
            raise _Undone
    except _Undone:
        return found


def test_a_year_that_was_closed_as_it_should_be_holds(books: Small) -> None:
    assert broken() == set()


def test_every_invariant_has_its_damage_and_each_is_found_by_name(books: Small) -> None:
    assert [*(f"I{number}" for number in range(1, 14)), "statements"] == list(DAMAGES)
    unseen = {name: found for name, sql in DAMAGES.items() if name not in (found := damage(sql))}
    assert unseen == {}
    assert broken() == set()


def test_a_damage_to_one_thing_is_no_alarm_about_all(books: Small) -> None:
    """A finding names what is wrong: the others go on holding, but for those that the same row is part of."""
    for name, also in (("I9", {"I3"}), ("I12", set()), ("I11", {"I8", "I1"}), ("I6", set()), ("I7", {"I8"})):
        assert damage(DAMAGES[name]) - {name} <= also, name


def test_a_printed_line_that_says_something_else_than_was_signed_is_found(books: Small) -> None:
    first = "(SELECT min(id) FROM trade_settlementline WHERE section = 'sale')"
    changed = "json_set(printed, '$.asset_tag', 'another')"
    assert damage(f"UPDATE trade_settlementline SET printed = {changed} WHERE id = {first}") == {"I8"}


def test_who_refuses_an_erasure_after_the_sale_says_nothing_of_the_day_of_the_sale(books: Small) -> None:
    sold = SaleLine.unfiltered.filter(unit__isnull=False, certificate__gt="", events__isnull=True).order_by("pk")[0]
    validator = Person.objects.filter(memberships__role="validator")[0]
    statements_validation.validate(Actor("test", validator), [sold.certificate], "rejected", "too few passes")
    assert DriveLink.objects.get(certificate=sold.certificate).validation == "rejected"
    assert broken() == set()
    unsaid = DriveLink.objects.filter(unit__sale_lines__events__isnull=True, unit__sale_lines__isnull=False)
    one = unsaid.exclude(certificate=sold.certificate).order_by("pk")[0]
    assert "I5" in damage(f"UPDATE units_drivelink SET validation = 'rejected' WHERE id = {one.pk}")


@pytest.mark.parametrize("end", ["min", "max"])
def test_a_statement_that_is_gone_is_missed_at_either_end_of_the_chain(books: Small, end: str) -> None:
    gone = f"(SELECT {end}(seq) FROM statements_signedstatement)"
    assert damage(f"DELETE FROM statements_signedstatement WHERE seq = {gone}") == {"statements"}


def command(books: Small, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "collector.cli", "audit", *words, "--config", str(books.config)],
                          capture_output=True, text=True, check=False, timeout=PROGRAM_S)  # fmt: skip


def test_the_command_names_each_and_ends_with_one_where_a_trigger_is_gone_and_mends_nothing(books: Small) -> None:
    name, (table, _) = sorted(guards.standing(connection).items())[0]
    assert table
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TRIGGER "{name}"')
    connections.close_all()
    done = command(books, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1, done.stderr
    assert [one["name"] for one in told["invariants"]] == [*DAMAGES, "triggers"]
    assert [one["name"] for one in told["invariants"] if not one["holds"]] == ["triggers"]
    assert told["holds"] is False
    assert name in done.stderr
    assert guards.differences(connection) == [name]
    guards.make(connection)
    connections.close_all()
    done = command(books)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.count(": holds: ") == 15


def test_a_database_of_an_older_program_is_not_looked_at_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[database]\nurl = "sqlite:///empty.db"\n')
    (tmp_path / "empty.db").touch()
    done = subprocess.run([sys.executable, "-m", "collector.cli", "audit", "--config", str(tmp_path / "c.toml")],
                          capture_output=True, text=True, check=False, timeout=PROGRAM_S)  # fmt: skip
    assert done.returncode == 2
    assert "BW-C12" in done.stderr
    assert "Traceback" not in done.stderr
