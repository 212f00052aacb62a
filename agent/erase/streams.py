"""Cryptographic streams for the random passes: seekable by offset, keyed for each drive and pass.

A generator may only be chosen among cryptographic ones: a faster one that is not was never an option here.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import ClassVar

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agent.erase.buffers import ROOM, ZEROS_BYTES, aligned, zeros

_CONTEXT = "benchwipe 2026-11 key of one random pass on one drive"


class Stream(ABC):
    """Bytes that only the key foretells; the same at an offset however they are asked for."""

    name: ClassVar[str]

    def __init__(self, key: bytes) -> None:
        self._key = key

    @abstractmethod
    def parts(self, offset: int, length: int) -> Iterator[tuple[int, CipherContext]]:
        """Give (bytes, cipher positioned at them) for the stream from `offset`, a multiple of 64."""

    def fill(self, buffer: memoryview, offset: int, length: int | None = None) -> None:
        """Write the stream's bytes from `offset` (a multiple of 64) over the whole buffer. Any thread; no GIL.

        With a `length`, so many bytes; then up to ROOM bytes behind them may be written over, too.
        """
        done = 0
        for part, context in self.parts(offset, len(buffer) if length is None else length):
            _keystream(context, buffer[done : done + part])
            done += part

    def pieces(self, offset: int, length: int, scratch: memoryview) -> Iterator[memoryview]:
        """Generate the same bytes in pieces, each into `scratch`, which has ROOM bytes more than a piece.

        One cipher for all of them: one for every 256 KiB cost a third of verification's processor time.
        """
        size = len(scratch) - ROOM
        for part, context in self.parts(offset, length):
            for start in range(0, part, size):
                piece = scratch[: min(size, part - start)]
                _keystream(context, piece)
                yield piece


def _keystream(context: CipherContext, buffer: memoryview) -> None:
    # Encrypting zeros gives the bare key stream; the zeros are one page mapped again and again, so they stay in L1.
    source = zeros()
    for start in range(0, len(buffer), ZEROS_BYTES):
        part = buffer[start : start + ZEROS_BYTES]
        context.update_into(source[: len(part)], part)


class Aes256Ctr(Stream):
    """AES-256 in counter mode (NIST SP 800-38A 6.5): the counter block is offset / 16."""

    name = "aes-256-ctr"

    def parts(self, offset: int, length: int) -> Iterator[tuple[int, CipherContext]]:
        """See Stream."""
        counter = (offset // 16).to_bytes(16, "big")
        yield length, Cipher(algorithms.AES(self._key), modes.CTR(counter)).encryptor()


class Aes256Gctr(Stream):
    """AES-256 in counter mode as GCM counts (GCTR, NIST SP 800-38D 6.5): a nonce for each segment, counters from 2 on.

    OpenSSL has wide-vector code for GCM that it has not for CTR: 0.053 s/GiB against 0.135 with VAES and AVX-512,
    although GCM also computes a tag, which nobody asks for. A whole segment is one call; a cipher object costs 20 us
    more, so only requests that begin within a segment, or have no room for the tag, take one: the same counter blocks,
    so the same bytes (tests/agent/erase/test_streams.py). 512 KiB, because what is generated and what it is compared
    with then stay in a core's cache: read back at 0.93 of fio's speed, and 0.86 with 1 MiB.
    """

    name = "aes-256-gctr-512k"
    SEGMENT = 512 << 10
    _FIRST = 2  # 1 is the tag's: SP 800-38D 7.1, inc32(J0)

    def __init__(self, key: bytes) -> None:
        super().__init__(key)
        self._gcm = AESGCM(key)

    def fill(self, buffer: memoryview, offset: int, length: int | None = None) -> None:
        """See Stream."""
        whole, done = len(buffer) if length is None else length, 0
        while done < whole:
            segment, within = divmod(offset + done, self.SEGMENT)
            part = min(whole - done, self.SEGMENT - within)
            if within or done + part + ROOM > len(buffer):
                super().fill(buffer[done : done + part], offset + done)
            else:  # the next segment is written over this one's tag
                tagged = buffer[done : done + part + ROOM]
                self._gcm.encrypt_into(segment.to_bytes(12, "big"), zeros()[:part], None, tagged)
            done += part

    def pieces(self, offset: int, length: int, scratch: memoryview) -> Iterator[memoryview]:
        """See Stream. A piece ends with its segment."""
        done = 0
        while done < length:
            part = min(length - done, self.SEGMENT - (offset + done) % self.SEGMENT, len(scratch) - ROOM)
            self.fill(scratch, offset + done, part)
            yield scratch[:part]
            done += part

    def parts(self, offset: int, length: int) -> Iterator[tuple[int, CipherContext]]:
        """See Stream."""
        done = 0
        while done < length:
            segment, within = divmod(offset + done, self.SEGMENT)
            part, nonce = min(length - done, self.SEGMENT - within), segment.to_bytes(12, "big")
            mode: modes.GCM | modes.CTR = modes.GCM(nonce)
            if within:
                mode = modes.CTR(nonce + (self._FIRST + within // 16).to_bytes(4, "big"))
            yield part, Cipher(algorithms.AES(self._key), mode).encryptor()
            done += part


class Aes256GctrMib(Aes256Gctr):
    """The same with a nonce for each MiB: what jobs of earlier versions were begun with, and go on with."""

    name = "aes-256-gctr"
    SEGMENT = 1 << 20


class ChaCha20(Stream):
    """ChaCha20 (RFC 8439 2.4), a nonce for each GiB: its counter would wrap after 256 GiB."""

    name = "chacha20"
    SEGMENT = 1 << 30

    def parts(self, offset: int, length: int) -> Iterator[tuple[int, CipherContext]]:
        """See Stream."""
        done = 0
        while done < length:
            segment, within = divmod(offset + done, self.SEGMENT)
            part = min(length - done, self.SEGMENT - within)
            nonce = (within // 64).to_bytes(4, "little") + segment.to_bytes(12, "little")
            yield part, Cipher(algorithms.ChaCha20(self._key, nonce), mode=None).encryptor()
            done += part


CHOICES: tuple[type[Stream], ...] = (Aes256Ctr, Aes256Gctr, ChaCha20)
"""What a new job's stream is chosen from."""

STREAMS: Mapping[str, type[Stream]] = MappingProxyType(
    {kind.name: kind for kind in (Aes256Ctr, Aes256Gctr, Aes256GctrMib, ChaCha20)}
)


def pass_key(root: bytes, *, fingerprint: str, pass_number: int) -> bytes:
    """Derive 32 bytes that no other drive, pass or job shares (BLAKE3 derive_key, BLAKE3 paper 6.2)."""
    facts = root + fingerprint.encode() + b"\x00" + pass_number.to_bytes(8, "big")
    from blake3 import blake3  # with the first random pass: a station that idles only measures its streams

    return blake3(facts, derive_key_context=_CONTEXT).digest()


def measure(kind: type[Stream], *, seconds: float = 0.008) -> float:
    """Measure 10^6 bytes a second of processor time on this machine, one thread.

    What else runs does not tip the choice.
    """
    stream, size = kind(bytes(32)), 1 << 20
    buffer = aligned(size + ROOM)
    stream.fill(buffer, 0, size)
    done, start = 0, time.thread_time()
    while (spent := time.thread_time() - start) < seconds:
        stream.fill(buffer, done, size)
        done += size
    return done / spent / 1e6


def rates() -> Mapping[str, float]:
    """Name of each stream -> 10^6 bytes a second, measured once in a process (about 30 ms)."""
    with _measuring:  # 24 drives that begin at once would otherwise measure 24 times, and each other
        return _rates()


_measuring = threading.Lock()


@cache
def _rates() -> Mapping[str, float]:
    return MappingProxyType({kind.name: measure(kind) for kind in CHOICES})


def fastest() -> str:
    """Choose the stream that this machine generates fastest."""
    # A Raspberry Pi before the 5 has no AES instructions: ChaCha20 wins there, AES-CTR on most others.
    return max(rates(), key=lambda name: rates()[name])
