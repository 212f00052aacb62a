"""The uplink and other brokers: TLS 1.3, an embedded one, and one that comes and goes at random."""

from __future__ import annotations

import asyncio
import random
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.errors import KeyProblem
from agent.settings import Mqtt, Tls
from agent.uplink.uplink import read_secrets
from tests.agent.mosquitto import Mosquitto, free_port, wait_until
from tests.agent.uplink.fake_collector import stored
from tests.agent.uplink.uplink_bench import STATION, Bench
from tests.patience import SOON_S

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def make_pair(name: str, issuer: Pair | None = None) -> Pair:
    """A certificate for 127.0.0.1 and its key; without an issuer it is an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
    )
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def write_pair(folder: Path, name: str, pair: Pair) -> None:
    """`name`.pem and `name`.key."""
    (folder / f"{name}.pem").write_bytes(pair[0].public_bytes(serialization.Encoding.PEM))
    path = folder / f"{name}.key"
    path.touch(0o600)
    path.write_bytes(
        pair[1].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


@pytest.fixture
def tls_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A mosquitto that takes TLS 1.3 and a client certificate, and takes the station's name from it."""
    folder = tmp_path / "broker"
    folder.mkdir()
    authority = make_pair("authority")
    write_pair(folder, "authority", authority)
    write_pair(folder, "broker", make_pair("127.0.0.1", authority))
    write_pair(folder, "station", make_pair(STATION, authority))
    write_pair(folder, "stranger", make_pair("stranger"))
    extra = (
        f"cafile {folder}/authority.pem\ncertfile {folder}/broker.pem\nkeyfile {folder}/broker.key\n"
        "tls_version tlsv1.3\nrequire_certificate true\nuse_identity_as_username true\n"
    )
    broker = Mosquitto(folder, extra=extra)
    broker.allow(f"user {STATION}", f"topic readwrite er/1/{STATION}/#")
    broker.start()
    yield broker
    broker.kill()


def tls(folder: Path, authority: str = "authority", client: str = "station") -> Tls:
    """Paths in this folder."""
    return Tls(ca=f"{folder}/{authority}.pem", certificate=f"{folder}/{client}.pem", key=f"{folder}/{client}.key")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_station_speaks_tls_1_3_with_its_own_certificate(
    tmp_path: Path, tls_broker: Mosquitto, protocol: str
) -> None:
    bench = Bench(tmp_path / "state", tls_broker.port)
    try:
        uplink = bench.uplink(tls=tls(tmp_path / "broker"), protocol=protocol)
        wait_until(lambda: uplink.status.connected, "connected")
        wait_until(lambda: f"u'{STATION}'" in tls_broker.log(), "the broker knows us by our certificate")
    finally:
        bench.close()


def test_a_broker_of_another_authority_is_not_trusted(tmp_path: Path, tls_broker: Mosquitto) -> None:
    bench = Bench(tmp_path / "state", tls_broker.port)
    try:
        uplink = bench.uplink(tls=tls(tmp_path / "broker", authority="stranger"))
        wait_until(lambda: "certificate verify failed" in uplink.status.last_error.lower(), "refused")
        assert not uplink.status.connected
    finally:
        bench.close()


def test_nothing_older_than_tls_1_3_is_spoken(tmp_path: Path) -> None:
    write_pair(tmp_path, "authority", make_pair("authority"))
    context = read_secrets(Mqtt(host="h", tls=Tls(ca="authority.pem")), tmp_path).tls
    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_tls_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    for name in ("authority", "station", "other"):
        write_pair(tmp_path, name, make_pair(name))
    (tmp_path / "text.pem").write_text("no certificate")
    (tmp_path / "open.key").write_bytes((tmp_path / "station.key").read_bytes())
    (tmp_path / "open.key").chmod(0o640)
    wrong = {
        "none.pem": Tls(ca="none.pem"),
        "text.pem": Tls(ca="text.pem"),
        "none.key": Tls(ca="authority.pem", certificate="station.pem", key="none.key"),
        "open.key": Tls(ca="authority.pem", certificate="station.pem", key="open.key"),
        "other.key": Tls(ca="authority.pem", certificate="station.pem", key="other.key"),
    }
    for name, settings in wrong.items():
        with pytest.raises(KeyProblem, match=name):
            read_secrets(Mqtt(host="h", tls=settings), tmp_path)


def test_a_broker_that_comes_and_goes_at_random_loses_nothing(tmp_path: Path, broker: Mosquitto) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    bench = Bench(tmp_path / "state", broker.port)
    try:
        collector = bench.collector(answer=lambda row, times: None if chance.random() < 0.3 else stored(row, times))
        uplink = bench.uplink(keepalive_s=1)
        issued = []
        for _ in range(10):
            issued += bench.issue(chance.randrange(6))
            uplink.wake()
            what = chance.choice(["kill", "hang", "nothing"])
            if what == "kill":
                broker.kill()
            elif what == "hang":
                broker.hang()
            time.sleep(chance.random() * 0.3)
            issued += bench.issue(chance.randrange(3))
            if what == "kill":
                broker.start()
            elif what == "hang":
                broker.go_on()
        bench.wait_empty()
        assert collector.certificates == {c.id: c.compact for c in issued}
        assert bench.rejected == []
    finally:
        bench.close()


def test_the_embedded_broker_of_the_demo_carries_certificates_too(tmp_path: Path) -> None:
    amqtt = pytest.importorskip("amqtt.broker", reason="amqtt is not installed (extra demo)")
    port, loop = free_port(), asyncio.new_event_loop()
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> object:
        made = amqtt.Broker(config)
        await made.start()
        return made

    running = asyncio.run_coroutine_threadsafe(begin(), loop).result(20)
    bench = Bench(tmp_path / "state", port)
    try:
        collector = bench.collector(protocol="3.1.1")
        issued = bench.issue(20)
        bench.uplink(protocol="3.1.1")
        bench.wait_empty()
        assert collector.certificates == {c.id: c.compact for c in issued}
    finally:
        bench.close()
        asyncio.run_coroutine_threadsafe(running.shutdown(), loop).result(20)  # type: ignore[attr-defined]
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SOON_S)
