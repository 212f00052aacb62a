"""Whoever receives alarms: a real HTTP server that can misbehave, a real SMTP server with STARTTLS."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.collector.conftest import free_port


@dataclass
class Receiver:
    """What came, and how it answers: by the path that is asked."""

    server: ThreadingHTTPServer
    came: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 204
    letting: threading.Event = field(default_factory=threading.Event)

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


class Handler(BaseHTTPRequestHandler):
    """Keeps what was posted. /hang, /drip, /close, /redirect, /retry and /long do what they say."""

    protocol_version = "HTTP/1.1"
    owner: Receiver

    def log_message(self, *_args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Be asked for what nobody is to ask for."""
        self.owner.came.append((f"GET {self.path}", dict(self.headers), b""))
        self._say(200)

    def do_POST(self) -> None:
        """Take a message."""
        body = self.rfile.read(int(self.headers["content-length"]))
        told = {name.lower(): value for name, value in self.headers.items()}
        self.owner.came.append((self.path, told, body))
        getattr(self, f"_{self.path.strip('/')}", self._usual)()

    def _usual(self) -> None:
        self._say(self.owner.status)

    def _hang(self) -> None:
        self.owner.letting.wait(60)

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nx-drip: ")
        while not self.owner.letting.wait(0.1):
            self.wfile.write(b"x")

    def _close(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _redirect(self) -> None:
        self._say(302, location=self.owner.url("/elsewhere"))

    def _retry(self) -> None:
        self._say(503, **{"retry-after": "900"})

    def _long(self) -> None:
        self.send_response(200)
        self.send_header("content-length", str(1 << 40))
        self.end_headers()
        while not self.owner.letting.is_set():
            self.wfile.write(b"x" * 65536)

    def _say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()


class Quiet(ThreadingHTTPServer):
    """A peer that goes is no news."""

    daemon_threads = True

    def handle_error(self, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def http(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    handler = type("Own", (Handler,), {})
    server = Quiet(("127.0.0.1", 0), handler)
    one = Receiver(server)
    handler.owner = one  # type: ignore[attr-defined]
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield one
    finally:
        one.letting.set()
        server.shutdown()
        server.server_close()


@dataclass
class Authority:
    """An authority of one's own, and a certificate for localhost."""

    folder: Path

    def __post_init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.certificate, self.key = self.folder / "peer.crt", self.folder / "peer.key"
        self.certificate.write_bytes(made.public_bytes(Encoding.PEM))
        self.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass
class Mails:
    """A mail server's box. `refuses`: how many it turns down first, for the moment."""

    came: list[bytes] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    refuses: int = 0
    slow_s: float = 0.0
    port: int = 0

    async def take(self, _server: Any, _session: Session, envelope: Envelope) -> str:  # noqa: ANN401
        """Take a mail."""
        time.sleep(self.slow_s)
        if self.refuses:
            self.refuses -= 1
            return "451 4.3.0 not now\tplease"
        self.to.append(list(envelope.rcpt_tos))
        self.came.append(envelope.content if isinstance(envelope.content, bytes) else b"")
        return "250 taken"


@contextmanager
def smtp(authority: Authority) -> Iterator[Mails]:
    box: Mails = type("Box", (Mails,), {"handle_DATA": Mails.take})()  # aiosmtpd's own name for it

    def authenticate(_server: object, _session: object, _envelope: object, _how: str, data: Any) -> AuthResult:  # noqa: ANN401
        assert isinstance(data, LoginPassword)
        box.logins.append((data.login, data.password))
        return AuthResult(success=True)

    controller = Controller(
        box, hostname="127.0.0.1", port=free_port(), tls_context=authority.context(), require_starttls=True,
        authenticator=authenticate, auth_required=True, ready_timeout=30,
    )  # fmt: skip
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()
