"""What a unit is said to be, whether it may be sold, and what the audit says of the sale never differ."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from collector.audit import goods
from collector.statements import policy
from collector.trade.models import SaleLine
from collector.units import store, vocabulary
from collector.units.models import DriveLink
from tests.collector.house import House
from tests.collector.trade.books import Books, sale, version

READY = (vocabulary.ERASED, vocabulary.ATTESTED, vocabulary.DESTROYED)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_unit_is_sold_exactly_where_it_is_said_to_be_without_data(house: House, allowed: bool) -> None:
    books = Books(house)
    word = str(allowed).lower()
    units = {
        outcome: books.unit(outcome.upper() + "01", outcome=outcome)
        for outcome in ("erased", "unread", "attested", "failed", "aborted", "refused")
    }
    units["a drive that was refused"] = books.unit("REFUSED02", drives=1)
    books.link(units["a drive that was refused"], "REFUSED02-D2", "2026-01-06", "refused")
    units["refused after it was erased"] = books.unit("REFUSED03", drives=1)
    books.link(units["refused after it was erased"], "REFUSED03-D1", "2026-01-06", "refused")
    books.agree(version(more=f"attested_allowed = true\nunread_allowed = {word}"))
    store.refresh(unit.pk for unit in units.values())
    for name, unit in units.items():
        unit.refresh_from_db()
        taken = books.sell(sale(str(unit.identifiers.get(kind="serial").seen_as)))
        assert (taken.new == 1) == (unit.data in READY), (name, unit.data, taken.rejected)
    unread = vocabulary.ERASED if allowed else vocabulary.OPEN
    assert (units["unread"].data, units["a drive that was refused"].data) == (unread, vocabulary.OPEN)
    for name, unit in units.items():
        if not SaleLine.unfiltered.filter(unit=unit).exists():
            continue
        line = SaleLine.unfiltered.get(unit=unit)
        version_ = line.agreement.versions.get()
        assert goods.why_open(line, version_) == "", name


def test_the_audit_takes_a_refused_drive_for_one_with_data(house: House) -> None:
    books = Books(house)
    agreement = books.agree()
    unit = books.unit("REFUSED02", drives=1)
    books.sell(sale("REFUSED02"))
    books.link(unit, "REFUSED02-D2", "2026-01-06", "refused")
    assert "had data" in goods.why_open(SaleLine.unfiltered.get(), agreement.versions.get())


def test_units_follow_an_agreement_that_binds_after_they_were_erased(house: House) -> None:
    books = Books(house)
    unit = books.unit("SERIAL1", outcome="unread")
    store.refresh([unit.pk])
    unit.refresh_from_db()
    assert unit.data == vocabulary.OPEN
    books.agree(version(more="unread_allowed = true"))
    unit.refresh_from_db()
    assert (unit.data, unit.headline) == (vocabulary.ERASED, vocabulary.ERASED)


def test_the_day_of_an_erasure_is_the_one_here(house: House) -> None:
    """23:30 UTC on New Year's Eve is New Year's Day here: the version of that day rules, for the fee and the unit."""
    books = Books(house)
    books.agree(version(more='validation = "required"'))
    unit = books.unit("SERIAL1")
    DriveLink.objects.update(finished_at=datetime(2025, 12, 31, 23, 30, tzinfo=UTC))
    store.refresh([unit.pk])
    unit.refresh_from_db()
    assert unit.headline == vocabulary.AWAITING


def test_where_nothing_was_agreed_a_decision_is_asked_for_and_no_unit_waits(house: House) -> None:
    books = Books(house)
    found = policy.policy_of(books.customer.pk, datetime(2026, 1, 1, tzinfo=UTC).date())
    assert (found.validation, found.asks_a_person, found.validator_differs) == (False, True, True)
    assert store.Agreed().on(books.customer.pk, datetime(2026, 1, 1, tzinfo=UTC)) is found
