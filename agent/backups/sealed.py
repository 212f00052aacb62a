"""Encrypts a stream under a passphrase, in chunks that are each authenticated; one that was cut is told from a whole.

    magic     "benchwipe-backup/1\\n"
    header    one line of JSON: {"kdf": "scrypt", "log2_n": 16, "r": 8, "p": 1, "salt": <32 hex digits>, "chunk": 65536}
    chunks    each up to `chunk` bytes of plain text, and 16 bytes of authentication behind it

Key: scrypt of the passphrase (UTF-8, NFC) with that salt, 32 bytes; 64 MiB of memory, which a Raspberry Pi with 1 GB
has beside its daemon. Each chunk: ChaCha20-Poly1305 (RFC 8439); nonce: the chunk's number from 0 as 11 bytes, big end
first, and one byte that is 1 on the last chunk and 0 before; additional data: magic and header. The salt is drawn for
each file, so no nonce is used twice with one key. The construction is STREAM (Hoang and others, CRYPTO 2015).
"""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from agent.errors import AgentError

MAGIC = b"benchwipe-backup/1\n"
STRANGER = "it is no backup of benchwipe, or one of a version that this program does not know"
CHUNK = 64 * 1024
TAG = 16
LOG2_N, R, P = 16, 8, 1
MOST_LOG2_N = 18  # 256 MiB: a file must not make a Raspberry Pi swap
LONGEST_HEADER = 1024


class BackupProblem(AgentError):
    """A backup that cannot be read or made."""

    code = "BW-A35"
    message = "{path}: {problem}"


def refuse_stranger(path: Path) -> None:
    """Raise BackupProblem for a file that is none of these: before anybody is asked for a passphrase."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise BackupProblem(path=path, problem=STRANGER)


class SealedWriter:
    """Takes plain bytes and writes sealed ones. `finish` must be called: without it the file is a cut one."""

    def __init__(self, out: BinaryIO, passphrase: str) -> None:
        salt = os.urandom(16)
        header = {"kdf": "scrypt", "log2_n": LOG2_N, "r": R, "p": P, "salt": salt.hex(), "chunk": CHUNK}
        self._about = MAGIC + json.dumps(header, separators=(",", ":")).encode() + b"\n"
        self._cipher = ChaCha20Poly1305(_key(passphrase, salt, LOG2_N))
        self._out = out
        self._number = 0
        self._waiting = bytearray()
        out.write(self._about)

    def write(self, data: bytes) -> int:
        """Write these bytes, as to any file. The last chunk is kept back: it is sealed as the last one."""
        self._waiting += data
        while len(self._waiting) > CHUNK:
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(data)

    def finish(self) -> None:
        """Seal what is left, as the end."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, plain: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number, last=last), plain, self._about))
        self._number += 1


class SealedReader:
    """Gives the plain bytes of a sealed file. BackupProblem for what is none, a wrong passphrase, damage and a cut."""

    def __init__(self, source: BinaryIO, passphrase: str, *, name: object) -> None:
        self._source, self._name = source, name
        self._about, salt, log2_n = self._header()
        self._cipher = ChaCha20Poly1305(_key(passphrase, salt, log2_n))
        self._number = 0
        self._plain = b""
        self._ended = False
        self._next = source.read(CHUNK + TAG)

    def read(self, size: int = -1) -> bytes:
        """Read bytes, as from any file."""
        parts, wanted = [], size if size >= 0 else 1 << 62
        while wanted > 0 and (self._plain or not self._ended):
            if not self._plain:
                self._plain = self._open()
            part, self._plain = self._plain[:wanted], self._plain[wanted:]
            wanted -= len(part)
            parts.append(part)
        return b"".join(parts)

    def drain(self) -> None:
        """Read to the end, so that all of it is verified."""
        while self.read(CHUNK):
            pass

    def _open(self) -> bytes:
        sealed, self._next = self._next, self._source.read(CHUNK + TAG)
        last = not self._next
        try:
            plain = self._cipher.decrypt(_nonce(self._number, last=last), sealed, self._about)
        except (InvalidTag, ValueError):
            first = "the passphrase is another one, or the file is damaged"
            raise self._problem("it is damaged or cut off" if self._number else first) from None
        self._number += 1
        self._ended = last
        return plain

    def _header(self) -> tuple[bytes, bytes, int]:
        """(magic and header, salt, log2 n)."""
        if self._source.read(len(MAGIC)) != MAGIC:
            raise self._problem(STRANGER)
        line = self._source.readline(LONGEST_HEADER)
        try:
            header = json.loads(line)
            fits = (header["kdf"], header["r"], header["p"], header["chunk"]) == ("scrypt", R, P, CHUNK)
            salt, log2_n = bytes.fromhex(header["salt"]), header["log2_n"]
            if not fits or type(log2_n) is not int or not 14 <= log2_n <= MOST_LOG2_N or len(salt) != 16:
                raise ValueError("parameters")
        except (ValueError, KeyError, TypeError, RecursionError):
            raise self._problem("its header is damaged, or of a version that this program does not know") from None
        return MAGIC + line, salt, log2_n

    def _problem(self, text: str) -> BackupProblem:
        return BackupProblem(path=self._name, problem=text)


def _key(passphrase: str, salt: bytes, log2_n: int) -> bytes:
    words = unicodedata.normalize("NFC", passphrase).encode()
    return Scrypt(salt=salt, length=32, n=1 << log2_n, r=R, p=P).derive(words)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
