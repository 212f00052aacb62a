"""A station, a broker, an intake, a web process and a PostgreSQL, each a process that can be killed and started again.

What each of them holds is told from outside: the collector's tables by SQL, the station's ledger by SQL.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

import psycopg

from agent.certificates import keys
from tests.collector.conftest import Broker, Collector, PostgresServer, wait_for
from tests.faults.kill_account import rows
from tests.patience import SOON_S

REPOSITORY = Path(__file__).resolve().parents[2]
STATION = """
import sys, time
from pathlib import Path
from agent.certificates import keys
from agent.certificates.jws import thumbprint
from tests.agent.uplink.uplink_bench import Bench
state, ports, receipt, pause = Path(sys.argv[1]), sys.argv[2].split(","), Path(sys.argv[3]), float(sys.argv[4])
bench = Bench(state, int(ports[0]))
public = keys.load(receipt).public_key()
bench.trusted[thumbprint(public)] = public
bench.uplink(brokers=tuple("127.0.0.1:" + port for port in ports[1:]))
while pause:
    bench.issue(1)
    for name in bench.state(1):
        print(name, flush=True)
    time.sleep(pause)
time.sleep(3600)
"""
"""The real uplink over a real ledger. Receipts count by the collector's signature alone."""


class Station:
    """Its folder, and its process. `said` names its statements: their rows go with their receipts."""

    def __init__(self, folder: Path, ports: str, receipt: Path) -> None:
        self.state, self.said = folder / "state", folder / "said"
        self.state.mkdir(mode=0o700)
        self.said.touch()
        self.key = keys.load_or_make(self.state)
        self._ports, self._receipt = ports, receipt
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, pause: float) -> None:
        """Run; a certificate and a statement, then a pause. 0: it makes none."""
        words = [str(self.state), self._ports, str(self._receipt), str(pause)]
        with self.said.open("ab") as out:
            self._process = subprocess.Popen([sys.executable, "-c", STATION, *words], stdout=out, cwd=REPOSITORY)

    def kill(self) -> None:
        """`kill -9`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def made(self) -> set[str]:
        """Ids of all certificates and statements that it signed and kept."""
        certificates = {row[0] for row in rows(self.state, "SELECT id FROM certificate")}
        told = self.said.read_text().splitlines(keepends=True)
        return certificates | {line.strip() for line in told if line.endswith("\n")}

    def waiting(self) -> set[str]:
        """Ids of those that have no receipt."""
        return {row[0] for row in rows(self.state, "SELECT id FROM outbox WHERE kind <> 'event'")}

    def answered(self) -> set[str]:
        """Ids of those that it had a receipt for. What waits is read last: what was made before can only leave it."""
        made = self.made()
        return made - self.waiting()


class Server(PostgresServer):
    """The database, which can be killed with everything that works for it."""

    def kill(self) -> None:
        """`kill -9` of the server and each of its processes: what no backend finishes."""
        if self._process is not None:
            for one in [self._process.pid, *children(self._process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Part:
    """One process of the collector alone: `serve --only`."""

    def __init__(self, collector: Collector, name: str) -> None:
        self._collector, self._name = collector, name
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it; it finds broker and database by itself."""
        config = str(self._collector.config)
        words = [sys.executable, "-m", "collector.cli", "serve", "--only", self._name, "--config", config]
        with (self._collector.folder / f"{self._collector.name}.log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, cwd=REPOSITORY)

    def kill(self) -> None:
        """`kill -9` of it and its children."""
        if self._process is not None:
            for one in [self._process.pid, *children(self._process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Field:
    """One of each. `pause`: seconds between two certificates of the station."""

    def __init__(self, pause: float = 0.05) -> None:
        self.pause = pause

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="benchwipe-field-", dir="/var/tmp"))
        (self.folder / "pg").mkdir()
        self.folder.chmod(0o755)
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.server = Server(binaries, self.folder / "pg")
        self.server.start()
        self.broker = Broker(self.folder)
        self.collector = Collector(self.folder, self.broker.port, database=self.server.url)
        self.station = Station(self.folder, str(self.broker.port), self.folder / "keys" / "receipt.key")
        self.collector.enrol("bench-01", self.station.key)
        self.collector.command("key", "show")
        self.intake, self.web = Part(self.collector, "intake"), Part(self.collector, "web")
        for part in (self.intake, self.web):
            part.start()
        self.station.start(self.pause)
        return self

    def __exit__(self, *_: object) -> None:
        for part in (self.station, self.intake, self.web, self.broker, self.server):
            part.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def flows(self, seconds: float = SOON_S) -> None:
        """Wait until something has its receipt that was signed after this moment."""
        before = self.station.made()
        wait_for(lambda: self.station.answered() - before, seconds, "receipts come again")

    def kill(self, victim: str) -> None:
        """Kill one, or `all of them` at once."""
        parts: dict[str, Station | Server | Part | Broker] = {
            "intake": self.intake,
            "web": self.web,
            "broker": self.broker,
            "database": self.server,
            "station": self.station,
        }
        for name in self.named(victim):
            parts[name].kill()

    def start(self, victim: str) -> None:
        """Start what was killed."""
        for name in self.named(victim):
            match name:
                case "database":
                    wait_for(self._database_starts, what="PostgreSQL is there again")
                case "broker":
                    self.broker.start()
                case "station":
                    self.station.start(self.pause)
                case "intake":
                    self.intake.start()
                case _:
                    self.web.start()

    @staticmethod
    def named(victim: str) -> tuple[str, ...]:
        """Say who is killed."""
        return VICTIMS[:-1] if victim == VICTIMS[-1] else (victim,)

    def _database_starts(self) -> bool:
        """It refuses while a process of the killed one still holds its shared memory."""
        try:
            self.server.start()
        except AssertionError:
            return False
        return True

    def query(self, sql: str) -> list[tuple[str, ...]]:
        """Rows, as PostgreSQL itself has them."""
        with psycopg.connect(self.server.url, connect_timeout=10) as connection:
            return connection.execute(sql.encode()).fetchall()

    def stored(self) -> set[str]:
        """Ids of all certificates and statements that are committed."""
        return {row[0] for row in self.query(STORED)}

    def twice(self) -> int:
        """Certificates and statements of which more than one row is there."""
        return sum(len(self.query(sql)) for sql in TWICE)


VICTIMS = ("intake", "web", "broker", "database", "station", "all of them")
STORED = (
    "SELECT b.id FROM intake_certificatebytes b JOIN intake_certificate c USING (id) "
    "UNION SELECT sha256 FROM intake_statement"
)
TWICE = (
    "SELECT number FROM intake_certificate GROUP BY number HAVING count(*) > 1",
    "SELECT sequence::text FROM intake_certificate GROUP BY station_id, sequence HAVING count(*) > 1",
    "SELECT encode(sha256(compact), 'hex') FROM intake_certificatebytes GROUP BY 1 HAVING count(*) > 1",
    "SELECT encode(sha256(body), 'hex') FROM intake_statement GROUP BY 1 HAVING count(*) > 1",
)
CHANGED = (
    "SELECT id FROM intake_certificatebytes WHERE encode(sha256(compact), 'hex') <> id "
    "UNION SELECT sha256 FROM intake_statement WHERE encode(sha256(body), 'hex') <> sha256"
)
BROKEN = "SELECT id FROM intake_certificate WHERE chain <> 'ok'"


def children(process: int) -> list[int]:
    """The processes that it started."""
    told = Path(f"/proc/{process}/task/{process}/children")
    try:
        return [int(one) for one in told.read_text().split()]
    except OSError:
        return []
