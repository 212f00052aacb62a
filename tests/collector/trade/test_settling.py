"""From sales and certificates to a settlement: what is due, when, and in which section it is printed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import jws
from collector import moments
from collector.trade import closing, documents_kept, settling, statement
from collector.trade.documents import making
from collector.trade.errors import NotSo
from collector.trade.models import Agreement, Period, Settlement
from collector.trade.rules.days import Period as Days
from collector.trade.rules.days import period_named
from tests.collector.house import House
from tests.collector.trade.books import ACTOR, Books, at, sale, version
from tests.collector.trade.test_rules import rounded

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def books(house: House) -> Books:
    return Books(house)


def named(name: str) -> Days:
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


def closed(books: Books, agreement: Agreement, period: str) -> dict[str, Any]:
    """Close a period without its documents' process: another test closes with it."""
    closing.close(ACTOR, agreement, named(period), books.ours)
    found = documents_kept.closed_document(agreement, named(period))
    assert found is not None
    return found


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign in this process, and make no paper: what is settled is asked here, not how it is painted."""

    def make(made: Any, **told: Any) -> dict[str, bytes]:  # noqa: ANN401 - a draft
        document = made.document(state="closed", **told)
        return {"jws": jws.sign(msgspec.json.encode(document), KEY, typ=statement.TYPE, most=statement.LARGEST_BYTES)}

    monkeypatch.setattr(making, "make", make)


@pytest.mark.usefixtures("quick")
def test_a_correction_is_what_is_due_now_less_what_was_booked(books: Books) -> None:
    agreement = books.agree(version(base="net_margin"))
    books.unit("SERIAL1")
    books.sell(sale("SERIAL1", 149_999))
    first = closed(books, agreement, "2026-01")
    books.sell(sale("SERIAL1", -33_333, event="refund", external_id="E1", sold_on="2026-02-03"))
    second = closed(books, agreement, "2026-02")
    due = rounded(Fraction(4 * 4000 * (149_999 - 33_333), 50_000 - 4000))
    assert lines(second, "correction") == [("SERIAL1", due - first["share_ore"])]
    assert second["lines"][0]["corrects"] == {"number": 1, "line": 1}
    books.sell(sale("SERIAL1", -116_666, event="refund", external_id="E2", sold_on="2026-03-03"))
    third = closed(books, agreement, "2026-03")
    assert first["share_ore"] + second["share_ore"] + third["share_ore"] == 0, "refunded to nothing: exactly nothing"
    assert (third["opening_ore"], third["closing_ore"]) == (second["closing_ore"], second["closing_ore"] - due)
    assert third["previous_sha256"] == Settlement.unfiltered.get(number=2).document_sha256


@pytest.mark.usefixtures("quick")
def test_a_unit_that_came_back_is_sold_again(books: Books) -> None:
    agreement = books.agree(version(rates="floor_ore = 1000"))
    unit = books.unit("SERIAL1")
    books.sell(sale("SERIAL1"))
    assert books.sell(sale("SERIAL1", reference="R-2")).rejected, "nobody sells twice what is not there"
    closed(books, agreement, "2026-01")
    books.sell(sale("SERIAL1", -150_000, event="return", external_id="E1", sold_on="2026-02-03"))
    unit.refresh_from_db()
    assert unit.disposal == "stock"
    assert books.sell(sale("SERIAL1", 100_000, reference="R-2", sold_on="2026-02-09")).new == 1
    told = draft(agreement, "2026-02")
    assert lines(told, "correction") == [("SERIAL1", -60_000)]
    assert lines(told, "sale") == [("SERIAL1", 40_000)]


def test_what_came_back_within_the_period_is_no_line_and_a_gift_keeps_its_guarantee(books: Books) -> None:
    agreement = books.agree(version(rates="floor_ore = 1000"))
    for serial in ("SERIAL1", "SERIAL2", "SERIAL3"):
        books.unit(serial)
    books.sell(
        sale("SERIAL1"),
        sale("SERIAL1", -150_000, event="return", external_id="E1"),
        sale("SERIAL2", 0, channel="donation"),
        sale("SERIAL3", 100),
        sale("SERIAL3", -100, event="refund", external_id="E2"),
    )
    told = draft(agreement, "2026-01")
    assert lines(told, "sale") == [("SERIAL2", 1000), ("SERIAL3", 0)]
    assert ("SERIAL1", 0) in lines(told, "unsold")


@pytest.mark.parametrize(("how", "period"), [("sold", "2026-01"), ("paid", "2026-03"), ("return_window", "2026-02")])
def test_a_sale_counts_in_the_period_of_the_agreed_day(books: Books, how: str, period: str) -> None:
    agreement = books.agree(version(recognise=how))
    books.unit("SERIAL1")
    books.sell(sale("SERIAL1", sold_on="2026-01-20", paid_on="2026-03-01"))
    found = [month for month in ("2026-01", "2026-02", "2026-03") if lines(draft(agreement, month), "sale")]
    assert found == [period]


def test_the_day_of_the_sale_rules_the_share_and_the_day_of_the_certificate_the_fee(books: Books) -> None:
    newer = version("2026-03-01").replace("share_bp = 4000", "share_bp = 6000").replace("7500", "9900")
    agreement = books.agree(version(), newer)
    books.unit("SERIAL1", erased_on="2026-02-28")
    books.unit("SERIAL2", erased_on="2026-03-01")
    books.sell(sale("SERIAL1", 1000, sold_on="2026-03-01"), sale("SERIAL2", 1000, sold_on="2026-03-02"))
    told = draft(agreement, "2026-Q1")
    assert lines(told, "sale") == [("SERIAL1", 600), ("SERIAL2", 600)]
    assert lines(told, "fee") == [("SERIAL1", -7500), ("SERIAL2", -9900)]
    assert told["versions"] == ["2026-01-01", "2026-03-01"]


@pytest.mark.usefixtures("quick")
def test_the_dearest_outcome_is_charged_once_when_the_last_drive_is_accounted_for(books: Books) -> None:
    agreement = books.agree()
    unit = books.unit("SERIAL1", drives=2, erased_on=None)
    books.link(unit, "D1", "2026-01-05")
    broken = books.link(unit, "D2", "2026-01-05", "failed")
    assert lines(draft(agreement, "2026-01"), "fee") == [], "a failed drive stays open"
    broken.destroyed_at = at("2026-02-10")
    broken.save()
    assert lines(draft(agreement, "2026-01"), "fee") == []
    assert lines(closed(books, agreement, "2026-02"), "fee") == [("SERIAL1", -9000)]
    books.link(unit, "D1", "2026-03-05")
    assert lines(draft(agreement, "2026-03"), "correction") == [], "erased again in the same lot: free"


@pytest.mark.usefixtures("quick")
def test_a_fee_whose_certificate_is_taken_away_is_given_back(books: Books) -> None:
    agreement = books.agree()
    unit = books.unit("SERIAL1")
    closed(books, agreement, "2026-01")
    unit.links.update(ended_at=at("2026-02-01"))
    told = draft(agreement, "2026-02")
    assert lines(told, "correction") == [("SERIAL1", 7500)]
    assert (told["fees_ore"], told["fees_vat_ore"]) == (7500, 1875)
    assert [one["kind"] for one in told["lines"] if one["section"] == "correction"] == ["laptop"]


def test_an_erasure_counts_after_acceptance_where_that_is_agreed_on(books: Books) -> None:
    agreement = books.agree(version(more='validation = "required"'))
    unit = books.unit("SERIAL1", erased_on="2026-01-05")
    assert lines(draft(agreement, "2026-01"), "fee") == []
    link = unit.links.get()
    link.validation = "accepted"
    link.save()
    books.event(unit, "validated", "2026-02-02", certificate=link.certificate_id)
    assert lines(draft(agreement, "2026-02"), "fee") == [("SERIAL1", -7500)]
    assert books.sell(sale("SERIAL1", sold_on="2026-01-20")).rejected[0].column == "identifier"
    assert books.sell(sale("SERIAL1", sold_on="2026-02-02")).new == 1


def test_kinds_that_are_not_itemised_are_printed_as_the_sum_of_their_rounded_lines(books: Books) -> None:
    rates = '[[version.rate]]\nkind = "monitor"\nshare_bp = 3333\nitemised = false'
    agreement = books.agree(version(rates=rates))
    for n in range(7):
        books.unit(f"SCREEN{n}", "monitor", drives=None, erased_on=None)
    books.sell(*(sale(f"SCREEN{n}", 1001 + n, vat_mode="none") for n in range(7)))
    told = draft(agreement, "2026-01")
    whole = sum(rounded(Fraction((1001 + n) * 3333, 10_000)) for n in range(7))
    assert [(one["kind"], one["unit"], one["amount_ore"]) for one in told["lines"]] == [("monitor", None, whole)]
    assert whole != rounded(Fraction(sum(1001 + n for n in range(7)) * 3333, 10_000)), "the total is not recomputed"


def test_what_is_not_sold_is_listed_and_what_is_scrapped_costs_once(books: Books) -> None:
    agreement = books.agree(version(rates="scrap_fee_ore = 2000"))
    books.unit("SERIAL1", received_on="2026-01-02")
    gone = books.unit("SERIAL2", received_on="2026-01-03")
    books.event(gone, "scrapped", "2026-01-30", statement="ab" * 32)
    gone.disposal = "scrapped"
    gone.save()
    made = settling.draft(agreement, named("2026-01"))
    told = made.document()
    assert lines(told, "unsold") == [("SERIAL1", 0)]
    assert lines(told, "scrapped") == [("SERIAL2", -2000)]
    assert [line.extra["statement"] for line in made.lines if line.printed["section"] == "scrapped"] == ["ab" * 32]
    assert told["fees_ore"] == -2 * 7500 - 2000
    assert sum(one["amount_ore"] for one in told["lines"]) == told["share_ore"] + told["fees_ore"]


@pytest.mark.usefixtures("quick")
def test_periods_have_one_length_and_are_closed_in_order_after_their_end(books: Books) -> None:
    agreement = books.agree()
    for serial, day in (("SERIAL1", "2026-01-20"), ("SERIAL2", "2026-03-20")):
        books.unit(serial)
        books.sell(sale(serial, sold_on=day))
    for wrong, why in (("2026-02", "2026-01 comes before"), ("2099-01", "not over yet")):
        with pytest.raises(NotSo, match=why):
            closed(books, agreement, wrong)
    assert not Settlement.unfiltered.exists()
    closed(books, agreement, "2026-01")
    for wrong, why in (("2026-03", "2026-02 comes before"), ("2026-Q1", "by the month"), ("2026-01", "closed already")):
        with pytest.raises(NotSo, match=why):
            closed(books, agreement, wrong)
    assert closed(books, agreement, "2026-02")["number"] == 2
    assert closed(books, agreement, "2026-03")["number"] == 3


@pytest.mark.usefixtures("quick")
def test_a_sale_that_is_told_late_stands_under_sales_of_the_next_open_period(books: Books) -> None:
    agreement = books.agree()
    books.unit("SERIAL1")
    books.unit("SERIAL2")
    books.sell(sale("SERIAL1"))
    closed(books, agreement, "2026-01")
    books.sell(sale("SERIAL2", sold_on="2026-01-21"))
    made = settling.draft(agreement, named("2026-02"))
    assert lines(made.document(), "sale") == [("SERIAL2", 60_000)]
    assert [line.extra["late"] for line in made.lines if line.printed["section"] == "sale"] == [True]


@pytest.mark.usefixtures("quick")
def test_services_are_set_off_only_where_that_is_agreed_and_a_debt_is_carried_on(books: Books) -> None:
    agreement = books.agree(version(more="set_off = true\nshare_vat_bp = 2500"))
    books.unit("SERIAL1")
    first = closed(books, agreement, "2026-01")
    assert (first["fees_ore"], first["fees_vat_ore"], first["payable_ore"], first["closing_ore"]) == (
        -7500,
        -1875,
        0,
        -9375,
    )
    books.sell(sale("SERIAL1", 150_000, sold_on="2026-02-02"))
    second = closed(books, agreement, "2026-02")
    assert (second["opening_ore"], second["share_vat_ore"]) == (-9375, 15_000)
    assert second["payable_ore"] == -9375 + 60_000 + 15_000


@pytest.mark.usefixtures("quick")
def test_an_objection_without_an_answer_holds_the_closing_up_and_one_that_is_right_reopens(books: Books) -> None:
    agreement = books.agree()
    books.unit("SERIAL1")
    books.sell(sale("SERIAL1"))
    closing.propose(ACTOR, agreement, named("2026-01"))
    row = Period.unfiltered.get()
    with pytest.raises(NotSo, match="only the customer"):
        closing.object_to(ACTOR, row, 1, "too little", books.ours)
    objection = closing.object_to(ACTOR, row, 1, "too little", books.theirs)
    with pytest.raises(NotSo, match="waits for its answer"):
        closed(books, agreement, "2026-01")
    with pytest.raises(NotSo, match="only the seller"):
        closing.answer(ACTOR, objection, "no", books.theirs, upheld=False)
    closing.answer(ACTOR, objection, "you are right", books.ours, upheld=True)
    with pytest.raises(NotSo, match="propose the period anew"):
        closed(books, agreement, "2026-01")
    closing.propose(ACTOR, agreement, named("2026-01"))
    assert closed(books, agreement, "2026-01")["number"] == 1


@pytest.mark.usefixtures("quick")
def test_something_booked_while_the_documents_are_made_makes_them_anew(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement, real, made = books.agree(), making.make, []
    books.unit("SERIAL1")
    books.unit("SERIAL2")
    books.sell(sale("SERIAL1"))

    def make(draft_: Any, **told: Any) -> dict[str, bytes]:  # noqa: ANN401 - a draft
        made.append(draft_.sums.share_ore)
        if len(made) == 1:
            books.sell(sale("SERIAL2"))
        found: dict[str, bytes] = real(draft_, **told)
        return found

    monkeypatch.setattr(making, "make", make)
    assert closed(books, agreement, "2026-01")["share_ore"] == 120_000
    assert made == [60_000, 120_000]


def test_only_the_sellers_finance_closes(books: Books) -> None:
    agreement = books.agree()
    for login in (books.theirs, books.house.person("finance", books.house.organisation("Another"), "another")):
        with pytest.raises(NotSo, match="not of the finance"):
            closing.close(ACTOR, agreement, named("2026-01"), login)


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


def test_nothing_is_settled_before_both_sides_are_bound(books: Books) -> None:
    agreement = books.agree(approve=False)
    for what in (
        lambda: closing.propose(ACTOR, agreement, named("2026-01")),
        lambda: closing.close(ACTOR, agreement, named("2026-01"), books.ours),
    ):
        with pytest.raises(NotSo, match="no version binds"):
            what()


@pytest.mark.usefixtures("quick")
def test_a_clock_that_was_set_back_closes_nothing(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    agreement = books.agree()
    books.unit("SERIAL1")
    closed(books, agreement, "2026-01")
    monkeypatch.setattr(moments, "now", lambda: at("2026-03-02"))
    with pytest.raises(NotSo, match="clock"):
        closed(books, agreement, "2026-02")


@pytest.mark.usefixtures("quick")
def test_a_quarter_takes_the_place_of_months_that_were_only_proposed(books: Books) -> None:
    agreement = books.agree(version(more="unsold_days = 30"))
    books.unit("SERIAL1")
    for month in ("2026-01", "2026-02"):
        closing.propose(ACTOR, agreement, named(month))
    assert closed(books, agreement, "2026-Q1")["number"] == 1
    assert [row.state for row in Period.unfiltered.all()] == ["closed"]
    kept = Settlement.unfiltered.get().lines.get(section="unsold")
    assert (kept.printed["extra"]["age_days"], kept.printed["extra"]["overdue"]) == (88, True)
