"""What happened stays: events and custody by raw SQL on both databases; what leaves and comes again begins anew."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from collector.units import changing, lots, moving, receiving, store
from collector.units.errors import NotNow
from collector.units.models import Custody, DriveLink, Unit, UnitEvent
from tests.collector.house import migrate
from tests.collector.units.yard import MACHINE, Yard

REGISTER = "serial,asset_tag,kind\nPF1AAAA1,K-0001,laptop\nPF1AAAA2,K-0002,laptop\n"
COLUMNS = {
    "units_unitevent": "id, kind, occurred_at, recorded_at, who, place, certificate, statement, data, unit_id",
    "units_custody": "id, step, day, place, seals, from_whom, to_whom, note, who, recorded_at, statement, lot_id",
}


def test_events_and_custody_cannot_be_changed_or_taken_away(each_yard: Yard) -> None:
    lot = each_yard.lot()
    lots.take_step(each_yard.lead, lot, "collected", lots.Step(date(2026, 11, 2), "Town hall", 2))
    each_yard.receive("serial\nPF1AAAA1\n")
    before = list(UnitEvent.objects.values()), list(Custody.objects.values())
    for again in (False, True):
        if again:
            migrate()
        for table, columns in COLUMNS.items():
            replaced = f"INSERT OR REPLACE INTO {table} ({columns}) SELECT {columns} FROM {table}"
            postgres = connection.vendor == "postgresql"
            for sql in (
                f"UPDATE {table} SET who = 'another'",
                f"DELETE FROM {table}",
                f"TRUNCATE {table} CASCADE" if postgres else replaced,
            ):
                with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                    connection.cursor().execute(sql)
    assert (list(UnitEvent.objects.values()), list(Custody.objects.values())) == before


@pytest.mark.parametrize(
    "wrong", [{"headline": "lost"}, {"presence": "x"}, {"data": "clean"}, {"disposal": "sold"}, {"customer_id": None}]
)
def test_a_standing_that_cannot_be_is_refused_by_the_database(yard: Yard, wrong: dict[str, object]) -> None:
    yard.register(REGISTER)
    with pytest.raises(IntegrityError), transaction.atomic():
        Unit.unfiltered.update(**wrong)


def test_a_lot_is_closed_once_and_says_so_in_its_signed_list(yard: Yard) -> None:
    lot = yard.lot()
    yard.register(REGISTER, lot="L1")
    yard.receive("serial\nPF1AAAA1\n")
    yard.close()
    for do in (yard.close, lambda: yard.receive("serial\nPF1AAAA2\n"), yard.lot):
        with pytest.raises(NotNow):
            do()
    from collector.statements import queries, rules
    from collector.statements.services import own_keys

    row = queries.by_hash(Custody.objects.get(step="closed").statement)
    assert row is not None
    told = rules.verify(bytes(row.compact), own_keys()).payload
    assert (told["lot"], told["step"]) == (lot.code, "closed")
    assert [(u["serial"], u["status"]) for u in told["units"]] == [("PF1AAAA1", "received"), ("PF1AAAA2", "missing")]


def test_what_was_received_is_in_one_place_always(yard: Yard) -> None:
    yard.lot()
    yard.register(REGISTER, lot="L1")
    yard.receive("serial\nPF1AAAA1\nPF1AAAA2\n")
    unit = yard.unit("PF1AAAA1")
    moving.move(MACHINE, unit, "sold", price=100)
    with pytest.raises(NotNow):
        moving.move(MACHINE, unit, "scrapped")
    assert yard.report()["disposals"] == {"sold": 1, "stock": 1}
    moving.move(MACHINE, unit, "returned_by_buyer")
    moving.move(MACHINE, unit, "given_back")
    assert yard.report()["disposals"] == {"given_back": 1, "stock": 1}


def test_what_is_missing_cannot_be_sold_and_what_nobody_scanned_can(yard: Yard) -> None:
    yard.lot()
    yard.register("serial\nPF1AAAA1\n", lot="L1")
    yard.register("serial\nPF1AAAA2\n")
    yard.close()
    with pytest.raises(NotNow):
        moving.move(MACHINE, yard.unit("PF1AAAA1"), "sold")
    moving.move(MACHINE, yard.unit("PF1AAAA2"), "sold")
    assert yard.report()["received"] == 1


def test_a_unit_that_comes_again_begins_anew(yard: Yard) -> None:
    yard.lot()
    yard.register(REGISTER, lot="L1")
    yard.receive("serial,drives\nPF1AAAA1,1\n")
    yard.certificate("DRIVE1", asset={"tag": "K-0001"})
    yard.follow()
    assert yard.status("PF1AAAA1") == "erased"
    yard.lot("L2")
    told = yard.receive("serial\nPF1AAAA1\n", "L2")
    assert [one["row"] for one in told["rejected"]] == [2], "it has not left"
    moving.move(MACHINE, yard.unit("PF1AAAA1"), "given_back")
    assert yard.receive("serial\nPF1AAAA1\n", "L2")["received"] == 1
    assert yard.line("PF1AAAA1")["certificates"] == []
    assert yard.status("PF1AAAA1") == "received", "what is on it is open anew"
    assert DriveLink.objects.exclude(ended_at=None).count() == 1


def test_the_headlines_written_down_are_those_that_follow(yard: Yard) -> None:
    yard.lot()
    yard.register(REGISTER, lot="L1")
    yard.receive("serial\nPF1AAAA1\n")
    assert store.refresh(Unit.unfiltered.values_list("pk", flat=True)) == 0
    Unit.unfiltered.filter(headline="received").update(headline="erased")
    assert store.refresh(Unit.unfiltered.values_list("pk", flat=True)) == 1


def test_a_person_counts_for_more_than_the_intake_and_that_for_more_than_the_register(yard: Yard) -> None:
    yard.lot()
    yard.register(REGISTER, lot="L1")
    yard.receive("serial,kind\nPF1AAAA1,desktop\n")
    assert yard.unit("PF1AAAA1").kind == "desktop"
    yard.register(REGISTER + "PF1AAAA3,K-3,\n")
    assert yard.unit("PF1AAAA1").kind == "desktop"
    changing.tell_kind(yard.lead, yard.unit("PF1AAAA1"), "server")
    assert not receiving.told_kind(yard.unit("PF1AAAA1"), "laptop", "intake")


def test_a_thing_of_another_customers_register_is_told_to_the_house_alone(yard: Yard) -> None:
    from collector.units.models import Question
    from collector.units.queries import open_questions

    other = Yard(yard.house, "Odense Kommune")
    other.register("serial\nODENSE77\n")
    yard.lot()
    assert yard.receive("serial\nODENSE77\n")["unexpected"] == 1
    assert Question.unfiltered.get().kind == "another_customer"
    person = yard.house.person("customer_data", yard.customer)
    assert not open_questions(person.sight()).exists()
    assert open_questions(yard.house.person("team_lead").sight()).count() == 1
