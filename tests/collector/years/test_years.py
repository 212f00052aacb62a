"""Every figure of the simulated year equals an independent calculation, from the register to the effect."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from collector.demo.driving import Driver
from collector.demo.plan import Year
from collector.demo.stations import Station
from tests.collector.conftest import Collector
from tests.collector.years.oracle import Oracle, Settled
from tests.collector.years.world import SMALL, drive, ends

FACTORS = Path(__file__).parents[3] / "collector/effect/factor_sets/2026-1.toml"
SUMS = ("share_ore", "share_vat_ore", "fees_ore", "fees_vat_ore", "opening_ore", "payable_ore", "closing_ore")


def oracle_of(driver: Driver, year: Year, station: Station) -> tuple[Oracle, list[Settled]]:
    """Read the year's files, and settle each quarter as it was: what a file told later was not known before."""
    short, folder = year.town.short, driver.folder
    oracle = Oracle(folder / f"agreement-{short}.toml")
    for quarter in year.quarters:
        oracle.register(folder / f"register-{short}-{quarter.name}.csv")
        oracle.received(folder / f"received-{short}-{quarter.name}.csv")
    oracle.certificates(one.compact for one in station.signed)
    for serial, day in driver.told.destroyed.get(short, {}).items():
        oracle.destroyed(serial, day)
    settled = []
    for quarter in year.quarters:
        oracle.sales(folder / f"sales-{short}-{quarter.name}.csv")
        settled.append(oracle.settle(ends(quarter), closing=quarter.over))
    return oracle, settled


def lines_of(document: dict[str, Any]) -> Counter[tuple[str, str]]:
    """Amounts by section and asset tag; what is not itemised stands under no tag."""
    found: Counter[tuple[str, str]] = Counter()
    for line in document["lines"]:
        if line["section"] in ("sale", "fee", "correction"):
            found[line["section"], line["asset_tag"] or ""] += line["amount_ore"]
    return found


def held_against_the_oracle(driver: Driver, planned: list[Year], stations: list[Station]) -> None:
    for year, station in zip(planned, stations, strict=True):
        oracle, settled = oracle_of(driver, year, station)
        documents: list[Any] = driver.told.settlements[year.town.name]
        for quarter, document, own in zip(year.quarters, documents, settled, strict=True):
            where = f"{year.town.name} {quarter.name}"
            assert {name: document[name] for name in SUMS} == {name: getattr(own, name) for name in SUMS}, where
            told = {key: amount for key, amount in lines_of(document).items() if amount}
            assert told == {key: amount for key, amount in own.lines.items() if amount}, where
            assert document["state"] == ("closed" if quarter.over else "proposed")
        counts: Any = driver.document("reconcile", "--customer", year.town.name)["counts"]
        assert {name: count for name, count in counts.items() if count} == dict(oracle.statuses())
        for number in {one.first.year for one in year.quarters}:
            effect: Any = driver.document("effect", "--customer", year.town.name, "--year", str(number))
            own_effect = oracle.effect(number, FACTORS)
            assert effect["units"] == {"eu": 0, "outside_eu": 0, **own_effect["units"]}
            assert effect["avoided_g"] == {"low": 0, "mid": 0, "high": 0, **own_effect["avoided"]["eu"]}
            outside = {"low": 0, "mid": 0, "high": 0, **own_effect["avoided"]["outside_eu"]}
            assert effect["avoided_outside_eu_g"] == outside
    audit: Any = driver.document("audit")
    assert [one["name"] for one in audit["invariants"] if not one["holds"]] == []


def test_a_slice_of_the_year_equals_the_independent_calculation(collector: Collector, tmp_path: Path) -> None:
    held_against_the_oracle(*drive(collector, list(SMALL.values()), tmp_path))
