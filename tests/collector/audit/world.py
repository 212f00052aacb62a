"""A small year in a database of its own, made once: through files and commands, with certificates put straight in."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from agent.certificates.certificate import Certificate
from collector import boot
from collector.demo.driving import Driver
from collector.demo.plan import Year, plan
from collector.demo.stations import Station
from collector.demo.towns import ODENSE
from collector.intake.book import enrolled
from collector.intake.judge import Delivery, judge
from collector.intake.keeping import keep
from collector.moments import today
from collector.settings import load
from tests.collector.house import sqlite_template
from tests.collector.years.world import Words

TOWN = replace(ODENSE, computers=20, tablets=12, phones=4)


@dataclass(frozen=True)
class Small:
    """A folder with its configuration and database, and what was planned."""

    folder: Path
    year: Year
    agreement: str

    @property
    def config(self) -> Path:
        return self.folder / "c.toml"

    def copy(self, folder: Path) -> Small:
        """The same once more, for a test that changes it."""
        for name in ("c.toml", "c.db"):
            shutil.copy(self.folder / name, folder / name)
        shutil.copytree(self.folder / "keys", folder / "keys", dirs_exist_ok=True)
        return replace(self, folder=folder)

    def open(self) -> None:
        boot.boot(load(self.config))


def put(station: str, certificates: Sequence[Certificate]) -> None:
    """Judge and keep certificates as the intake does, without a broker."""
    book = enrolled({station})
    found = [judge(Delivery("t", station, one.id, one.compact), book.of) for one in certificates]
    assert {stored.result for stored in keep(found, book)} == {"stored"}


def _make(*, sold: bool) -> Small:
    folder = Path(tempfile.mkdtemp(prefix="benchwipe-books-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copy(sqlite_template().file, folder / "c.db")
    (folder / "c.toml").write_text('[database]\nurl = "sqlite:///c.db"\n')
    driver = Driver(Words(folder / "c.toml"), folder, put, say=lambda _line: None)
    year = plan(TOWN, today())
    driver.prepare([year])
    driver.hand_over(year, Station(TOWN))
    driver.destroy(year)
    if sold:
        driver.sell_and_settle(year)
    driver.close(year)
    return Small(folder, year, driver.told.agreements[TOWN.name])


@lru_cache(maxsize=1)
def settled() -> Small:
    """A whole year, with three closed settlements."""
    return _make(sold=True)


@lru_cache(maxsize=1)
def handed_over() -> Small:
    """Units that were received and erased, and an agreement; nothing was sold yet."""
    return _make(sold=False)
