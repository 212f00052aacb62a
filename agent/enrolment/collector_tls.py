"""Who is at the other end: a collector is known by its authority's key before a word is said to it.

In the handshake a server shows its certificates. If the authority whose hash the code holds is among them, it alone is
trusted, and the connection that follows is made under it. Else the server must be one that this machine's own list of
authorities knows, and is then asked for the collector's authority: a proxy with a public certificate.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.certificates.clock import clock
from agent.certificates.enrolment import AUTHORITY_PATH, LARGEST
from agent.enrolment.errors import CollectorSilent, NotTheCollector
from drivers.deadline import Deadline

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CONNECT_S, ANSWER_S = 15.0, 60.0
NOT_YET_VALID = 9
"""X509_V_ERR_CERT_NOT_YET_VALID."""
NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME, which Python has no name for."""
INNER = "_sslobj"
"""Before Python 3.13 only the inner object of a connection tells all certificates that a server showed."""
OTHER_KEY = (
    "none of its certificates has the authority's key that the code names, and no authority that this machine trusts "
    "vouches for it"
)


class _Timed(ssl.SSLSocket):
    """A connection whose answer comes whole by one moment. A limit of each read is none: a server may drip for days."""

    answer_by: Deadline | None = None

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        """Read, for as long as is left. TimeoutError."""
        by = self.answer_by
        if by is None:
            return super().recv_into(buffer, nbytes, flags)
        late = TimeoutError(f"it did not come whole within {by.seconds:g} s")
        left = by.left()
        if not left:  # 0 would not be no time, but no waiting
            raise late
        self.settimeout(left)
        try:
            return super().recv_into(buffer, nbytes, flags)
        except TimeoutError:
            raise late from None


@dataclass(frozen=True)
class Address:
    """An address of a collector's pages."""

    host: str
    port: int

    @property
    def where(self) -> str:
        """Write it for people."""
        return self.host if self.port == 443 else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Trusted:
    """A collector that is known: the authority, PEM, and whether this machine's own list vouched for the server."""

    address: Address
    authority: str
    by_system: bool

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Post a request, and return status and answer. CollectorSilent, or NotTheCollector."""
        return _ask(self.address, self.context(), "POST", path, body)

    def context(self) -> ssl.SSLContext:
        """Make a context that believes this collector and no other."""
        return ssl.create_default_context(cadata=None if self.by_system else self.authority)


def read_address(url: str) -> Address:
    """Read https://HOST[:PORT]. CollectorSilent for anything else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 443
    except ValueError:
        host, port = None, 0
    if host is None or parts.scheme != "https" or parts.path not in ("", "/") or parts.query or parts.username:
        raise CollectorSilent(where=url, problem="allowed is https://HOST or https://HOST:PORT")
    return Address(host, port)


def find(address: Address, authority: str) -> Trusted:
    """Find out whether this is the collector whose authority's key has this hash. NotTheCollector, CollectorSilent."""
    for shown in _shown(address):
        if _hash(shown) == authority:
            trusted = Trusted(address, ssl.DER_cert_to_PEM_cert(shown), by_system=False)
            with _connected(address, trusted.context()):
                return trusted
    try:
        status, pem = _ask(address, ssl.create_default_context(), "GET", AUTHORITY_PATH, b"")
    except NotTheCollector:
        raise NotTheCollector(where=address.where, problem=OTHER_KEY) from None
    try:
        given = ssl.PEM_cert_to_DER_cert(pem.decode("ascii")) if status == 200 else b""
    except ValueError:
        given = b""
    if not given or _hash(given) != authority:
        raise NotTheCollector(where=address.where, problem="its authority has another key than the code names")
    return Trusted(address, pem.decode("ascii"), by_system=True)


def _shown(address: Address) -> list[bytes]:
    """Shake hands, and return the certificates that the server showed, DER. Nothing else is sent to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with _connected(address, context) as tls:
        public = getattr(tls, "get_unverified_chain", None)
        if public is not None:
            return list(public())
        shown = getattr(tls, INNER).get_unverified_chain() or ()
        return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in shown]


def _hash(der: bytes) -> str:
    try:
        return key_hash(x509.load_der_x509_certificate(der))
    except (ValueError, UnsupportedAlgorithm):
        return ""


def key_hash(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate's public key (SubjectPublicKeyInfo, DER), hex. UnsupportedAlgorithm."""
    key = certificate.public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _ask(address: Address, context: ssl.SSLContext, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    with _connected(address, context) as tls:
        connection = http.client.HTTPConnection(address.host, address.port)
        connection.sock = tls
        tls.settimeout(ANSWER_S)
        tls.answer_by = Deadline(ANSWER_S)
        try:
            host = f"[{address.host}]" if ":" in address.host else address.host
            named = host if address.port == 443 else f"{host}:{address.port}"
            connection.request(method, path, body, {"Host": named, "Content-Type": "application/jose"})
            answer = connection.getresponse()
            return answer.status, answer.read(2 * LARGEST)
        except (OSError, http.client.HTTPException) as error:
            raise CollectorSilent(where=address.where, problem=f"no answer: {_told(error)}") from None


@contextlib.contextmanager
def _connected(address: Address, context: ssl.SSLContext) -> Iterator[_Timed]:
    """Connect. Where no clock was set yet, a certificate that begins in its future is believed without its dates."""
    try:
        tls = _shaken(address, context)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code != NOT_YET_VALID or clock().synchronised:
            raise NotTheCollector(where=address.where, problem=error.verify_message) from None
        context.verify_flags |= NO_CHECK_TIME
        tls = _again(address, context)
    except (OSError, ValueError) as error:
        raise CollectorSilent(where=address.where, problem=f"no connection: {_told(error)}") from None
    with tls:
        yield tls


def _again(address: Address, context: ssl.SSLContext) -> _Timed:
    try:
        return _shaken(address, context)
    except (OSError, ValueError) as error:
        raise NotTheCollector(where=address.where, problem=_told(error)) from None


def _told(error: Exception) -> str:
    """Say what went wrong, without the place in OpenSSL's or Python's own source that their texts begin or end with."""
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return "what answers there does not speak TLS"
    if isinstance(error, TimeoutError) and "handshake" in str(error):
        return f"it accepts, and does not begin TLS within {CONNECT_S:g} s"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return re.sub(r"^_ssl\.c:\d+: |^\[[^]]*\] | \(_ssl\.c:\d+\)$", "", text)


def _shaken(address: Address, context: ssl.SSLContext) -> _Timed:
    context.sslsocket_class = _Timed
    plain = socket.create_connection((address.host, address.port), timeout=CONNECT_S)
    try:
        return cast(_Timed, context.wrap_socket(plain, server_hostname=address.host))
    except BaseException:
        plain.close()
        raise
