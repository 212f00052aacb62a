"""Making this station known to a collector: one question to it, and one change here, or none."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent import files
from agent.certificates import enrolment
from agent.certificates.enrolment import BAD_CERTIFICATE, EnrolmentAnswer, EnrolmentCode, EnrolmentRequest
from agent.certificates.jws import public_jwk
from agent.certificates.signature import Alg
from agent.enrolment import folder, station_file
from agent.enrolment.collector_tls import Trusted, key_hash
from agent.enrolment.errors import CannotPlace, CollectorSilent, EnrolmentRefused
from agent.enrolment.facts import EnrolmentFacts
from agent.enrolment.folder import Owner

TRIES, PAUSE_S, ASK_AGAIN_S = 3, 2.0, 5.0
ENROLLED, WAITING = 200, 202
CONNECTION_KEY = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Wanted:
    """What is enrolled: the station's id and signing key, and where its configuration is."""

    station: str
    key: Ed25519PrivateKey
    alg: Alg
    config: Path
    owner: Owner | None


def tls_key() -> ec.EllipticCurvePrivateKey:
    """Make a key for the connection. It is another one than the key that signs certificates."""
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Write it as PEM (PKCS #8)."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def request(
    station: str, authority: str, connection: ec.EllipticCurvePrivateKey, key: Ed25519PrivateKey, code: str = ""
) -> EnrolmentRequest:
    """Write what is asked for: a certificate for the connection's key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, station)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(connection, hashes.SHA256())
    return EnrolmentRequest(
        station=station,
        authority=authority,
        csr=csr.public_bytes(Encoding.PEM).decode(),
        key=public_jwk(key.public_key()),
        nonce=secrets.token_hex(16),
        code=code,
    )


def asked(trusted: Trusted, path: str, body: bytes) -> tuple[int, EnrolmentAnswer]:
    """Ask, and again where the answer is lost: the very same request is answered again. CollectorSilent."""
    for left in reversed(range(TRIES)):
        try:
            status, told = trusted.post(path, body)
            break
        except CollectorSilent:
            if not left:
                raise
            time.sleep(PAUSE_S)
    try:
        answer = msgspec.json.decode(told, type=EnrolmentAnswer)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise CollectorSilent(
            where=trusted.address.where, problem=f"it answers {status}, and not as a collector does"
        ) from None
    if status not in (ENROLLED, WAITING):
        raise EnrolmentRefused(problem=" ".join(answer.error.split())[:500] or f"status {status}")
    return status, answer


def checked(
    answer: EnrolmentAnswer, connection: ec.EllipticCurvePrivateKey, station: str, authority: str
) -> x509.Certificate:
    """Hold what was given against what was asked. CollectorSilent where it is something else."""
    problem = "it gave something else than was asked"
    try:
        certificate = x509.load_pem_x509_certificate(answer.certificate.encode())
        given = x509.load_pem_x509_certificate(answer.authority.encode())
        certificate.verify_directly_issued_by(given)
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        names = [one.value for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        fits = certificate.public_key() == connection.public_key() and names == [station]
    except BAD_CERTIFICATE:
        raise CollectorSilent(where="the collector", problem=problem) from None
    if not fits or key_hash(given) != authority or list(usage) != [ExtendedKeyUsageOID.CLIENT_AUTH]:
        raise CollectorSilent(where="the collector", problem=problem)
    return certificate


def enrol(wanted: Wanted, trusted: Trusted, code: EnrolmentCode, *, wait_s: float, say: Callable[[str], None]) -> Path:
    """Enrol the station, put everything in its place, and return the folder. AgentError: nothing was changed here."""
    config_dir = wanted.config.parent
    with folder.held(config_dir) as place:
        scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=place))
        try:
            text = wanted.config.read_text("utf-8") if wanted.config.exists() else ""
            _edited(wanted, text, place / "0", _sample())  # what a person must mend is said before the code is used
            connection = tls_key()
            about = request(wanted.station, code.authority, connection, wanted.key, code.secret)
            body = enrolment.ask(about, wanted.key, typ=enrolment.ENROL, alg=wanted.alg)
            answer = _patiently(trusted, body, wait_s=wait_s, say=say)
            certificate = checked(answer, connection, wanted.station, code.authority)
            made = place / f"{certificate.serial_number:x}"[:12]
            changed = _edited(wanted, text, made, answer)
            folder.fill(scratch, answer, _facts(trusted, code, certificate), pem(connection), wanted.owner)
            scratch.rename(made)
            files.flush_folder(place)
            _replace(wanted, changed)
        finally:
            with contextlib.suppress(OSError):
                _take_away(scratch)
        folder.only(place, made)
    return made


def facts_of(
    certificate: x509.Certificate, *, url: str, station: str, authority: str, by_system: bool
) -> EnrolmentFacts:
    """Write down what the next renewal has to know."""
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return EnrolmentFacts(
        url=url,
        station=station,
        authority=authority,
        by_system=by_system,
        renew_after=_moment(folder.renew_after(begins, ends)),
        ends=_moment(ends),
    )


def _facts(trusted: Trusted, code: EnrolmentCode, certificate: x509.Certificate) -> EnrolmentFacts:
    host, port = trusted.address.host, trusted.address.port
    url = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    by_system = trusted.by_system
    return facts_of(certificate, url=url, station=code.station, authority=code.authority, by_system=by_system)


def _patiently(trusted: Trusted, body: bytes, *, wait_s: float, say: Callable[[str], None]) -> EnrolmentAnswer:
    """Ask until a person has said yes to another signing key, or the time is over."""
    until, said = time.monotonic() + wait_s, False
    while True:
        status, answer = asked(trusted, enrolment.ENROL_PATH, body)
        if status == ENROLLED:
            return answer
        if not said:
            say(
                "the collector knows this station by another signing key; a person says yes on its page /stations, or "
                f"by `benchwipe-collector station accept {answer.station}`; waiting"
            )
            said = True
        if time.monotonic() + ASK_AGAIN_S > until:
            raise EnrolmentRefused(problem="nobody has said yes to the new signing key; ask for it, and for a new code")
        time.sleep(ASK_AGAIN_S)


def _edited(wanted: Wanted, text: str, made: Path, answer: EnrolmentAnswer) -> str:
    """The configuration as it will be. CannotPlace where it cannot be changed by a program."""
    inside = f"{folder.PLACE}/{made.name}"
    broker = answer.broker
    station = {"id": wanted.station, "certificate_url": answer.certificate_url}
    try:
        return station_file.with_tables(
            text,
            station,
            {
                "host": broker.host if broker else "",
                "port": broker.port if broker else 0,
                **({"brokers": broker.others} if broker and broker.others else {}),
                "protocol": broker.protocol if broker else "",
                "collector_keys": [f"{inside}/{folder.COLLECTOR}"],
                "controller_keys": [f"{inside}/{folder.CONTROLLER}"],
                "tls": {
                    "ca": f"{inside}/{folder.AUTHORITY}",
                    "certificate": f"{inside}/{folder.CERTIFICATE}",
                    "key": f"{inside}/{folder.KEY}",
                },
            },
        )
    except ValueError as error:
        raise CannotPlace(path=wanted.config, problem=str(error)) from None


def _sample() -> EnrolmentAnswer:
    return EnrolmentAnswer(state="enrolled", broker=enrolment.BrokerAddress(host="localhost", port=8883))


def _replace(wanted: Wanted, text: str) -> None:
    """Put the configuration in the place of the old one, with its mode and its owner."""
    config = wanted.config
    old = config.stat() if config.exists() else None
    with files.temporary(config.parent) as (file, path):
        file.write(text.encode())
        file.flush()
        os.fchmod(file.fileno(), old.st_mode & 0o777 if old else 0o640)
        if os.geteuid() == 0 and (old or wanted.owner):
            owner = (old.st_uid, old.st_gid) if old else (0, wanted.owner.gid if wanted.owner else 0)
            os.fchown(file.fileno(), *owner)
        os.fsync(file.fileno())
        path.replace(config)
    files.flush_folder(config.parent)


def _take_away(scratch: Path) -> None:
    for one in scratch.iterdir():
        one.unlink()
    scratch.rmdir()


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
