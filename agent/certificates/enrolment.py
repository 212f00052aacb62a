"""What a station and a collector say to each other when one is made known to the other. Pure.

The code that a person carries holds the station's name, a secret that works once, and the SHA-256 of the public key of
the collector's authority: by that the station knows whom it talks to before it says a word. What it asks for is a JWS
by its signing key; the certificate that it gets belongs to its TLS key, which never leaves it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent.certificates import jws
from agent.certificates.signature import USUAL, Alg
from agent.errors import AgentError, CertificateProblem

ENROL, RENEW = "benchwipe-enrolment+jws", "benchwipe-renewal+jws"
ENROL_PATH, RENEW_PATH, AUTHORITY_PATH = "/enrol", "/enrol/renew", "/enrol/ca.crt"
LARGEST = 32 * 1024
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no two letters of it are taken for each other when they are read aloud or typed."""
SECRET_LETTERS = 15
"""75 bits, of which ten may be tried."""
RENEW_AFTER_DAYS, VALID_DAYS, LATEST_DAYS = 60, 90, 365
"""A certificate is valid for 90 days, is renewed at 60, and once it has expired for a year more, by the signing key."""
BAD_CERTIFICATE = (
    ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm,
    x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, x509.InvalidVersion,
)  # fmt: skip
"""What reading and verifying a certificate raises that is not as it should be."""
_STATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HASH = re.compile(r"[0-9a-f]{64}")
_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1"})


class CodeProblem(AgentError):
    """What was given is no enrolment code."""

    code = "BW-A80"
    message = "this is no enrolment code: {problem}"
    hint = "The collector shows it on /stations, or `benchwipe-collector station invite ID` prints it."


@dataclass(frozen=True, repr=False)
class EnrolmentCode:
    """A code in its parts. Not shown by accident: it has no repr."""

    station: str
    secret: str
    authority: str
    """SHA-256 of the authority's public key (SubjectPublicKeyInfo, DER), hex."""

    @property
    def text(self) -> str:
        """Write it as a person reads and types it."""
        groups = "-".join(self.secret[i : i + 5] for i in range(0, len(self.secret), 5))
        return f"{self.station}:{groups}:{self.authority}"


class EnrolmentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a station asks for. `code` is empty where it renews: then the signature alone tells who asks."""

    station: str
    authority: str
    csr: str
    key: dict[str, str]
    nonce: str
    code: str = ""


class BrokerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where stations connect to. `others`: HOST or HOST:PORT of the brokers that they go on with, in this order."""

    host: str
    port: int
    protocol: str = "5"
    others: list[str] = []


class EnrolmentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a station is given. `state`: enrolled; waiting, until a person has said yes to its key."""

    state: str
    station: str = ""
    certificate: str = ""
    authority: str = ""
    broker: BrokerAddress | None = None
    collector_keys: list[dict[str, str]] = []
    controller_keys: list[dict[str, str]] = []
    certificate_url: str = ""
    error: str = ""


def read_code(text: str) -> EnrolmentCode:
    """Read a code as a person gave it. CodeProblem says which part is wrong."""
    parts = "".join(text.split()).split(":")
    if len(parts) != 3:
        raise CodeProblem(problem="it has three parts with colons between them: station, secret, hash")
    station, secret, authority = parts[0], _plain(parts[1]), parts[2].lower()
    if not _STATION.fullmatch(station):
        raise CodeProblem(problem="its first part is no station's id")
    if len(secret) != SECRET_LETTERS or not set(secret) <= set(LETTERS):
        raise CodeProblem(problem=f"its second part has {SECRET_LETTERS} letters and digits, U not among them")
    if not _HASH.fullmatch(authority):
        raise CodeProblem(problem="its third part has 64 of the digits 0-9 and a-f")
    return EnrolmentCode(station, secret, authority)


def secret_hash(secret: str) -> str:
    """Return what the collector keeps of a secret."""
    return hashlib.sha256(_plain(secret).encode()).hexdigest()


def ask(about: EnrolmentRequest, key: Ed25519PrivateKey, *, typ: str, alg: Alg = USUAL) -> bytes:
    """Sign what a station asks for, with the key that it signs certificates with."""
    return jws.sign(msgspec.json.encode(about), key, typ=typ, alg=alg)


def read_request(body: bytes, *, typ: str) -> tuple[EnrolmentRequest, Ed25519PublicKey]:
    """Read a request that its own key signed. CertificateProblem; whether that key is believed is another question.

    A name that is no station's goes no further: whoever asks here may be anybody.
    """
    try:
        told = msgspec.json.decode(jws.read_unverified(body, typ=typ).payload, type=EnrolmentRequest)
        key = jws.public_key_from_jwk(told.key)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise CertificateProblem(problem=f"what is signed is no request: {error}") from None
    if not _STATION.fullmatch(told.station):
        raise CertificateProblem(problem="what is signed names no station: letters, digits, '.', '_' and '-'")
    jws.verify(body, {jws.thumbprint(key): key}, typ=typ)
    return told, key


def _plain(secret: str) -> str:
    return secret.replace("-", "").upper().translate(_ALIKE)
