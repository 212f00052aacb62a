"""Certificates' PDFs, as the station makes them, in a process of its own, with a deadline and bounds.

What is painted came from elsewhere, and a library paints it, for 30 ms of processor a page. Whatever that does to it,
and however many there are, the pages of the web go on.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from types import TracebackType

import msgspec

from agent.certificates.certificate import Certificate
from agent.pdf import Afterwards
from collector.certificates.painter import FAILED, LENGTH, MADE
from collector.errors import CollectorError
from collector.text import clean

DEADLINE_S = 30.0
WAIT_S = 10.0
AT_ONCE = 2
LARGEST = 8 << 20
PAGES = 500
"""Made by one process, which is then replaced: whatever a library keeps of each page goes with it."""
PIECE = 1 << 16
_PLACES = threading.BoundedSemaphore(AT_ONCE)


class NoPaper(CollectorError):
    """The page could not be made."""

    code = "BW-C41"
    message = "the PDF could not be made: {problem}"
    hint = "The signed file (.jws) is the certificate; the PDF is a copy of it."


def paint(
    certificate: Certificate, *, language: str, certificate_url: str, afterwards: Afterwards | None = None
) -> bytes:
    """Make the PDF of a certificate that was verified, with what was said about it since. Raise NoPaper."""
    if not _PLACES.acquire(timeout=WAIT_S):
        raise NoPaper(problem="too many are made at this moment")
    try:
        with Painter(language, certificate_url) as painter:
            return painter.paint(certificate, afterwards)
    finally:
        _PLACES.release()


class Painter:
    """Makes page after page in a process beside this one. One that takes too long, or ends, is replaced."""

    def __init__(self, language: str, certificate_url: str) -> None:
        self._command = [sys.executable, "-m", "collector.certificates.painter", language, certificate_url]
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    def __enter__(self) -> Painter:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self.close()

    def paint(self, certificate: Certificate, afterwards: Afterwards | None = None) -> bytes:
        """Make the PDF of a certificate that was verified. Raise NoPaper: the next one may be made all the same."""
        said = b"" if afterwards is None else b"\n" + msgspec.json.encode(afterwards)
        try:
            kind, told = self._ask(certificate.compact + said)
        except OSError as error:
            self.close()
            raise NoPaper(problem=error.strerror or error) from None
        except NoPaper:
            self.close()
            raise
        if kind == FAILED:
            raise NoPaper(problem=clean(told.decode("utf-8", "replace")))
        return told

    def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process, self._made = self._process, None, 0
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()

    def _ask(self, asked: bytes) -> tuple[bytes, bytes]:
        if self._made >= PAGES:
            self.close()
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        end = time.monotonic() + DEADLINE_S
        self._write(process.stdin.fileno(), len(asked).to_bytes(LENGTH, "big") + asked, end)
        head = self._read(process.stdout.fileno(), 1 + LENGTH, end)
        length = int.from_bytes(head[1:], "big")
        if head[:1] not in (MADE, FAILED) or length > LARGEST:
            raise NoPaper(problem="its process said something else")
        told = self._read(process.stdout.fileno(), length, end)
        self._made += 1
        if head[:1] == MADE and not told.startswith(b"%PDF-"):
            raise NoPaper(problem="its process made no PDF")
        return head[:1], told

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        return process

    def _write(self, descriptor: int, data: bytes, end: float) -> None:
        left = memoryview(data)
        while left:
            _wait(select.POLLOUT, descriptor, end)
            left = left[os.write(descriptor, left[: select.PIPE_BUF]) :]  # for so much there is room

    def _read(self, descriptor: int, length: int, end: float) -> bytes:
        found = bytearray()
        while len(found) < length:
            _wait(select.POLLIN, descriptor, end)
            piece = os.read(descriptor, min(PIECE, length - len(found)))
            if not piece:
                raise NoPaper(problem="its process ended")
            found += piece
        return bytes(found)


def _wait(what: int, descriptor: int, end: float) -> None:
    """Wait until a pipe can be used. A poll object: there is no highest descriptor for it, as there is for select."""
    poll = select.poll()
    poll.register(descriptor, what)
    if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
        raise NoPaper(problem=f"it took longer than {DEADLINE_S:.0f} s")
