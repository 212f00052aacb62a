"""Streams are the published ciphers, seekable, and different for each drive, pass and job."""

from __future__ import annotations

import math
import zlib

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.erase.buffers import ROOM
from agent.erase.streams import (
    CHOICES,
    STREAMS,
    Aes256Ctr,
    Aes256Gctr,
    Aes256GctrMib,
    ChaCha20,
    Stream,
    fastest,
    pass_key,
    rates,
)
from tests.agent.erase.drives import MemoryDrive
from tests.agent.erase.jobs import KIB, MIB, run_job

KINDS = list(STREAMS.values())
GOLDEN = {
    "aes-256-ctr": "e6089cd06481e29b",
    "aes-256-gctr": "cae12342f00c58a1",
    "aes-256-gctr-512k": "8aa71dd65008d62c",
    "chacha20": "f57021bf4d61ab7d",
}


def _take(stream: Stream, offset: int, length: int) -> bytes:
    buffer = memoryview(bytearray(length))
    stream.fill(buffer, offset)
    return bytes(buffer)


def test_aes_is_the_counter_mode_of_sp_800_38a() -> None:
    # F.5.5: the key stream block of counter f0f1...ff is 0bdf7df1591716335e9a8b15c860c502
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    counter = int.from_bytes(bytes(range(0xF0, 0x100)), "big")
    assert _take(Aes256Ctr(key), counter * 16, 16).hex() == "0bdf7df1591716335e9a8b15c860c502"


def test_chacha_is_that_of_rfc_8439() -> None:
    # A.1, test vectors 1 and 2: key and nonce of zeros, blocks 0 and 1
    assert _take(ChaCha20(bytes(32)), 0, 16).hex() == "76b8e0ada0f13d90405d6ae55386bd28"
    assert _take(ChaCha20(bytes(32)), 64, 16).hex() == "9f07e7be5551387a98ba977c732d080d"


@pytest.mark.parametrize("kind", KINDS)
@given(start=st.integers(0, 1 << 20), length=st.integers(1, 3000), near=st.sampled_from([0, (1 << 30), (1 << 40)]))
def test_the_stream_is_the_same_however_it_is_cut(kind: type[Stream], start: int, length: int, near: int) -> None:
    stream = kind(b"k" * 32)
    offset = max(0, near - 64 * 16) + start // 64 * 64
    whole = _take(stream, offset, length + 128)
    assert _take(stream, offset + 64, length) == whole[64 : 64 + length]


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_across_chachas_gib_is_seamless(kind: type[Stream]) -> None:
    stream = kind(b"k" * 32)
    edge = 1 << 30
    assert _take(stream, edge - 512, 1024) == _take(stream, edge - 512, 512) + _take(stream, edge, 512)


def test_every_job_drive_and_pass_has_a_key_of_its_own() -> None:
    keys = {
        pass_key(root, fingerprint=drive, pass_number=n)
        for root in (bytes(32), b"\x01" * 32)
        for drive in ("aa", "ab")
        for n in (1, 2, 256)
    }
    assert len(keys) == 12
    assert all(len(key) == 32 for key in keys)


@pytest.mark.parametrize("kind", KINDS)
def test_the_stream_looks_random(kind: type[Stream]) -> None:
    _assert_random(_take(kind(bytes(range(32))), 0, 1 << 20))


def test_a_drive_after_a_random_pass_looks_random_and_no_block_stands_twice() -> None:
    drive = MemoryDrive(3 * MIB + 512)
    run_job(drive, "random", block=256 * KIB)
    image = bytes(drive.durable)
    _assert_random(image)
    assert len({image[i : i + 16] for i in range(0, len(image), 16)}) == len(image) // 16


def _assert_random(data: bytes) -> None:
    """Frequencies of bytes and bits, and neighbours, within five standard deviations; nothing to compress."""
    expected = len(data) / 256
    chi2 = sum((data.count(bytes([value])) - expected) ** 2 / expected for value in range(256))
    assert 255 - 5 * math.sqrt(2 * 255) < chi2 < 255 + 5 * math.sqrt(2 * 255)
    ones = int.from_bytes(data, "big").bit_count()
    assert abs(ones - len(data) * 4) < 5 * math.sqrt(len(data) * 8) / 2
    assert len(zlib.compress(data, 9)) > len(data)
    shifted = int.from_bytes(data[1:], "big") ^ int.from_bytes(data[:-1], "big")
    assert abs(shifted.bit_count() - (len(data) - 1) * 4) < 5 * math.sqrt(len(data) * 8) / 2


def test_the_choice_is_the_fastest_of_the_cryptographic_ones() -> None:
    measured = rates()
    assert set(measured) == {kind.name for kind in CHOICES} < set(STREAMS)
    assert measured[fastest()] == max(measured.values()) > 0


@pytest.mark.parametrize("kind", [Aes256Gctr, Aes256GctrMib])
@pytest.mark.parametrize("segment", [0, 1, 3_000_000_000])
def test_gctr_is_the_counter_mode_that_sp_800_38d_names(segment: int, kind: type[Aes256Gctr]) -> None:
    # Test case 14 of the GCM specification: key, nonce and plaintext of zeros
    assert _take(kind(bytes(32)), 0, 16).hex() == "cea7403d4d606b6e074ec5d3baf39d18"
    # What GCM gives from a segment's beginning, and CTR from its middle, are the same counter blocks.
    stream, offset = kind(b"k" * 32), segment * kind.SEGMENT
    whole = _take(stream, offset, kind.SEGMENT + 1024)
    assert _take(stream, offset + 512, kind.SEGMENT) == whole[512 : 512 + kind.SEGMENT]
    assert whole[:1024] == _take(Aes256Ctr(b"k" * 32), ((segment << 32) + 2) * 16, 1024)


def test_the_names_stand_for_the_same_bytes_for_ever() -> None:
    # A job that was begun with a stream goes on with it, on any machine and with any later version.
    digests = {
        name: blake3(_take(kind(bytes(range(32))), 0, 2 * MIB + 512)).hexdigest()[:16] for name, kind in STREAMS.items()
    }
    assert digests == GOLDEN


@pytest.mark.parametrize("kind", KINDS)
@given(start=st.integers(0, 1 << 15), length=st.integers(1, 4 << 10), room=st.integers(0, 40), piece=st.integers(1, 40))
@settings(max_examples=30)
def test_with_room_behind_it_or_in_pieces_it_is_the_same_stream(
    kind: type[Stream], start: int, length: int, room: int, piece: int
) -> None:
    stream, offset, size = kind(b"k" * 32), start * 512, length * 512
    wanted = _take(stream, offset, size)
    buffer = memoryview(bytearray(b"\xa5" * (size + room)))
    stream.fill(buffer, offset, size)
    assert bytes(buffer[:size]) == wanted
    assert all(byte == 0xA5 for byte in buffer[size + ROOM :]), "more than the room was written over"
    scratch = memoryview(bytearray(piece * 64 * KIB + ROOM))
    assert b"".join(bytes(part) for part in stream.pieces(offset, size, scratch)) == wanted
