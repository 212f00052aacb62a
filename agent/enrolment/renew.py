"""A new certificate before the old one ends, or after. A program of its own: the daemon needs it six times a year.

`python -m agent.enrolment.renew FOLDER STATE_DIR` asks the collector by the station's signing key, for the same key
of the connection. Exit status 0 renewed, 1 not, with one line on standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from agent import files
from agent.certificates import enrolment, keys
from agent.certificates.signature import USUAL
from agent.enrolment import enrol, folder
from agent.enrolment.collector_tls import Trusted, key_hash, read_address
from agent.enrolment.errors import CannotPlace
from agent.enrolment.facts import FACTS, read_facts
from agent.errors import AgentError

T = TypeVar("T")


def renew(place: Path, state_dir: Path) -> str:
    """Renew the certificate in an enrolment's folder. Return until when the new one is valid. Raise AgentError."""
    facts = read_facts(place)
    if facts is None:
        raise CannotPlace(path=place / FACTS, problem="there is no enrolment to renew; `benchwipe enrol` makes one")
    key = keys.load(state_dir / keys.FILE_NAME)
    authority = _kept(place / folder.AUTHORITY, lambda data: _authority(data, facts.authority))
    connection = _kept(place / folder.KEY, _connection_key)
    trusted = Trusted(read_address(facts.url), authority, facts.by_system)
    about = enrol.request(facts.station, facts.authority, connection, key)
    _, answer = enrol.asked(trusted, enrolment.RENEW_PATH, enrolment.ask(about, key, typ=enrolment.RENEW, alg=USUAL))
    certificate = enrol.checked(answer, connection, facts.station, facts.authority)
    told = enrol.facts_of(
        certificate,
        url=facts.url,
        station=facts.station,
        authority=facts.authority,
        by_system=facts.by_system,
    )
    try:
        # The certificate first: facts that are older than it renew once more than is needed, and never less.
        files.replace(place / folder.CERTIFICATE, answer.certificate.encode())
        files.replace(place / FACTS, msgspec.json.encode(told))
    except OSError as error:
        raise CannotPlace(path=error.filename or place, problem=error.strerror or error) from None
    return told.ends


def _kept(path: Path, read: Callable[[bytes], T]) -> T:
    """Read what an enrolment wrote. CannotPlace names the file that is not so any more."""
    try:
        return read(path.read_bytes())
    except OSError as error:
        raise CannotPlace(path=path, problem=error.strerror or error) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        problem = "not what an enrolment wrote; `benchwipe enrol` with a new code writes it anew"
        raise CannotPlace(path=path, problem=problem) from None


def _authority(data: bytes, expected: str) -> str:
    """The authority's certificate, PEM. ValueError for another's; for none, too: TLS would trust the system's then."""
    if key_hash(x509.load_pem_x509_certificate(data)) != expected:
        raise ValueError("another authority")
    return data.decode("ascii")


def _connection_key(data: bytes) -> ec.EllipticCurvePrivateKey:
    key = keys.private_key(data)
    if not isinstance(key, enrol.CONNECTION_KEY):
        raise TypeError("another kind of key")
    return key


def main() -> int:
    """Renew the certificate; one line says what came of it."""
    try:
        print(renew(Path(sys.argv[1]), Path(sys.argv[2])))
    except AgentError as error:
        print(error.line(), file=sys.stderr)
        return 1
    except Exception as error:  # noqa: BLE001 - the edge of this process: the daemon shows what it says as an alarm
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
