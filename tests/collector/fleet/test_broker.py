"""The broker's files at a real mosquitto: who comes in, who does not, and who is cut off."""

from __future__ import annotations

import contextlib
import functools
import grp
import os
import socket
import ssl
import stat
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from collector.fleet import ca, own_tls
from collector.fleet.broker_text import access
from collector.moments import now
from collector.settings import load
from tests.collector.conftest import wait_for
from tests.collector.fleet.rig import Bench, Fleet, peer
from tests.patience import SOON_S

SHIPPED = Path(__file__).parents[3] / "config" / "mosquitto"


@pytest.fixture(scope="module")
def bench(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    one = Bench(tmp_path_factory.mktemp("bench"), "bench-01")
    done = one.enrol(fleet.url, fleet.code("bench-01"))
    assert done.returncode == 0, done.stderr
    return one


def rules(text: str) -> list[str]:
    return sorted(line for line in text.splitlines() if line and not line.startswith("#"))


def test_the_access_list_is_the_shipped_one() -> None:
    assert rules(access("collector", "collector-web")) == rules((SHIPPED / "benchwipe.acl").read_text())


def test_nothing_that_debians_own_file_says_is_said_twice(fleet: Fleet) -> None:
    ours = {line.split()[0] for line in rules((fleet.out / "mosquitto.conf").read_text())}
    assert not ours & {"persistence", "persistence_location", "pid_file", "log_dest", "include_dir", "user"}


def test_the_broker_may_read_its_key_and_nobody_else(fleet: Fleet) -> None:
    found = (fleet.out / "broker.key").stat()
    assert stat.S_IMODE(found.st_mode) == 0o640
    if os.geteuid() == 0:
        assert found.st_gid == grp.getgrnam("mosquitto").gr_gid


def test_a_station_reaches_its_own_topics_and_no_other_stations(fleet: Fleet, bench: Bench) -> None:
    with peer(fleet.broker_port, bench.folder, "bench-01") as one:
        for suffix in ("state", "birth", "bay/1/state", "cert/x", "statement/x", "event", "reported/config"):
            assert one.publish(f"er/1/bench-01/{suffix}") in ("Success", "No matching subscribers")
            assert one.publish(f"er/1/bench-02/{suffix}") == "Not authorized"
        for topic in ("er/1/bench-01/receipt/x", "er/1/bench-01/cmd/cancel/1", "er/1/bench-01/desired/config"):
            assert one.publish(topic) == "Not authorized"


def made(fleet: Fleet, profile: str, name: str, folder: Path, *, days: float = 1, own: bool = True) -> Path:
    """A folder as an enrolment's, with a certificate of this authority, or of another one with the same name."""
    authority, certificate = ca.load_or_make(fleet.folder / "keys" if own else folder / "other")
    key = ca.new_key()
    begins = now() - timedelta(days=30)
    order = ca.Order(
        profile=profile, names=[name], csr=ca.request_for(key, name), serial=f"{x509.random_serial_number():x}",
        begins=begins, ends=now() + timedelta(days=days),
    )  # fmt: skip
    (folder / "station.crt").write_bytes(ca.make(order, authority, certificate))
    (folder / "station.key").write_bytes(ca.pem_of(key))
    (folder / "ca.crt").write_bytes((fleet.folder / "keys/ca.crt").read_bytes())
    return folder


def refused(fleet: Fleet, folder: Path, name: str) -> bool:
    try:
        with peer(fleet.broker_port, folder, name) as one:
            return "connected" not in one.events
    except OSError:
        return True


Make = Callable[[Fleet, Path], Path]
STRANGERS: dict[str, Make] = {
    "of another authority": lambda fleet, folder: made(fleet, "client", "bench-01", folder, own=False),
    "a server's": lambda fleet, folder: made(fleet, "server", "bench-01", folder),
    "expired": lambda fleet, folder: made(fleet, "client", "bench-01", folder, days=-1),
}


@pytest.mark.parametrize("what", STRANGERS)
def test_the_broker_lets_no_such_certificate_in(fleet: Fleet, tmp_path: Path, what: str) -> None:
    assert refused(fleet, STRANGERS[what](fleet, tmp_path), "bench-01")
    good = tmp_path / "good"
    good.mkdir()
    assert not refused(fleet, made(fleet, "client", "bench-77", good), "bench-77")


def test_a_stations_certificate_never_passes_as_the_brokers(fleet: Fleet, bench: Bench) -> None:
    """Not even of a station that is called as the broker is: the extended key usage says what it is for."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(bench.folder / "station.crt", bench.folder / "station.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            plain, _ = listener.accept()
            server.wrap_socket(plain, server_side=True).close()
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()
    client = ssl.create_default_context(cafile=str(bench.folder / "ca.crt"))
    client.check_hostname = False
    told = pytest.raises(ssl.SSLCertVerificationError, match=r"unsuitable certificate purpose|unsupported")
    with socket.create_connection(listener.getsockname(), timeout=30) as plain, told:
        client.wrap_socket(plain)
    listener.close()


def test_a_revoked_stations_connection_is_cut_and_does_not_come_back(fleet: Fleet, tmp_path: Path) -> None:
    lost, other = Bench(tmp_path / "a", "bench-20"), Bench(tmp_path / "b", "bench-21")
    for one in (lost, other):
        assert one.enrol(fleet.url, fleet.code(one.station)).returncode == 0
    with peer(fleet.broker_port, other.folder, "bench-21") as bystander:
        with peer(fleet.broker_port, lost.folder, "bench-20") as standing:
            assert standing.events == ["connected"]
            fleet.collector.command("station", "revoke", "bench-20")
            wait_for(lambda: "ended" in standing.events, 60, "the standing connection is cut within a minute")
        assert refused(fleet, lost.folder, "bench-20")
        assert bystander.events == ["connected"], "nobody else is cut off"
    done = lost.enrol(fleet.url, fleet.code("bench-20"), "--wait", "0")
    assert "nobody has said yes" in done.stderr, "a revoked station comes back by a person's yes alone"
    counts = "SELECT COUNT(*) FROM fleet_tlscertificate WHERE station_id = 'bench-20' AND revoked_at IS NULL"
    assert fleet.collector.rows(counts) == [(0,)]


def test_every_serial_stands_in_the_database(fleet: Fleet, bench: Bench) -> None:
    rows = {row[0] for row in fleet.collector.rows("SELECT serial FROM fleet_tlscertificate")}
    own = (fleet.folder / "keys/tls").glob("[iwp]*.crt")
    for path in (bench.folder / "station.crt", fleet.out / "broker.crt", *own):
        serial = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
        assert f"{serial:x}" in rows, path


def test_no_web_process_holds_the_authoritys_key(fleet: Fleet) -> None:
    """Its key is asked for by a process of its own; the folder's mode keeps everybody else out."""
    path = fleet.folder / "keys/ca.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    web = fleet.collector.child("web")
    opened = {os.readlink(one) for one in Path(f"/proc/{web}/fd").iterdir() if one.exists()}
    assert str(path) not in opened


def test_own_certificates_are_renewed_before_their_last_month(fleet: Fleet) -> None:
    """A certificate with a month left is made anew; one that lasts is left alone."""
    configuration = load(fleet.collector.config)
    with fleet.collector.database_open():
        stem = fleet.folder / "old"
        (stem.parent / "ca.crt").write_bytes((fleet.folder / "keys/ca.crt").read_bytes())
        assert own_tls.pair(configuration, stem, "client", ["x"]) == ["old.crt"]
        assert own_tls.pair(configuration, stem, "client", ["x"]) == []
        assert own_tls.pair(configuration, stem, "client", ["y"]) == ["old.crt"], "another name"
        key = load_pem_private_key((fleet.folder / "old.key").read_bytes(), None)
        assert isinstance(key, ca.Key)
        authority, certificate = ca.load_or_make(fleet.folder / "keys")
        order = ca.Order(
            profile="client", names=["y"], csr=ca.request_for(key, "y"), serial="77",
            begins=now() - timedelta(days=61), ends=now() + timedelta(days=29),
        )  # fmt: skip
        (fleet.folder / "old.crt").write_bytes(ca.make(order, authority, certificate))
        assert own_tls.pair(configuration, stem, "client", ["y"]) == ["old.crt"], "29 days left"


def test_half_sent_handshakes_stop_no_page_and_no_receipt(fleet: Fleet) -> None:
    """1,100 connections that never finish, some with half a ClientHello: pages are answered, then they are closed."""
    held = []
    hello = bytes.fromhex("16030100c8010000c40303")
    try:
        for number in range(1100):
            one = socket.create_connection(("127.0.0.1", fleet.collector.port), timeout=SOON_S)
            one.sendall(hello[: number % len(hello)])
            held.append(one)
        began = time.monotonic()
        assert [fleet.ask("/healthz/intake", timeout=60) for _ in range(5)] == [200] * 5
        assert time.monotonic() - began < 60
        wait_for(lambda: gone(held[0]), what="what stays half-sent is closed")
    finally:
        for one in held:
            one.close()


def gone(connection: socket.socket) -> bool:
    connection.settimeout(0.1)
    try:
        return connection.recv(100) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_rubbish_in_the_place_of_a_handshake_closes_that_connection_alone(fleet: Fleet) -> None:
    for rubbish in (
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\0" * 500,
        bytes(range(256)) * 8,
        b"\x16\x03\x01\xff\xff",
    ):
        with socket.create_connection(("127.0.0.1", fleet.collector.port), timeout=SOON_S) as one:
            one.sendall(rubbish)
            with contextlib.suppress(OSError):  # it was closed at once: all the better
                one.shutdown(socket.SHUT_WR)
            wait_for(functools.partial(gone, one))
    assert fleet.ask("/healthz/web") == 200


def test_a_long_page_and_a_long_request_come_whole_through_tls(fleet: Fleet) -> None:
    context = ssl.create_default_context(cafile=str(fleet.folder / "keys" / "ca.crt"))
    with httpx.Client(base_url=fleet.url, verify=context, timeout=SOON_S) as client:
        script = (Path(__file__).parents[3] / "collector/static").glob("*.js")
        for path in script:
            assert client.get(f"/static/{path.name}").content == path.read_bytes()
        refused = client.post("/enrol", content=b"x" * 32_000)
        assert (refused.status_code, refused.json()["state"]) == (400, "refused")
        assert client.post("/enrol", content=b"x" * 100_000).status_code == 413
