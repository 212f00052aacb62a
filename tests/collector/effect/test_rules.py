"""What a year's reuse came to: each unit once, each figure by hand, and factors that cannot be read are no factors."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.effect import rules, services
from collector.effect.errors import FactorProblem
from collector.effect.factors import FactorSet, read_factors
from collector.effect.rules import Facts, Range, Sale, Scrapped, make_report

SET = """
version = "t-1"
title = "Test"
[source.a]
title = "A"
year = 2023
licence = "CC0"
[[factor]]
what = "displacement"
kind = "*"
unit = "bp"
low = 5000
mid = 7000
high = 10000
source = "a"
"""
ROWS = {
    "production": ("g", 176530, 235870, 281420),
    "refurbishing": ("g", 2000, 5000, 15000),
    "expected_life": ("months", 48, 48, 60),
    "credited_life": ("months", 24, 36, 48),
    "mass": ("g", 1400, 1650, 2040),
}


def factor_text(**changes: tuple[str, int, int, int]) -> str:
    rows = ""
    for what, (unit, low, mid, high) in {**ROWS, **changes}.items():
        rows += f'[[factor]]\nwhat = "{what}"\nkind = "laptop"\nunit = "{unit}"\n'
        rows += f'low = {low}\nmid = {mid}\nhigh = {high}\nsource = "a"\n'
    return SET + rows


def factors(**changes: tuple[str, int, int, int]) -> FactorSet:
    return read_factors(factor_text(**changes).encode(), where="t")


def sale(unit: str = "1", day: str = "2026-03-01", **more: object) -> Sale:
    told = {"kind": "laptop", "country": "DK", **more}
    return Sale(unit=unit, sold_on=date.fromisoformat(day), **told)  # type: ignore[arg-type]


def report(*sales: Sale, year: int = 2026, **more: object) -> rules.Report:
    return make_report(Facts(customer="K", year=year, sales=sales, **more), factors())  # type: ignore[arg-type]


def test_one_laptop_is_what_a_hand_calculates() -> None:
    """235.87 kg x 0.7 x 36/48 - 5 = 118.8; low 176.53 x 0.5 x 24/60 - 15 = 20.3; high 281.42 x 1 x 48/48 - 2."""
    made = report(sale())
    assert made.avoided("eu") == Range(20_300, 118_800, 279_400)
    assert made.kept("eu") == Range(1400, 1650, 2040)


def test_a_total_is_the_sum_of_its_rows_and_three_hundred_kilograms_are_never_reached() -> None:
    made = report(*(sale(str(n)) for n in range(1200)))
    assert made.avoided("eu") == Range(20_300, 118_800, 279_400).times(1200)
    each = made.reuse[0].each_g
    assert each is not None
    assert each.high < 300_000


def test_a_unit_counts_once_in_the_year_of_its_first_sale_that_stands() -> None:
    twice = (sale("1", "2026-12-30"), sale("1", "2027-01-02"))
    assert report(*twice).units("eu") == 1
    assert report(*twice, year=2027).units("eu") == 0
    assert report(*reversed(twice), year=2027).units("eu") == 0


def test_a_sale_outside_the_union_stands_apart_and_is_in_no_sum() -> None:
    made = report(sale("1", country="NO"), sale("2", country="de"), sale("3", country="GB"), sale("4"))
    assert (made.units("eu"), made.units("outside_eu")) == (2, 2)
    assert made.avoided("eu") == Range(20_300, 118_800, 279_400).times(2)


def test_a_kind_without_a_factor_is_counted_and_credited_with_nothing() -> None:
    made = report(sale("1", kind="printer"), sale("line:1", kind="laptop", quantity=3, identified=False))
    rows = {row.kind: row for row in made.reuse}
    assert (rows["printer"].units, rows["printer"].avoided_g) == (1, None)
    assert (rows["laptop"].units, rows["laptop"].without_identity) == (3, 3)
    assert made.avoided("eu") == Range(20_300, 118_800, 279_400).times(3)


def test_what_was_scrapped_is_weighed_and_credited_with_nothing() -> None:
    gone = (Scrapped(unit="1", kind="laptop", grams=1500), Scrapped(unit="2", kind="laptop"))
    made = report(scrapped=gone)
    assert made.avoided("eu") == Range()
    assert [(row.units, row.weighed_g, row.not_weighed) for row in made.scrap] == [(2, 1500, 1)]


def test_a_low_figure_below_nothing_is_shown_as_it_is() -> None:
    made = make_report(Facts(customer="K", year=2026, sales=(sale(),)), factors(refurbishing=("g", 0, 5000, 90_000)))
    assert made.avoided("eu").low == -54_700  # 35306 - 90000 g, rounded half-up on its magnitude


def test_nobody_is_credited_with_more_years_than_a_new_unit_lives() -> None:
    made = make_report(Facts(customer="K", year=2026, sales=(sale(),)), factors(credited_life=("months", 24, 36, 480)))
    assert made.avoided("eu").high == 279_400


def test_the_same_facts_in_another_order_have_the_same_hash_and_others_another() -> None:
    one, two = sale("1"), sale("2", "2026-05-05")
    assert report(one, two).input_sha256 == report(two, one).input_sha256
    assert report(one, two).input_sha256 != report(one).input_sha256
    assert report(one).input_sha256 != report(one, year=2027).input_sha256


whole = st.integers(0, 10**7)


@given(st.tuples(whole, whole, whole), st.tuples(whole, whole, whole), st.lists(st.integers(1, 400), min_size=3))
def test_any_factors_give_a_range_that_rises_and_equals_the_formula_in_fractions(
    production: tuple[int, int, int], refurbishing: tuple[int, int, int], months: list[int]
) -> None:
    made, less = sorted(production), sorted(refurbishing)
    life = sorted(months[:3])
    found = rules.avoided_each(
        factors(production=("g", *made), refurbishing=("g", *less), expected_life=("months", *life)),  # type: ignore[arg-type]
        "laptop",
    )
    assert found is not None
    assert found.low <= found.mid <= found.high
    share = Fraction(7, 10) * min(Fraction(36, life[1]), Fraction(1))
    exact = made[1] * share - less[1]
    assert abs(Fraction(found.mid) - exact) <= 50  # a tenth of a kilogram, rounded once


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("version = 1", "version"),
        (SET.replace("mid = 7000", "mid = 4000"), "do not rise"),
        (SET.replace("high = 10000", "high = 10001"), "more than one new unit"),
        (SET.replace('unit = "bp"', 'unit = "g"'), "unit 'g'"),
        (SET.replace('source = "a"', 'source = "b"'), "no [source.b]"),
        (SET + SET.partition("[[factor]]")[1] + SET.partition("[[factor]]")[2], "twice"),
        (factor_text(expected_life=("months", 0, 1, 2)), "0 months"),
        (SET.replace("mid = 7000", "mid = 0.7"), "mid"),
        ("\xff", "version"),
        ("a = [" * 400, "not valid TOML"),
    ],
)
def test_a_set_that_contradicts_itself_is_refused_by_name(text: str, told: str) -> None:
    with pytest.raises(FactorProblem) as problem:
        read_factors(text.encode("latin-1"), where="t")
    assert problem.value.code == "BW-C80"
    assert told in str(problem.value) or "TOML" in str(problem.value)


def test_the_shipped_set_names_a_source_year_and_licence_for_every_row() -> None:
    shipped = services.shipped()
    assert all(shipped.source[row.source].licence and shipped.source[row.source].year for row in shipped.factor)
    assert not any(shipped.lacks(kind) for kind in ("laptop", "desktop", "tablet", "phone", "monitor", "server"))
    laptop = shipped.find("production", "laptop")
    assert laptop is not None
    assert laptop.mid == 235_870  # the median, not the sellers' 300 kg
    assert msgspec.json.encode(rules.avoided_each(shipped, "laptop")) == b'{"low":20300,"mid":118800,"high":279400}'
