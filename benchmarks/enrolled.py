"""A station as an enrolment leaves it, and its broker: mosquitto over TLS 1.3, where each proves who it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from agent.certificates.enrolment import EnrolmentAnswer
from agent.certificates.jws import public_jwk
from agent.enrolment.facts import EnrolmentFacts
from agent.enrolment.folder import AUTHORITY, CERTIFICATE, COLLECTOR, CONTROLLER, KEY, PLACE, fill
from collector.fleet import ca
from tests.agent.mosquitto import Mosquitto

STATION = "bench-01"
LASTS = timedelta(days=90)
MTLS = """tls_version tlsv1.3
cafile {0}/ca.crt
certfile {0}/broker.crt
keyfile {0}/broker.key
require_certificate true
use_identity_as_username true
"""


@contextmanager
def enrolled(config: Path) -> Iterator[Mosquitto]:
    """Enrol the station of this configuration: it is given its folder and its broker, which runs meanwhile."""
    folder = config.parent
    authority = folder / "authority"
    _, certificate = ca.load_or_make(authority)
    (authority / "ca.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    _issue(authority, "broker", "server", "127.0.0.1")
    place = folder / PLACE / "1"
    place.mkdir(parents=True)
    own, its = _issue(authority, "station", "client", STATION)
    jwk = public_jwk(Ed25519PrivateKey.generate().public_key())
    answer = EnrolmentAnswer(
        state="enrolled", station=STATION, certificate=its, authority=(authority / "ca.crt").read_text(),
        collector_keys=[jwk], controller_keys=[jwk],
    )  # fmt: skip
    ends = datetime.now(UTC) + LASTS
    facts = EnrolmentFacts(
        url="https://127.0.0.1:1", station=STATION, authority="0" * 64, by_system=False,
        renew_after=ends.isoformat(), ends=ends.isoformat(),
    )  # fmt: skip
    fill(place, answer, facts, own, None)
    broker = Mosquitto(folder / "broker", extra=MTLS.format(authority))
    config.write_text(_with_broker(config.read_text(), broker.port))
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def _issue(folder: Path, file: str, profile: str, name: str) -> tuple[bytes, str]:
    """(key, certificate) of the folder's authority, in files there too."""
    key, authority = ca.load_or_make(folder)
    own, now = ca.new_key(), datetime.now(UTC)
    order = ca.Order(
        profile=profile, names=[name], csr=ca.request_for(own, name), serial=f"{x509.random_serial_number():x}",
        begins=now - timedelta(hours=1), ends=now + LASTS,
    )  # fmt: skip
    certificate = ca.make(order, key, authority)
    (folder / f"{file}.crt").write_bytes(certificate)
    (folder / f"{file}.key").write_bytes(ca.pem_of(own))
    return ca.pem_of(own), certificate.decode()


def _with_broker(text: str, port: int) -> str:
    """station.toml, whose connection is the enrolment's."""
    text = re.sub(r"^\[mqtt\][^\[]*", "", text, flags=re.MULTILINE)
    there = f"{PLACE}/1"
    return text + (
        f'\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\ncollector_keys = ["{there}/{COLLECTOR}"]\n'
        f'controller_keys = ["{there}/{CONTROLLER}"]\n\n[mqtt.tls]\nca = "{there}/{AUTHORITY}"\n'
        f'certificate = "{there}/{CERTIFICATE}"\nkey = "{there}/{KEY}"\n'
    )
