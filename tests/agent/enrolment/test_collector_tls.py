"""What a person hears of a server that is slow, silent or another kind; and that the question ends."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.enrolment import collector_tls
from agent.enrolment.collector_tls import Address, Trusted, find
from agent.enrolment.errors import CollectorSilent

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@contextlib.contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[Address]:
    """A server whose every connection is answered by that, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with plain, contextlib.suppress(OSError):
                answer(plain)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield Address("localhost", listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_an_answer_that_drips_is_given_up_when_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes soon after the one before, so that no single read is late."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "k", "-out", "c"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")

    def drip(plain: socket.socket) -> None:
        with context.wrap_socket(plain, server_side=True) as tls:
            tls.recv(4096)
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + b"x" * 200:
                tls.sendall(bytes([byte]))
                time.sleep(0.02)
            tls.sendall(b"\r\n\r\n")

    monkeypatch.setattr(collector_tls, "ANSWER_S", 1.0)
    with serving(drip) as address, pytest.raises(CollectorSilent, match="did not come whole within 1 s"):
        Trusted(address, (tmp_path / "c").read_text(), by_system=False).post("/enrol", b"")


def test_what_does_not_speak_tls_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def plainly(plain: socket.socket) -> None:
        plain.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    monkeypatch.setattr(collector_tls, "CONNECT_S", 0.5)
    nobody = hashlib.sha256(b"").hexdigest()
    for answer, told in ((plainly, "does not speak TLS"), (lambda _: time.sleep(2), "does not begin TLS within 0.5 s")):
        with serving(answer) as address, pytest.raises(CollectorSilent, match=told) as caught:
            find(address, nobody)
        assert "_ssl.c" not in caught.value.line()
