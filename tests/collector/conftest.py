"""A real broker, a real database, a real collector process, and certificates signed by hand."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connections
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.certificates.certificate import Certificate, sign
from agent.certificates.record import (
    Asset,
    Clock,
    Customer,
    DriveRecord,
    Health,
    PassRecord,
    Record,
    Sanitization,
    Software,
    StationRecord,
    Verification,
)
from agent.messages import Receipt
from collector import boot, upkeep
from collector.parties import links, services
from collector.parties.services import Actor
from collector.settings import load
from tests.collector.house import House, Template, enrolled_by, sqlite_template
from tests.patience import PROGRAM_S, SOON_S

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
WHEN = "2026-11-22T10:00:00Z"


def wait_for(condition: Callable[[], Any], seconds: float = SOON_S, what: str = "") -> Any:  # noqa: ANN401
    """Poll until it is true and return what it gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.03)
    raise AssertionError(f"did not happen within {seconds} s: {what or condition}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def record(sequence: int = 1, previous: str | None = None, station: str = "bench-01", **changes: Any) -> Record:  # noqa: ANN401
    """A sober record of a 1 MB drive that was erased with zeros."""
    base = Record(
        number=f"{station}-{sequence:06d}",
        sequence=sequence,
        previous=previous,
        outcome="erased",
        job=f"job-{sequence}",
        started_at=WHEN,
        finished_at=WHEN,
        clock=Clock(source="ntp", synchronised=True, boot_id="b1", monotonic_ms=1),
        station=StationRecord(
            id=station,
            name="Bench",
            location="Kolding",
            organisation="Special Minds",
            software=Software(name="benchwipe", version="0.1.0"),
            kernel="6.1",
            machine="aarch64",
        ),
        operator=None,
        customer=Customer(name="Kolding Kommune", lot="LOT-7"),
        asset=Asset(tag=f"TAG-{sequence}"),
        drive=drive(f"SER-{sequence}"),
        sanitization=Sanitization(
            level="clear",
            level_nist_800_88_r1="clear",
            level_ieee_2883="clear",
            standard="NIST SP 800-88 Rev. 2",
            method="zero",
            technique="overwrite",
            passes=(PassRecord(number=1, pattern="00", bytes=1_000_448, started_at=WHEN, finished_at=WHEN),),
        ),
        verification=Verification(kind="full", result="passed", bytes=1_000_448, blake3="a" * 64),
    )
    return msgspec.structs.replace(base, **changes)


def drive(serial: str, model: str = "ACME 500") -> DriveRecord:
    return DriveRecord(
        vendor="ACME",
        model=model,
        serial=serial,
        wwn=None,
        firmware="1",
        transport="sata",
        media="hdd",
        capacity_bytes=1_000_448,
        native_capacity_bytes=None,
        logical_block_bytes=512,
        physical_block_bytes=512,
        identity_source="drive",
        bridge=None,
        hidden_area=None,
        health=Health(),
    )


def chain_of(key: Ed25519PrivateKey, count: int, station: str = "bench-01") -> list[Certificate]:
    """Certificates 1 to count, each naming the one before."""
    found: list[Certificate] = []
    for sequence in range(1, count + 1):
        found.append(sign(record(sequence, found[-1].id if found else None, station), key))
    return found


class Broker:
    """A mosquitto of our own, which can be killed and started again on the same port."""

    def __init__(self, folder: Path, lines: str = "listener {port} 127.0.0.1\nallow_anonymous true\n") -> None:
        self.port = free_port()
        self._file = folder / "mosquitto.conf"
        self._file.write_text(f"per_listener_settings false\nmax_inflight_messages 400\n{lines.format(port=self.port)}")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._file)], stderr=subprocess.DEVNULL)
        wait_for(self._answers, what="mosquitto listens")

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def pause(self) -> None:
        """It listens and holds its connections, and says nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    one = Broker(tmp_path)
    yield one
    one.kill()


class StationClient:
    """The station's end: publishes and gathers receipts."""

    def __init__(
        self, port: int, name: str = "bench-01", protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5
    ) -> None:
        self.receipts: dict[str, list[Receipt]] = {}
        self.presence: list[bytes] = []
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{name}-{os.getpid()}-{id(self)}",
            protocol=protocol,
        )
        self.name = name
        self.client.on_message = self._on_message
        self._ready = False
        self.client.on_connect = lambda c, *_: c.subscribe([("er/1/+/receipt/#", 1), ("er/1/$collector/+", 1)])
        self.client.on_subscribe = self._on_subscribe
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        wait_for(lambda: self._ready, what="station subscribed")

    def _on_subscribe(self, *_: object) -> None:
        self._ready = True

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if "/receipt/" not in message.topic:
            self.presence.append(bytes(message.payload))
            return
        self.receipts.setdefault(message.topic.rpartition("/")[2], []).append(
            msgspec.json.decode(message.payload, type=Receipt)
        )

    def publish(self, suffix: str, payload: bytes, station: str | None = None, *, retain: bool = False) -> None:
        self.client.publish(f"er/1/{station or self.name}/{suffix}", payload, qos=1, retain=retain)

    def deliver(self, certificate: Certificate, station: str | None = None) -> None:
        self.publish(f"cert/{certificate.id}", certificate.compact, station)

    def wait(self, name: str, count: int = 1, seconds: float = SOON_S) -> list[Receipt]:
        wait_for(lambda: len(self.receipts.get(name, [])) >= count, seconds, f"{count} receipts for {name}")
        return self.receipts[name]

    def until_receipt(self, certificate: Certificate, seconds: float = SOON_S) -> list[Receipt]:
        """Resend every second, as a station does (at its own pace)."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.client.is_connected():
                self.deliver(certificate)
            try:
                return self.wait(certificate.id, seconds=1.0)
            except AssertionError:
                continue
        raise AssertionError(f"no receipt within {seconds} s")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@dataclass
class Collector:
    """A `benchwipe-collector serve` process."""

    folder: Path
    broker_port: int
    protocol: str = "5"
    database: str = "sqlite:///collector.db"
    name: str = "collector"
    keepalive_s: int = 5
    more: str = ""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    client: httpx.Client | None = None

    @property
    def config(self) -> Path:
        return self.folder / f"{self.name}.toml"

    @property
    def stations(self) -> Path:
        return self.folder / "stations"

    @property
    def log(self) -> str:
        return (self.folder / f"{self.name}.log").read_text()

    def write(self) -> None:
        if self.database.startswith("sqlite:///"):
            target = self.folder / self.database.removeprefix("sqlite:///")
            if not target.exists():
                shutil.copy(sqlite_template().file, target)
        self.config.write_text(
            f'id = "{self.name}"\nlisten = "127.0.0.1:{self.port}"\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {self.broker_port}\nprotocol = "{self.protocol}"\n'
            f'keepalive_s = {self.keepalive_s}\n{self.more}\n[database]\nurl = "{self.database}"\n'
        )

    def start(self, *, healthy: bool = True) -> Collector:
        self.write()
        with (self.folder / f"{self.name}.log").open("ab") as log:
            command = [sys.executable, "-m", "collector.cli", "serve", "--config", str(self.config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self.is_healthy if healthy else self.answers, PROGRAM_S, "the collector is up")
        return self

    def get(self, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=PROGRAM_S, **more)

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            return bool(self.get("/healthz").status_code)
        except httpx.TransportError:
            return False

    def is_healthy(self) -> bool:
        return self.answers() and self.get("/healthz").status_code == 200

    def command(self, *words: str, text: str = "") -> str:
        """Run the program; what it printed."""
        command = [sys.executable, "-m", "collector.cli", *words, "--config", str(self.config)]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=PROGRAM_S)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def enrol(self, station: str, key: Ed25519PrivateKey) -> None:
        with self.database_open():
            enrolled_by(station, key)

    @contextlib.contextmanager
    def database_open(self) -> Iterator[None]:
        """Its database, in the test's own process: what a command does in two seconds."""
        if not self.config.exists():
            self.write()
        boot.boot(load(self.config))
        upkeep.prepare(migrate=True)
        try:
            yield
        finally:
            connections.close_all()

    def sign_in(self) -> httpx.Client:
        """A client in which a team lead is signed in, by a one-time link."""
        if self.client is None:
            with self.database_open():
                own = services.own_organisation("Workshop")
                lead = services.add_or_join(
                    Actor("test"), "lead", name="Lead", role="team_lead", organisation=own, password=None
                )
                link = f"/welcome/{links.make('sign-in', lead)}"
            self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=PROGRAM_S)
            page = self.client.get(link).text
            token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
            assert self.client.post(link, data={"csrfmiddlewaretoken": token}).status_code == 302
        return self.client

    def page(self, path: str) -> httpx.Response:
        """A page as the team lead sees it."""
        return self.sign_in().get(path)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What SQLite itself says is stored."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/collector.db?mode=ro", uri=True)) as raw:
            return raw.execute(query).fetchall()

    def ids(self) -> set[str]:
        found, after = set(), ""
        while True:
            answer = self.page(f"/api/v1/certificates?after={after}&per_page=200").json()
            found |= {row["id"] for row in answer["certificates"]}
            after = answer["next"]
            if not after:
                return found

    def terminate(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(SOON_S)
        self.process = None
        return status

    def kill(self) -> None:
        """Kill all of it, as a power cut does: parent and children."""
        if self.process is not None:
            children = self.children()
            for one in [*children, self.process.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            self.process.wait()
            self.process = None
            wait_for(lambda: not any(runs(one) for one in children), what="its parts are gone")

    def children(self) -> list[int]:
        """The processes of its parts."""
        assert self.process is not None
        told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(one) for one in told.read_text().split()] if told.exists() else []

    def child(self, part: str) -> int:
        """The process of one part; 0 while there is none."""
        for one in self.children():
            with contextlib.suppress(OSError):
                if part.encode() in Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0"):
                    return one
        return 0


def runs(process: int) -> bool:
    """Whether it is there, and no zombie that nobody has waited for."""
    try:
        return b"State:\tZ" not in Path(f"/proc/{process}/status").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def collector(tmp_path: Path, broker: Broker) -> Iterator[Collector]:
    """A running one, with SQLite."""
    one = Collector(tmp_path, broker.port)
    try:
        yield one.start()
    finally:
        one.kill()


@pytest.fixture
def station(broker: Broker) -> Iterator[StationClient]:
    one = StationClient(broker.port)
    yield one
    one.close()


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """An URL of a throw-away PostgreSQL server."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(binaries[-1]) if binaries else shutil.which("initdb")
    if initdb is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="benchwipe-pg-"))
    server = PostgresServer(Path(initdb).parent, folder)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


class PostgresServer:
    """initdb and a server that never runs as root."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self._folder, self._port = binaries, folder, free_port()
        self.url = f"postgresql://tester@127.0.0.1:{self._port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        data = str(folder / "data")
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-N"],
            check=True, capture_output=True, cwd=folder, **self._as,
        )  # fmt: skip

    def start(self) -> None:
        command = [str(self._binaries / "postgres"), "-D", str(self._folder / "data"), "-p", str(self._port)]
        command += ["-c", f"unix_socket_directories={self._folder}", "-c", "listen_addresses=127.0.0.1"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, **self._as)
        wait_for(self._answers, 30, "PostgreSQL answers")

    def _answers(self) -> bool:
        ready = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        return subprocess.run(ready, check=False).returncode == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(SOON_S)
            self._process = None


@pytest.fixture
def fresh_postgres(postgres: str) -> str:
    """A database of its own on that server."""
    name = f"t{os.getpid()}_{time.monotonic_ns()}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return postgres.rpartition("/")[0] + f"/{name}"


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that the test may stop and start."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="benchwipe-pg-"))
    server = PostgresServer(binaries[-1], folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small tmpfs cannot be mounted (needs root): {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Template:
    """A migrated PostgreSQL database, to be copied."""
    return Template(tmp_path_factory.mktemp("template-pg"), postgres)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """The collector's Django over a fresh SQLite database."""
    one = House(tmp_path, sqlite_template().copy(tmp_path))
    yield one
    one.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def each_house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The same over a database of either kind."""
    sqlite = request.param == "sqlite"
    template: Template = sqlite_template() if sqlite else request.getfixturevalue("postgres_template")
    one = House(tmp_path, template.copy(tmp_path))
    yield one
    one.close()
