from __future__ import annotations

from pathlib import Path

from tests.collector.conftest import Collector
from tests.collector.years.world import SMALL, drive


def test_a_year(collector: Collector, tmp_path: Path) -> None:
    driver, planned, stations = drive(collector, list(SMALL.values()), tmp_path)
    for year in planned:
        told = driver.document("reconcile", "--customer", year.town.name)
        print(told["counts"])
        e = driver.document("effect", "--customer", year.town.name, "--year", "2026")
        print(e["units"], e["avoided_g"])
        for s in driver.told.settlements[year.town.name]:
            print({k: v for k, v in s.items() if k != "lines"}, len(s["lines"]))
    a = driver.document("audit")
    for i in a["invariants"]:
        print(i)
    raise SystemExit
