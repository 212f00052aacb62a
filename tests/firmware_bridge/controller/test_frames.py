"""Frames and bodies: what goes in comes out, nothing damaged gets through, and the bytes are those of the protocol."""

from __future__ import annotations

import zlib
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge import messages
from firmware_bridge.controller import wire
from firmware_bridge.frames import DamagedFrame, Frame

U8, U16 = st.integers(0, 0xFF), st.integers(0, 0xFFFF)
quick = settings(max_examples=50, deadline=None)
FRAMES = st.builds(Frame, kind=U8, session=U16, seq=U16, body=st.binary(max_size=200), flags=U8, version=U8)

COBS = {  # Wikipedia's table, which is Cheshire and Baker's
    "00": "0101",
    "0000": "010101",
    "00110000": "0102110101",
    "11220033": "0311220233",
    "11223344": "0511223344",
    "11000000": "0211010101",
    "".join(f"{n:02x}" for n in range(1, 255)): "ff" + "".join(f"{n:02x}" for n in range(1, 255)),
    "".join(f"{n:02x}" for n in range(255)): "01ff" + "".join(f"{n:02x}" for n in range(1, 255)),
    "".join(f"{n:02x}" for n in range(1, 256)): "ff" + "".join(f"{n:02x}" for n in range(1, 255)) + "02ff",
    "".join(f"{n:02x}" for n in range(2, 256)) + "00": "ff" + "".join(f"{n:02x}" for n in range(2, 256)) + "0101",
}

DOCS = Path(__file__).resolve().parents[3] / "docs/controller.md"
SESSION = 0x1234
GOLDEN = {  # as docs/controller.md shows them
    "03010101010201052e365ce900": (0, 1, messages.Hello()),
    "03010201010202053412d0070101010101052581460500": (0, 2, messages.OpenSession(SESSION)),
    "03011004341203010383830105d24fb22e00": (SESSION, 3, messages.SetBay(0, 0x83, 0x83, 0)),
    "03019004341203020105eaab975000": (SESSION, 3, messages.Revision(1)),
    "0301030434120405887b08b900": (SESSION, 4, messages.Heartbeat()),
    "0301a004341207020702040750147544f97100": (SESSION, 7, messages.Event(7, wire.SAW_OVERCURRENT, 0, 5200)),
    "0301ff04341203030703054412f73e00": (SESSION, 3, messages.Error(wire.E_REV, 3)),
}


@pytest.mark.parametrize("data", GOLDEN)
def test_golden_frames(data: str) -> None:
    session, seq, body = GOLDEN[data]
    assert Frame(body.KIND, session, seq, body.to_body()).to_bytes().hex() == data
    assert bytes.fromhex(data).hex(" ").upper() in DOCS.read_text("utf-8")
    assert type(body).from_body(Frame.from_bytes(bytes.fromhex(data)).body) == body


@pytest.mark.parametrize("plain", COBS)
def test_cobs_is_the_published_one(plain: str) -> None:
    assert wire.cobs_encode(bytes.fromhex(plain)).hex() == COBS[plain]
    assert wire.cobs_decode(bytes.fromhex(COBS[plain])).hex() == plain


@quick
@given(st.binary(max_size=1200))
def test_cobs_gives_back_what_it_got_without_a_zero(data: bytes) -> None:
    encoded = wire.cobs_encode(data)
    assert 0 not in encoded
    assert wire.cobs_decode(encoded) == data


@quick
@given(FRAMES)
def test_a_frame_reads_back_as_it_was_written(frame: Frame) -> None:
    data = frame.to_bytes()
    assert data.count(b"\0") == 1
    assert data.endswith(b"\0")
    assert len(data) <= wire.MAX_ENCODED + 1
    assert Frame.from_bytes(data) == frame


@quick
@given(FRAMES)
def test_the_bytes_under_cobs_are_those_of_the_protocol(frame: Frame) -> None:
    plain = wire.cobs_decode(frame.to_bytes()[:-1])
    assert plain[:3] == bytes([frame.version, frame.kind, frame.flags])
    assert plain[3:7] == frame.session.to_bytes(2, "little") + frame.seq.to_bytes(2, "little")
    assert plain[7:-4] == frame.body
    assert plain[-4:] == zlib.crc32(plain[:-4]).to_bytes(4, "little")


@quick
@given(FRAMES, st.data())
def test_a_damaged_frame_is_never_taken_for_one(frame: Frame, data: st.DataObject) -> None:
    encoded = bytearray(frame.to_bytes()[:-1])
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedFrame):
        Frame.from_bytes(bytes(encoded))


def test_a_body_of_more_than_200_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        Frame(wire.GET_ALL, 1, 1, bytes(201)).to_bytes()


@quick
@given(st.lists(FRAMES, max_size=5), st.integers(1, 9), st.binary(max_size=300).filter(lambda b: 0 not in b))
def test_frames_are_found_however_the_bytes_come(frames: list[Frame], step: int, noise: bytes) -> None:
    stream = noise + b"\0" + b"".join(frame.to_bytes() for frame in frames)
    splitter = wire.Splitter()
    found = [e for at in range(0, len(stream), step) for e in splitter.feed(stream[at : at + step])]
    assert [Frame.from_bytes(e) for e in found[len(found) - len(frames) :]] == frames


def test_what_is_longer_than_a_frame_is_not_kept() -> None:
    splitter = wire.Splitter()
    for _ in range(1000):
        assert splitter.feed(b"x" * 100) == []
    assert len(splitter._held) <= wire.MAX_ENCODED
    assert splitter.feed(b"\0" + Frame(1, 0, 1).to_bytes()) == [Frame(1, 0, 1).to_bytes()[:-1]]


ALL = [kind for kind in messages.Body.__subclasses__() if kind is not messages.Info]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
@quick
@given(data=st.data())
def test_a_body_reads_back_as_it_was_written(kind: type[messages.Body], data: st.DataObject) -> None:
    size = len(fields(kind))
    body = kind(*(data.draw(st.integers(0, 127)) for _ in range(size))) if kind is not messages.EnterBoot else None
    body = body or messages.EnterBoot(wire.BOOT_MAGIC, data.draw(st.binary(min_size=12, max_size=12)))
    assert kind.from_body(body.to_body()) == body
    assert kind.from_body(body.to_body() + b"later") == body
    if size:
        with pytest.raises(messages.BadBody):
            kind.from_body(body.to_body()[:-1])


def test_every_message_has_a_type_of_its_own() -> None:
    kinds = [body.KIND for body in messages.Body.__subclasses__()]
    assert len(set(kinds)) == len(kinds)


def test_sequence_numbers_begin_anew_after_65535() -> None:
    assert wire.newer(0, 0xFFFF)
    assert wire.newer(5, 4)
    assert not wire.newer(4, 4)
    assert not wire.newer(0xFFFF, 0)
