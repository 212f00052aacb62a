"""config/mosquitto as shipped: TLS 1.3, names out of certificates, and an ACL that keeps stations apart."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from tests.collector.conftest import MOSQUITTO, Broker, Collector, chain_of, wait_for
from tests.patience import PROGRAM_S

CA_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
SHIPPED = Path(__file__).parents[2] / "config" / "mosquitto"


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self._make("ca", self._key, self._name, ca=True)

    def issue(self, name: str) -> None:
        """NAME.crt and NAME.key."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._make(name, ec.generate_private_key(ec.SECP256R1()), subject, ca=False)

    def _make(self, file: str, key: ec.EllipticCurvePrivateKey, subject: x509.Name, *, ca: bool) -> None:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        # Python 3.13 asks for the key identifiers and for a CA's right to sign (RFC 5280, 4.2.1).
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        if ca:
            builder = builder.add_extension(CA_USAGE, critical=True)
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        signed = builder.add_extension(names, critical=False).sign(self._key, SHA256())
        (self.folder / f"{file}.crt").write_bytes(signed.public_bytes(Encoding.PEM))
        path = self.folder / f"{file}.key"
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        path.chmod(0o600)

    def context(self, name: str | None) -> ssl.SSLContext:
        """A client's, with its certificate or without one."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        if name is not None:
            context.load_cert_chain(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "certs"
    folder.mkdir()
    one = Authority(folder)
    for name in ("broker", "collector", "collector-web", "bench-01", "bench-02"):
        one.issue(name)
    return one


@pytest.fixture
def guarded(tmp_path: Path, authority: Authority) -> Iterator[Broker]:
    """The shipped configuration with other paths and another port."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    shutil.copy(SHIPPED / "benchwipe.acl", tmp_path / "benchwipe.acl")
    lines = (SHIPPED / "mosquitto.conf").read_text().replace("/etc/mosquitto/", f"{tmp_path}/")
    lines = lines.replace("/var/lib/mosquitto/", f"{tmp_path}/").replace("listener 8883", "listener {port} 127.0.0.1")
    if os.geteuid() == 0:
        lines += "user root\n"  # else it changes to a user that cannot read the test's folder
    one = Broker(tmp_path, lines.replace("max_inflight_messages 400", ""))
    yield one
    one.kill()


class Peer:
    """A client that notes what the broker answers."""

    def __init__(self, port: int, context: ssl.SSLContext, name: str) -> None:
        self.answers: list[ReasonCode] = []
        self.connected: list[ReasonCode] = []
        self.receipts: list[str] = []
        self.client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5)
        self.client.tls_set_context(context)
        self.client.on_publish = lambda _c, _u, _m, reason, _p: self.answers.append(reason)
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self.connected.append(reason)
        self.client.on_message = lambda _c, _u, m: self.receipts.append(m.topic)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def publish(self, topic: str, payload: bytes) -> str:
        """The broker's own word on it."""
        before = len(self.answers)
        self.client.publish(topic, payload, qos=1)
        wait_for(lambda: len(self.answers) > before)
        return str(self.answers[-1])

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def bench(guarded: Broker, authority: Authority) -> Iterator[Peer]:
    one = Peer(guarded.port, authority.context("bench-01"), "whatever-it-says")
    wait_for(lambda: one.connected)
    yield one
    one.close()


def test_a_certificate_reaches_the_collector_over_tls_and_its_receipt_comes_back(
    tmp_path: Path, guarded: Broker, bench: Peer
) -> None:
    key = Ed25519PrivateKey.generate()
    certs = tmp_path / "certs"
    tls = f'tls = {{ ca = "{certs}/ca.crt", certificate = "{certs}/collector.crt", key = "{certs}/collector.key" }}'
    tls += f'\nweb = {{ certificate = "{certs}/collector-web.crt", key = "{certs}/collector-web.key" }}'
    collector = Collector(tmp_path, guarded.port, more=tls)
    try:
        collector.start().enrol("bench-01", key)
        bench.client.subscribe("er/1/bench-01/receipt/+", qos=1)
        (one,) = chain_of(key, 1)
        bench.publish(f"er/1/bench-01/cert/{one.id}", one.compact)
        wait_for(lambda: bench.receipts == [f"er/1/bench-01/receipt/{one.id}"])
        name = "f" * 64
        bench.publish(f"er/1/bench-01/statement/{name}", b"x")
        wait_for(lambda: bench.receipts[1:] == [f"er/1/bench-01/receipt/{name}"], what="statements are read, too")
        assert collector.ids() == {one.id}
        state = b'{"bay":"1","state":"erasing","drive":null,"job":"j","rev":1,"ts":""}'
        bench.publish("er/1/bench-01/bay/1/state", state)
        wait_for(lambda: "Erasing" in collector.page("/").text, what="the live page is another client of the broker")
    finally:
        collector.kill()


def test_a_station_writes_nowhere_but_in_its_own_subtree(bench: Peer) -> None:
    for topic in ("cert/x", "statement/x", "state", "birth", "bay/1/state", "bay/1/progress", "alarm/a", "event"):
        assert bench.publish(f"er/1/bench-01/{topic}", b"x") in ("Success", "No matching subscribers")
        assert bench.publish(f"er/1/bench-02/{topic}", b"x") == "Not authorized"
    for topic in ("er/1/bench-01/receipt/x", "er/1/bench-01/cmd/erase/1", "er/1/bench-01/desired/config"):
        assert bench.publish(topic, b"x") == "Not authorized"
    assert bench.publish("er/1/$collector/collector", b"x") == "Not authorized"


def test_without_a_certificate_nobody_comes_in(guarded: Broker, authority: Authority) -> None:
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=5) as plain:
        wrapped = authority.context(None).wrap_socket(plain, server_hostname="127.0.0.1")
        with wrapped, pytest.raises(ssl.SSLError, match="certificate required"):  # TLS 1.3 says so at the first read
            wrapped.recv(1)


def test_an_older_tls_is_refused(guarded: Broker, authority: Authority) -> None:
    context = authority.context("bench-01")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        Peer(guarded.port, context, "bench-01")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed (apt-get install openssl)")
def test_the_certificates_that_the_documentation_makes_hold_under_python_3_13(
    tmp_path: Path,
) -> None:
    text = (Path(__file__).parents[2] / "docs/collector.md").read_text(encoding="utf-8")
    commands = (
        text.partition("## A broker with keys of another authority\n")[2].partition("```\n")[2].partition("```")[0]
    )
    subprocess.run(["bash", "-ec", commands], cwd=tmp_path, check=True, capture_output=True, timeout=PROGRAM_S)
    issued = [f"{name}.crt" for name in ("broker", "collector", "collector-web", "bench-01")]
    words = ["openssl", "verify", "-x509_strict", "-CAfile", "ca.crt", *issued]
    done = subprocess.run(words, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=PROGRAM_S)
    assert done.stdout == "".join(f"{name}: OK\n" for name in issued), done.stderr
