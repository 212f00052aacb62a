"""The rules of money against an independent calculation in exact fractions that shares no code with them."""

from __future__ import annotations

import math
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.trade.rules import balance, days, drives, money, shares, terms
from collector.trade.rules.days import Length
from collector.trade.rules.shares import Sold
from collector.trade.rules.terms import Rate, ShareBase, Terms, VatMode

ORE = st.integers(0, 10**9)
BP = st.integers(0, 10_000)
MODES = st.sampled_from(terms.VAT_MODES)
BASES = st.sampled_from([base for base in terms.SHARE_BASES if base != "fixed"])
DAY = date(2026, 1, 1)


def rounded(exact: Fraction) -> int:
    """Half away from zero, said in another way than the program says it."""
    whole = math.floor(abs(exact))
    up = abs(exact) - whole >= Fraction(1, 2)
    return int(math.copysign(1, exact)) * (whole + up) if exact else 0


def expected(base: str, mode: str, price: int, costs: int, bp: int) -> Fraction:
    """The share by solving for it: s = x * (P - VAT - C), with margin VAT a fifth of what is left after the share."""
    x, p, c = Fraction(bp, 10_000), Fraction(price), Fraction(costs if base == "net_costs" else 0)
    if base == "gross" or mode in ("export", "none"):
        return max(Fraction(0), x * (p - c))
    if mode == "margin" and base != "net_standard":
        # s = x * (P - (P - s) / 5 - C)  <=>  s * (1 - x / 5) = x * (4 P / 5 - C)
        return max(Fraction(0), x * (p * Fraction(4, 5) - c) / (1 - x / 5))
    return max(Fraction(0), x * (p * Fraction(4, 5) - c))


@given(BASES, MODES, ORE, ORE, BP)
def test_a_share_is_what_fractions_say_rounded_once(
    base: ShareBase, mode: VatMode, price: int, costs: int, bp: int
) -> None:
    found = shares.share_of(Sold(price, mode, costs), base, Rate(kind="*", share_bp=bp))
    assert found.amount_ore == rounded(expected(base, mode, price, costs, bp))


@pytest.mark.parametrize(
    ("base", "mode", "bp", "ore"),
    [
        ("gross", "margin", 4000, 60_000),
        ("gross", "margin", 6500, 97_500),
        ("net_standard", "standard", 4000, 48_000),
        ("net_standard", "margin", 4000, 48_000),
        ("net_margin", "margin", 4000, 52_174),
        ("net_margin", "margin", 5000, 66_667),
        ("net_margin", "margin", 6500, 89_655),
        ("net_margin", "standard", 4000, 48_000),
        ("net_margin", "export", 4000, 60_000),
        ("net_standard", "none", 4000, 60_000),
    ],
)
def test_the_worked_lines_of_a_laptop_for_1500_kroner(base: ShareBase, mode: VatMode, bp: int, ore: int) -> None:
    assert shares.share_of(Sold(150_000, mode), base, Rate(kind="laptop", share_bp=bp)).amount_ore == ore


@given(BASES, MODES, ORE, ORE, BP)
def test_the_printed_base_times_the_percentage_is_the_share_within_an_ore(
    base: ShareBase, mode: VatMode, price: int, costs: int, bp: int
) -> None:
    found = shares.share_of(Sold(price, mode, costs), base, Rate(kind="*", share_bp=bp))
    assert abs(Fraction(found.base_ore * bp, 10_000) - found.amount_ore) <= 1


@given(ORE, st.integers(1, 50), ORE, BP)
def test_a_floor_counts_per_piece_and_falls_away_with_the_whole_price(price: int, n: int, floor: int, bp: int) -> None:
    rate = Rate(kind="*", share_bp=bp, floor_ore=floor)
    assert shares.share_of(Sold(price, "none", quantity=n), "gross", rate).amount_ore == max(
        rounded(Fraction(price * bp, 10_000)), floor * n
    )
    assert shares.share_of(Sold(0, "none", quantity=n), "gross", rate).amount_ore == floor * n, "a donation keeps it"
    assert shares.share_of(Sold(0, "none", quantity=n, adjusted=True), "gross", rate).amount_ore == 0


def test_a_price_list_pays_per_piece_and_nothing_for_what_came_back() -> None:
    rate = Rate(kind="phone", fixed_ore=12_345, floor_ore=5)
    assert shares.share_of(Sold(99, "margin", quantity=3), "fixed", rate).amount_ore == 37_035
    assert shares.share_of(Sold(0, "margin", adjusted=True, reversed_=True), "fixed", rate).amount_ore == 0
    assert shares.share_of(Sold(40, "margin", adjusted=True, reversed_=True), "fixed", rate).amount_ore == 0


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_what_is_taken_back_is_exactly_what_was_given(above: int, below: int) -> None:
    assert money.half_up(above, below) == rounded(Fraction(above, below))
    assert money.half_up(-above, below) == -money.half_up(above, below)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_a_bulk_price_is_shared_out_to_the_last_ore_by_largest_remainder(total: int, weights: list[int]) -> None:
    parts = money.shared_out(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    exact = [Fraction(total * w, whole) if whole else Fraction(total, len(weights)) for w in weights]
    rests = [e - math.floor(e) for e in exact]
    assert all(p - math.floor(e) in (0, 1) for p, e in zip(parts, exact, strict=True))
    up = {i for i, (p, e) in enumerate(zip(parts, exact, strict=True)) if p > math.floor(e)}
    down = set(range(len(parts))) - up
    assert all(rests[i] > rests[j] or (rests[i] == rests[j] and i < j) for i in up for j in down), "ties: file's order"


@given(st.lists(st.tuples(st.integers(-(10**7), 10**7), st.sampled_from([0, 600, 2500])), max_size=30), ORE)
def test_vat_is_computed_for_each_rate_on_the_sum_of_its_lines(lines: list[tuple[int, int]], opening: int) -> None:
    vat = sum(rounded(Fraction(sum(a for a, b in lines if b == bp) * bp, 10_000)) for bp in {b for _, b in lines})
    fees = [(-abs(a), b) for a, b in lines]
    for set_off in (False, True):
        found = balance.sums(lines, fees, opening=-opening, set_off=set_off)
        assert found.share_vat_ore == vat
        assert found.fees_ore <= 0
        assert found.fees_vat_ore <= 0
        whole = -opening + found.share_ore + vat + (found.fees_ore + found.fees_vat_ore if set_off else 0)
        assert (found.payable_ore, found.closing_ore) == (max(whole, 0), min(whole, 0))
        assert found.payable_ore + found.closing_ore == whole


@given(st.lists(st.tuples(st.dictionaries(st.sampled_from([0, 2500]), st.integers(-(10**6), 10**6)))))
def test_corrections_are_cumulative(history: list[tuple[dict[int, int]]]) -> None:
    """However often it is settled meanwhile, what was booked in the end is what is due."""
    booked: dict[int, int] = {}
    for (due,) in history:
        for vat, amount in balance.still_to_book(due, booked).items():
            assert amount != 0
            booked[vat] = booked.get(vat, 0) + amount
        assert {vat: a for vat, a in booked.items() if a} == {vat: a for vat, a in due.items() if a}


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.sampled_from(["month", "quarter"]))
def test_periods_follow_each_other_without_a_hole(day: date, length: Length) -> None:
    period = days.period_of(day, length)
    assert period.holds(day)
    assert days.period_named(period.name) == period
    assert period.next().first == period.last + timedelta(days=1)
    assert period.next().length == length == period.length


@pytest.mark.parametrize(
    "name", ["2026", "2026-13", "2026-00", "2026-Q0", "2026-Q5", "2026-1", "26-Q1", "2026-Q1 ", "0000-01"]
)
def test_what_is_no_period_is_none(name: str) -> None:
    assert days.period_named(name) is None


def test_a_day_is_a_danish_one() -> None:
    assert days.local_day(days.begins(date(2026, 7, 1))) == date(2026, 7, 1)
    assert days.local_day(days.begins(date(2026, 7, 1)) - timedelta(seconds=1)) == date(2026, 6, 30)
    assert days.begins(date(2026, 7, 1)).isoformat() == "2026-06-30T22:00:00+00:00"


def test_a_sale_counts_on_the_day_that_was_agreed_on() -> None:
    sold, paid = date(2026, 3, 20), date(2026, 4, 2)
    assert days.recognised_on("sold", sold, paid, 14) == sold
    assert days.recognised_on("paid", sold, paid, 14) == paid
    assert days.recognised_on("paid", sold, None, 14) is None
    assert days.recognised_on("return_window", sold, None, 14) == date(2026, 4, 4)


def test_the_most_exact_rate_counts() -> None:
    rates = [
        Rate(kind=k, grade=g, share_bp=n)
        for n, (k, g) in enumerate([("*", "*"), ("*", "A"), ("laptop", "*"), ("laptop", "A")])
    ]
    asked = [("laptop", "A"), ("laptop", "B"), ("phone", "A"), ("phone", ""), ("laptop", "")]
    assert [getattr(terms.rate_for(rates, *one), "share_bp", None) for one in asked] == [3, 2, 1, 0, 2]
    assert terms.rate_for(rates[3:], "laptop", "") is None


def agreed(**more: Any) -> Terms:  # noqa: ANN401
    return Terms(valid_from=DAY, share_base="gross", **more)


def fact(outcome: str = "erased", **more: Any) -> drives.DriveFacts:  # noqa: ANN401
    return drives.DriveFacts(
        more.pop("drive", "d"), outcome, more.pop("day", DAY), more.pop("certificate", "c"), **more
    )


@pytest.mark.parametrize(
    ("facts", "how", "why"),
    [
        (fact(), agreed(), None),
        (fact(day=DAY + timedelta(days=1)), agreed(), "later"),
        (fact("failed"), agreed(), "failed"),
        (fact("failed", destroyed_on=DAY), agreed(), None),
        (fact("aborted"), agreed(), "not_erased"),
        (fact("unread"), agreed(), "unread"),
        (fact("unread"), agreed(unread_allowed=True), None),
        (fact("attested"), agreed(), "attested"),
        (fact("attested"), agreed(attested_allowed=True), None),
        (fact(), agreed(validation="required"), "not_accepted"),
        (fact(decision="accepted", decided_on=DAY), agreed(validation="required"), None),
        (fact(decision="accepted", decided_on=DAY + timedelta(days=1)), agreed(validation="required"), "later"),
        (fact(decision="rejected", decided_on=DAY), agreed(), "rejected"),
    ],
)
def test_no_data_no_sale(facts: drives.DriveFacts, how: Terms, why: str | None) -> None:
    assert drives.sale_refused(drives.UnitFacts((facts,), 1), how, DAY) == why


def test_a_unit_is_sold_when_every_drive_is_accounted_for() -> None:
    two = (fact(drive="a"), fact("attested", drive="b"))
    assert drives.sale_refused(drives.UnitFacts(two[:1], None), agreed(), DAY) == "not_counted"
    assert drives.sale_refused(drives.UnitFacts(two[:1], 2), agreed(), DAY) == "drives_missing"
    assert drives.sale_refused(drives.UnitFacts(two, 2), agreed(), DAY) == "attested"
    assert drives.sale_refused(drives.UnitFacts(two, 1), agreed(attested_allowed=True), DAY) == "too_many"
    assert drives.sale_refused(drives.UnitFacts((), 0), agreed(), DAY) is None


def test_the_dearest_outcome_of_a_units_drives_is_its_fee() -> None:
    rate = Rate(kind="*", fee_erased_ore=7500, fee_attested_ore=3000, fee_destroyed_ore=9000)
    found = drives.account_unit(
        drives.UnitFacts((fact(drive="a"), fact("failed", drive="b", destroyed_on=DAY + timedelta(days=9))), 2),
        agreed(),
    )
    assert isinstance(found, tuple)
    assert drives.fee_ore(drives.dearest(found, rate).came, rate) == 9000
