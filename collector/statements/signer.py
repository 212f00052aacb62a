"""The process that holds the statement key: whoever speaks hands it bytes and gets them back signed.

`python -m collector.statements.signer FOLDER ALG`: on standard input a line of JSON ({"typ", "size"}) and as many
bytes, on standard output a line ({"size"} or {"problem"}) and the compact JWS. It signs the types of statements and no
others, so that whoever takes the web process over still cannot sign a receipt or a station's configuration. One is
started at the first statement and stays: a school's lot is a thousand of them, and a start costs a third of a second.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import msgspec

from agent.certificates import jws
from agent.certificates.signature import Alg
from agent.errors import AgentError
from collector.errors import CollectorError
from collector.intake import signing
from collector.statements.errors import NoSignature
from collector.statements.kinds import SAID
from collector.statements.rules import LARGEST
from collector.text import clean

DEADLINE_S = 30.0
LONGEST_LINE = 1024
ALGS: tuple[Alg, ...] = ("EdDSA", "Ed25519")


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """The line before what is to be signed."""

    typ: str
    size: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The line before what was signed."""

    size: int = 0
    problem: str = ""


class Hand:
    """One signing process, used by one at a time, begun again where it ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._command: list[str] = []

    def sign(self, typ: str, payload: bytes, folder: Path, alg: str) -> bytes:
        """Let it sign, within the deadline. Raise NoSignature."""
        command = [sys.executable, "-m", "collector.statements.signer", str(folder), alg]
        with self._lock:
            try:
                return _exchange(self._running(command), typ, payload)
            except (OSError, ValueError, msgspec.MsgspecError) as error:
                self._end()
                raise NoSignature(problem=clean(str(error)) or type(error).__name__) from None
            except NoSignature:
                self._end()
                raise

    def close(self) -> None:
        """Let the process go."""
        with self._lock:
            self._end()

    def _running(self, command: list[str]) -> subprocess.Popen[bytes]:
        process = self._process
        if process is None or process.poll() is not None or command != self._command:
            self._end()
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._process, self._command = process, command
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


HAND = Hand()


def sign(typ: str, payload: bytes, folder: Path, alg: str) -> bytes:
    """Sign a statement of this type with the key in that folder. Raise NoSignature."""
    return HAND.sign(typ, payload, folder, alg)


def _exchange(process: subprocess.Popen[bytes], typ: str, payload: bytes) -> bytes:
    """Ask and hear. A process that hangs is killed at the deadline, which ends both the writing and the reading."""
    assert process.stdin is not None
    assert process.stdout is not None
    deadline = threading.Timer(DEADLINE_S, process.kill)
    deadline.start()
    try:
        process.stdin.write(msgspec.json.encode(Ask(typ=typ, size=len(payload))) + b"\n" + payload)
        process.stdin.flush()
        line = process.stdout.readline(LONGEST_LINE)
        if not line:
            raise NoSignature(problem="its process ended without an answer")
        told = msgspec.json.decode(line, type=Answer)
        signed = process.stdout.read(told.size) if told.size else b""
    finally:
        deadline.cancel()
    if told.problem:
        raise NoSignature(problem=told.problem)
    if len(signed) != told.size or not signed:
        raise NoSignature(problem="its process ended in the middle of an answer")
    return signed


def _serve(source: IO[bytes], out: IO[bytes], folder: Path, alg: Alg) -> None:
    key = signing.load_or_make(folder, "statement")
    while line := source.readline(LONGEST_LINE):
        ask = msgspec.json.decode(line, type=Ask)
        if ask.typ not in SAID.values() or not 0 < ask.size <= LARGEST:
            raise CollectorError(problem=f"no statement of {ask.size} bytes and type {clean(ask.typ, 60)!r} is signed")
        signed = jws.sign(source.read(ask.size), key, typ=ask.typ, alg=alg, most=LARGEST)
        out.write(msgspec.json.encode(Answer(size=len(signed))) + b"\n" + signed)
        out.flush()


def main() -> int:
    """Sign until nobody asks any more. What cannot be signed is told, and ends it."""
    folder, alg = Path(sys.argv[1]), sys.argv[2]
    try:
        _serve(sys.stdin.buffer, sys.stdout.buffer, folder, next(name for name in ALGS if name == alg))
    except (AgentError, CollectorError, msgspec.MsgspecError, StopIteration) as error:
        sys.stdout.buffer.write(msgspec.json.encode(Answer(problem=clean(str(error)))) + b"\n")
        sys.stdout.buffer.flush()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
