"""A file of sales: what is taken in, what is rejected and why, and that the same file twice changes nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.apps import apps

from collector.trade import consents
from collector.trade.errors import NotSo, TradeFileProblem
from collector.trade.models import Sale, SaleEvent, SaleLine
from collector.trade.sale_rows import Taken
from collector.units.models import Unit
from tests.collector.house import House
from tests.collector.trade.books import ACTOR, Books, sale, version


@pytest.fixture
def books(house: House) -> Books:
    found = Books(house)
    found.agree()
    return found


def everything() -> dict[str, list[Any]]:
    """All rows of trade and units."""
    return {
        model.__name__: list((getattr(model, "unfiltered", None) or model._default_manager).order_by("pk").values())
        for model in apps.get_models()
        if model._meta.app_label in ("trade", "units")
    }


def why(taken: Taken) -> list[tuple[int, str]]:
    return sorted((one.row, one.column) for one in taken.rejected)


BULK = (
    sale("", 100_001, reference="B1", line="bulk", channel="broker"),
    sale("SERIAL1", None, reference="B1", line="1", channel="broker", vat_mode=""),
    sale("SERIAL2", None, reference="B1", line="2", channel="broker", vat_mode=""),
    sale("SERIAL3", None, reference="B1", line="3", channel="broker", vat_mode=""),
)


def test_the_same_file_twice_changes_nothing(books: Books) -> None:
    for n in range(1, 6):
        books.unit(f"SERIAL{n}")
    rows = (
        *BULK,
        sale("SERIAL4", 90_000),
        sale("SERIAL4", -90_000, event="return", external_id="E1", sold_on="2026-01-25"),
        sale("SERIAL4", 80_000, reference="R-again", sold_on="2026-01-26"),
        sale("SERIAL5", 70_000),
        sale("", 5_000, reference="R-small", kind="printer", quantity=4),
    )
    first = books.sell(*rows)
    assert (first.rejected, first.new) == ([], 9)
    before = everything()
    second = books.sell(*rows)
    assert (second.new, second.changed, second.same, second.rejected) == (0, 0, 9, [])
    assert everything() == before


def test_a_trial_changes_nothing_and_says_the_same(books: Books) -> None:
    books.unit("SERIAL1")
    before = everything()
    rows = (sale("SERIAL1"), sale("SERIAL1", reference="R2"), sale("NOBODY"))
    tried = books.sell(*rows, dry_run=True)
    assert everything() == before
    assert tried == books.sell(*rows)
    assert (tried.new, why(tried)) == (1, [(2, "identifier"), (3, "identifier")])


def test_a_bulk_price_is_shared_out_in_the_files_order_and_taken_whole_or_not_at_all(books: Books) -> None:
    for n in (1, 2):
        books.unit(f"SERIAL{n}")
    books.unit("SERIAL3", erased_on=None)
    before = everything()
    taken = books.sell(*BULK)
    assert [row for row, _ in why(taken)] == [1, 2, 3, 4]
    assert "SERIAL3" in taken.rejected[0].problem
    assert everything() == before
    books.link(Unit.unfiltered.get(identifiers__norm="SERIAL3"), "D", "2026-01-06")
    assert books.sell(*BULK).new == 4
    assert list(SaleLine.unfiltered.order_by("id").values_list("price_ore", flat=True)) == [33_334, 33_334, 33_333]
    assert Sale.objects.get().bulk_ore == 100_001
    assert why(books.sell({**BULK[0], "price_ore": 100_002}, *BULK[1:]))[0] == (1, "price_ore")


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"price_ore": 149_999}, "price_ore"),
    ({"currency": "EUR"}, "currency"),
    ({"sold_on": "2026-01-21"}, "sold_on"),
    ({"vat_mode": "export"}, "vat_mode"),
    ({"costs_ore": 5}, "costs_ore"),
    ({"grade": "C"}, "grade"),
    ({"identifier": "SERIAL2"}, "identifier"),
]


def test_a_line_that_is_known_otherwise_is_rejected_and_the_others_are_in(books: Books) -> None:
    books.unit("SERIAL1")
    books.unit("SERIAL2")
    assert books.sell(sale("SERIAL1")).new == 1
    taken = books.sell(*({**sale("SERIAL1"), **change} for change, _ in CHANGES), sale("SERIAL2"))
    assert why(taken) == [(n, column) for n, (_, column) in enumerate(CHANGES, 1)]
    assert taken.new == 1


WRONG_ROWS: list[tuple[dict[str, Any], str]] = [
    ({"currency": "EUR"}, "currency"),
    ({"identifier": "NOBODY"}, "identifier"),
    ({"sold_on": "2025-12-31"}, "sold_on"),
    ({"sold_on": "2026-02-30"}, "sold_on"),
    ({"sold_on": "20-01-2026"}, "sold_on"),
    ({"price_ore": "1500,00"}, "price_ore"),
    ({"price_ore": "1e5"}, "price_ore"),
    ({"price_ore": -1}, "price_ore"),
    ({"price_ore": ""}, "price_ore"),
    ({"price_ore": "٣"}, "price_ore"),
    ({"vat_mode": "moms"}, "vat_mode"),
    ({"vat_mode": ""}, "vat_mode"),
    ({"channel": "ebay"}, "channel"),
    ({"event": "gift"}, "event"),
    ({"quantity": 2}, "quantity"),
    ({"quantity": 0}, "quantity"),
    ({"country": "Denmark"}, "country"),
    ({"kind": "notebook"}, "kind"),
    ({"reference": ""}, "reference"),
    ({"line": "x" * 41}, "line"),
]


def test_a_row_that_cannot_be_believed_names_its_cell(books: Books) -> None:
    books.unit("SERIAL1")
    taken = books.sell(*({**sale("SERIAL1", reference=f"R-{n}"), **row} for n, (row, _) in enumerate(WRONG_ROWS)))
    assert why(taken) == [(n, column) for n, (_, column) in enumerate(WRONG_ROWS, 1)]
    assert not SaleLine.unfiltered.exists()


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"erased_on": None}, "not all of its drives"),
        ({"drives": None}, "counted"),
        ({"drives": 2, "erased_on": None}, "not all of its drives"),
        ({"outcome": "failed"}, "failed"),
        ({"outcome": "attested"}, "reset by hand"),
        ({"outcome": "unread"}, "not read back"),
        ({"outcome": "aborted"}, "not erased"),
        ({"erased_on": "2026-01-21"}, "sold before"),
    ],
)
def test_no_data_no_sale(books: Books, facts: dict[str, Any], said: str) -> None:
    books.unit("SERIAL1", **facts)
    taken = books.sell(sale("SERIAL1", sold_on="2026-01-20"))
    assert said in taken.rejected[0].problem
    assert not SaleLine.unfiltered.exists()


@pytest.mark.parametrize("where", ["scrapped", "given_back", "own_use", "sold"])
def test_what_is_not_in_stock_is_not_sold(books: Books, where: str) -> None:
    unit = books.unit("SERIAL1")
    Unit.unfiltered.filter(pk=unit.pk).update(disposal=where)
    assert why(books.sell(sale("SERIAL1"))) == [(1, "identifier")]


NO_EVENTS: list[tuple[dict[str, Any], str]] = [
    ({"price_ore": -150_001}, "price_ore"),
    ({"price_ore": 10}, "price_ore"),
    ({"event": "cancel", "price_ore": -1}, "price_ore"),
    ({"external_id": ""}, "external_id"),
    ({"line": "7"}, "line"),
    ({"reference": "R-other"}, "line"),
    ({"sold_on": "2026-01-19"}, "sold_on"),
    ({"currency": "EUR"}, "currency"),
    ({"identifier": "SERIAL2"}, "identifier"),
]


def test_an_event_that_fits_no_sale_is_rejected(books: Books) -> None:
    for serial in ("SERIAL1", "SERIAL2"):
        books.unit(serial)
    row = sale("SERIAL1", -10, event="refund", external_id="E1", sold_on="2026-01-25")
    taken = books.sell(sale("SERIAL1"), *({**row, **event} for event, _ in NO_EVENTS))
    assert why(taken) == [(n, column) for n, (_, column) in enumerate(NO_EVENTS, 2)]
    assert not SaleEvent.unfiltered.exists()


def test_a_cancelled_line_puts_the_unit_back_and_payment_is_told_later(books: Books) -> None:
    unit = books.unit("SERIAL1")
    books.sell(sale("SERIAL1"))
    paid = books.sell(sale("SERIAL1", paid_on="2026-02-01"))
    assert (paid.changed, paid.rejected) == (1, [])
    assert why(books.sell(sale("SERIAL1", paid_on="2026-02-02"))) == [(1, "paid_on")]
    books.sell(sale("SERIAL1", -150_000, event="cancel", external_id="E1", sold_on="2026-01-21"))
    unit.refresh_from_db()
    assert unit.disposal == "stock"
    assert [one.kind for one in unit.events.order_by("id")] == ["sold", "sale_reversed"]


def test_a_low_price_waits_for_the_customers_yes(house: House) -> None:
    books = Books(house)
    agreement = books.agree(version(rates="consent_below_ore = 50000"))
    books.unit("SERIAL1")
    assert why(books.sell(sale("SERIAL1", 49_999))) == [(1, "price_ore")]
    with pytest.raises(NotSo, match="not of the finance"):
        consents.give(ACTOR, agreement, "SERIAL1", 40_000, books.ours)
    consents.give(ACTOR, agreement, "SERIAL1", 40_000, books.theirs)
    assert why(books.sell(sale("SERIAL1", 39_999))) == [(1, "price_ore")]
    assert books.sell(sale("SERIAL1", 49_999)).new == 1


def test_grades_that_differ_are_a_question_and_later_ones_change_no_share(house: House) -> None:
    rates = '[[version.rate]]\nkind = "laptop"\ngrade = "A"\nshare_bp = 6000\n'
    books = Books(house)
    books.agree(version(rates=rates))
    unit = books.unit("SERIAL1", grade="A")
    books.event(unit, "graded", "2026-01-21", data={"grade": "C"})
    taken = books.sell(sale("SERIAL1", sold_on="2026-01-20"))
    assert (taken.questions, SaleLine.unfiltered.get().grade) == ([], "A")
    books.unit("SERIAL2", grade="A")
    taken = books.sell(sale("SERIAL2", grade="B"))
    assert [(one.row, one.column) for one in taken.questions] == [(1, "grade")]
    assert SaleLine.unfiltered.get(unit__identifiers__norm="SERIAL2").graded == "A"


def test_a_number_of_another_sellers_customer_is_nobodys(books: Books) -> None:
    other = Books(books.house, "Kolding Kommune", "Refurb", prefix="k-")
    other.agree()
    other.unit("SERIAL9")
    assert why(books.sell(sale("SERIAL9"))) == [(1, "identifier")]
    assert other.sell(sale("SERIAL9")).new == 1


@pytest.mark.parametrize("number", ["T-17", "t-17", "353879234252633", "35387923425263"])
def test_a_unit_is_found_by_tag_and_imei_too(books: Books, number: str) -> None:
    books.unit("SERIAL1", "phone", tag="T-17", imei="353879234252633", drives=1)
    assert books.sell(sale(number)).rejected == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "missing"),
        (b"a;b\n1;2\n", "missing"),
        (b"channel,reference,line,sold_on,price_ore,wallet\n", "nobody knows"),
        (b"channel,reference,line,sold_on,price_ore,line\n", "twice"),
        (b"\xff\xff\xff\xff", "UTF-8"),
        (b'channel,reference,line,sold_on,price_ore\nweb,"R\n', "no CSV"),
        (b"\x00" * 100, "missing"),
    ],
)
def test_a_file_that_is_none_is_refused_whole(books: Books, data: bytes, said: str) -> None:
    from collector.trade import sales

    with pytest.raises(TradeFileProblem, match=said):
        sales.import_sales(ACTOR, books.seller, data, where="x.csv")
    assert date.today() > date(2026, 1, 1)


def test_a_file_as_a_danish_spreadsheet_writes_it(books: Books) -> None:
    from collector.trade import sales

    books.unit("SERIAL1")
    text = (
        "channel;reference;line;sold_on;identifier;price_ore;vat_mode\r\nweb;R1;1;2026-01-20;SERIAL1;150000;margin\r\n"
    )
    for data in (b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16")):
        assert sales.import_sales(ACTOR, books.seller, data, where="x.csv").rejected == []
    assert SaleLine.unfiltered.count() == 1


def test_an_event_may_have_any_id_whatever_we_call_a_payment(books: Books) -> None:
    books.unit("SERIAL1")
    refund = sale("SERIAL1", -10, event="refund", external_id="paid", sold_on="2026-01-25")
    assert books.sell(sale("SERIAL1"), refund).new == 2
    later = books.sell(sale("SERIAL1", paid_on="2026-02-01"))
    assert (later.changed, later.rejected) == (1, [])
    again = books.sell(sale("SERIAL1", paid_on="2026-02-01"), refund)
    assert (again.same, again.rejected) == (2, [])
    assert sorted(SaleEvent.unfiltered.values_list("kind", "price_ore")) == [("paid", 0), ("refund", -10)]


def test_a_unit_that_is_with_its_buyer_is_sold_to_nobody_else(books: Books) -> None:
    books.unit("SERIAL1")
    books.sell(sale("SERIAL1"))
    back = sale("SERIAL1", -150_000, event="return", external_id="E1", sold_on="2026-02-10")
    between = sale("SERIAL1", reference="R-2", sold_on="2026-02-09")
    assert why(books.sell(back, between)) == [(2, "sold_on")]
    assert why(books.sell(between)) == [(1, "sold_on")]
    assert books.sell({**between, "sold_on": "2026-02-10"}).new == 1


def test_a_sale_that_was_entered_wrongly_is_cancelled_and_entered_again_on_its_own_day(books: Books) -> None:
    books.unit("SERIAL1")
    books.sell(sale("SERIAL1", 15_000))
    cancel = sale("SERIAL1", -15_000, event="cancel", external_id="E1", sold_on="2026-02-10")
    assert books.sell(cancel, sale("SERIAL1", reference="R-2")).new == 2


def test_a_bulk_sale_that_is_known_is_the_same_in_any_order_of_its_units(books: Books) -> None:
    for n in range(1, 4):
        books.unit(f"SERIAL{n}")
    head, *units = BULK
    assert books.sell({**head, "costs_ore": 100}, *units).new == 4
    again = books.sell({**head, "costs_ore": 100}, *reversed(units))
    assert (again.same, again.rejected) == (4, [])
    assert why(books.sell({**head, "costs_ore": 101}, *units))[0] == (1, "costs_ore")


@pytest.mark.parametrize("day", ["9999-12-31", "9000-01-01", "1989-12-31", "0001-01-01"])
def test_a_day_from_which_nobody_can_count_on_is_refused_and_never_stops_a_settlement(house: House, day: str) -> None:
    books = Books(house)
    books.agree(version("0001-01-01", recognise="return_window"))
    assert why(books.sell(sale("", kind="printer", sold_on=day))) == [(1, "sold_on")]
    assert why(books.sell(sale("", kind="printer", paid_on=day))) == [(1, "paid_on")]


def test_a_seller_without_any_agreement_is_told_so(house: House) -> None:
    taken = Books(house).sell(sale("", kind="printer"))
    assert [one.problem for one in taken.rejected] == ["empty, and the seller has no agreement with any customer"]
