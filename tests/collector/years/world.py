"""A collector that runs, and the year driven through it by its commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from click.testing import CliRunner

from collector.cli import main
from collector.demo.driving import Driver
from collector.demo.plan import Quarter, Town, Year, plan
from collector.demo.stations import Station, deliver
from collector.demo.towns import KOLDING, ODENSE
from collector.moments import today
from tests.collector.conftest import Collector

SMALL_KOLDING = replace(KOLDING, computers=30, tablets=16, phones=14)
SMALL_ODENSE = replace(ODENSE, computers=34, tablets=12, phones=14)


class Words:
    """Runs commands in this process, over a collector's configuration, and keeps what they said."""

    def __init__(self, config: Path) -> None:
        self._config = str(config)
        self.said: list[tuple[tuple[str, ...], int, str]] = []

    def __call__(self, words: Sequence[str]) -> tuple[int, str]:
        done = CliRunner().invoke(main, [*words, "--config", self._config])
        self.said.append((tuple(words), done.exit_code, done.stderr))
        if done.exit_code not in (0, 1) or (done.exception and not isinstance(done.exception, SystemExit)):
            raise AssertionError(f"{' '.join(words)}: {done.exit_code}: {done.output}") from done.exception
        return done.exit_code, done.stdout


def years(towns: Sequence[Town], on: date | None = None) -> list[Year]:
    return [plan(town, on or today()) for town in towns]


def drive(collector: Collector, towns: Sequence[Town], folder: Path) -> tuple[Driver, list[Year], list[Station]]:
    """The whole year of these towns."""
    driver = Driver(Words(collector.config), folder, partial(deliver, collector.broker_port))
    planned = years(towns)
    stations = [Station(town) for town in towns]
    driver.prepare(planned)
    for year, station in zip(planned, stations, strict=True):
        driver.hand_over(year, station)
        driver.destroy(year)
        driver.sell_and_settle(year)
        driver.close(year)
    return driver, planned, stations


def ends(quarter: Quarter) -> date:
    """The day on which a quarter is over, also where that is still to come."""
    month = quarter.first.month + 3
    return date(quarter.first.year + (month > 12), (month - 1) % 12 + 1, 1) - timedelta(days=1)
