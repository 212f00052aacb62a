"""`python -m tests.faults.cells [--cells 3] [--stations 300] [--each 20] [--write docs/scaling.md]`: a cell is killed.

Each cell is a mosquitto with an intake of its own; all write into one PostgreSQL. The stations, and a real agent, have
the list of all brokers. When a third has arrived the first cell is killed for good. Everything must arrive once.
Exits 1 if anything is wrong. Needs mosquitto and PostgreSQL.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import keys
from agent.certificates.jws import thumbprint
from benchmarks.collector_receipts import certificates_of
from benchmarks.crowd import Crowd, Member
from tests.collector.conftest import Broker, Collector, wait_for
from tests.collector.house import enrolled_by
from tests.faults.__main__ import replace_between
from tests.faults.field import BROKEN, CHANGED, STORED, TWICE, Part, Server, Station

BEGIN, END = "<!-- cells: begin -->", "<!-- cells: end -->"
LONGEST_S = 600.0


class Cell:
    """A broker, and an intake that hears it."""

    def __init__(self, folder: Path, name: str, database: str) -> None:
        (folder / name).mkdir()
        self.broker = Broker(folder / name)
        self.collector = Collector(folder, self.broker.port, database=database, name=name)
        self.collector.write()
        self._intake = Part(self.collector, "intake")

    def start(self) -> None:
        """Let the intake hear."""
        self._intake.start()

    def kill(self) -> None:
        """`kill -9` of both."""
        self._intake.kill()
        self.broker.kill()


@dataclass(frozen=True)
class Found:
    """What came of it. `wrong`: rows with other bytes than signed, or out of their chain."""

    made: int
    stored: int
    lost: int
    twice: int
    wrong: int
    unproven: int
    duplicates: int
    seconds: float

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.twice or self.wrong or self.unproven or self.stored != self.made)


class Cells:
    """All of it, in a folder of its own: one `keys` for all cells, so that any receipt is believed."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="benchwipe-cells-", dir="/var/tmp"))
        (self.folder / "pg").mkdir()
        self.folder.chmod(0o755)
        self.server = Server(sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1], self.folder / "pg")
        self.server.start()
        self.cells = [Cell(self.folder, f"cell-{n}", self.server.url) for n in range(self._count)]
        self.ports = [cell.broker.port for cell in self.cells]
        self.cells[0].collector.command("key", "show")
        receipt = keys.load(self.folder / "keys" / "receipt.key").public_key()
        self.trusted = {thumbprint(receipt): receipt}
        self.agent = Station(self.folder, ",".join(map(str, self.ports)), self.folder / "keys" / "receipt.key")
        return self

    def __exit__(self, *_: object) -> None:
        self.agent.kill()
        for cell in self.cells:
            cell.kill()
        self.server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def members(self, stations: int, each: int) -> list[Member]:
        """Stations that are enrolled, each with a list that begins at its own cell."""
        found = []
        with self.cells[0].collector.database_open():
            enrolled_by("bench-01", self.agent.key)
            for n in range(stations):
                name, key = f"sim-{n:04d}", Ed25519PrivateKey.generate()
                enrolled_by(name, key)
                own = n % len(self.ports)
                ports = [*self.ports[own:], *self.ports[:own]]
                found.append(Member(name, ports, certificates_of(name, key, each), self.trusted))
        return found

    def query(self, sql: str) -> list[tuple[str, ...]]:
        """Rows, as PostgreSQL itself has them."""
        with psycopg.connect(self.server.url) as connection:
            return connection.execute(sql.encode()).fetchall()


def prove(cells: int, stations: int, each: int) -> Found:
    """Kill the first of the cells while certificates come in."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Cells(cells) as one:
        members = one.members(stations, each)
        for cell in one.cells:
            cell.start()
        one.agent.start(0.2)
        crowd, began = Crowd(members), time.monotonic()

        def a_third() -> bool:
            return sum(len(member.waits) for member in members) >= stations * each / 3 and bool(one.agent.answered())

        assert crowd.run(a_third, LONGEST_S), "a third has arrived"
        one.cells[0].kill()
        crowd.run(lambda: all(member.done for member in members), LONGEST_S)
        seconds = time.monotonic() - began
        finish(one.agent)
        crowd.close()
        return account(one, members, seconds)


def finish(agent: Station) -> None:
    """Wait until the real agent has receipts of another cell, for all that it made."""
    before = agent.made()
    wait_for(lambda: agent.answered() - before, LONGEST_S, "the agent has a receipt of another cell")
    agent.kill()
    agent.start(0)
    wait_for(lambda: not agent.waiting(), LONGEST_S, "the agent's outbox is empty")


def account(one: Cells, members: list[Member], seconds: float) -> Found:
    """Hold what was signed against the database."""
    made = {c.id for member in members for c in member.certificates} | one.agent.made()
    stored = {row[0] for row in one.query(STORED)}
    return Found(
        made=len(made),
        stored=len(stored),
        lost=len(made - stored),
        twice=sum(len(one.query(sql)) for sql in TWICE),
        wrong=len(one.query(CHANGED)) + len(one.query(BROKEN)),
        unproven=sum(member.unproven for member in members),
        duplicates=sum(member.results["duplicate"] for member in members),
        seconds=seconds,
    )


def told(found: Found, command: str) -> str:
    """Markdown."""
    lines = (
        f"`{command}`, {found.seconds:.0f} s: the first cell was killed",
        f"for good when a third had arrived. {found.made} certificates and statements were signed, {found.stored} are",
        f"stored: {found.lost} lost, {found.twice} twice, {found.wrong} changed or out of their chain,",
        f"{found.unproven} receipts of another key. {found.duplicates} were duplicates at a second cell, because their",
        "receipts died with the first.",
    )
    return "\n".join(lines)


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.cells", description=__doc__)
    parser.add_argument("--cells", type=int, default=3)
    parser.add_argument("--stations", type=int, default=300)
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    found = prove(options.cells, options.stations, options.each)
    command = (
        f"python -m tests.faults.cells --cells {options.cells} --stations {options.stations} --each {options.each}"
    )
    text = told(found, command)
    print(text)
    if options.write:
        replace_between(options.write, BEGIN, END, text)
    return int(not found.clean)


if __name__ == "__main__":
    sys.exit(main())
