"""Scanned text is untrusted: what arrives whole becomes a Scan, what does not is Unreadable, nothing is mended."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.inputs._readings import MAX_BYTES, LineSplitter, Scan, Unreadable, parse_reading, split_aim


@pytest.mark.parametrize(
    ("raw", "scan"),
    [
        (b"KK-004711", Scan("KK-004711")),
        (b"]C0KK-004711", Scan("KK-004711", "code-128")),
        (b"]Q1benchwipe:ab", Scan("benchwipe:ab", "qr")),
        (b"]d2ABC", Scan("ABC", "data-matrix")),
        (b"]A0ABC", Scan("ABC", "code-39")),
        (b"]E05701234567899", Scan("5701234567899", "ean-upc")),
        (b"]?0ABC", Scan("]?0ABC")),
        (b"]C0", Scan("]C0")),
        (b"\x02  KK-004711 \x03", Scan("KK-004711")),
        ("Bænk Ærø".encode(), Scan("Bænk Ærø")),
        ("Bænk".encode("cp1252"), Scan("Bænk")),
        ("A\u030arhus".encode(), Scan("Århus")),
    ],
)
def test_a_whole_scan_loses_its_frame_and_its_aim_identifier(raw: bytes, scan: Scan) -> None:
    assert parse_reading(raw) == scan


@pytest.mark.parametrize("raw", [b"", b"   ", b"\x02\x03", b"\x00\x00"])
def test_an_empty_scan_is_none_at_all(raw: bytes) -> None:
    assert parse_reading(raw) is None


@pytest.mark.parametrize(
    "raw",
    [b"KK-\x00004711", b"KK\x1b[2J", "KK\u202e004711".encode(), "KK\u200b1".encode(), b"\x81\x8d\x8f", b"a" * 10_000],
)
def test_a_damaged_scan_is_never_mended_into_another_tag(raw: bytes) -> None:
    assert isinstance(parse_reading(raw), Unreadable)


@given(st.binary(max_size=600))
def test_whatever_arrives_a_scan_is_printable_and_bounded(raw: bytes) -> None:
    reading = parse_reading(raw)
    if isinstance(reading, Scan):
        assert reading.text == reading.text.strip()
        assert 0 < len(reading.text) <= MAX_BYTES
        assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in reading.text)


@given(st.text(max_size=40))
def test_only_a_known_aim_identifier_is_taken_off(text: str) -> None:
    scan = split_aim(text)
    assert scan.text == text or (scan.symbology is not None and text[0] == "]" and text.endswith(scan.text.rstrip()))


@given(st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\r", b"").replace(b"\n", b"")), max_size=8), st.data())
def test_lines_are_the_same_however_their_bytes_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    ends = data.draw(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n"]), min_size=len(lines), max_size=len(lines)))
    stream = b"".join(line + end for line, end in zip(lines, ends, strict=True))
    splitter, found, at = LineSplitter(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, 7))
        found += splitter.feed(stream[at : at + size])
        at += size
    assert found == [line for line in lines if line]
    assert not splitter.pending


def test_a_line_without_end_takes_no_more_memory_than_one_line() -> None:
    splitter = LineSplitter()
    for _ in range(100):
        assert splitter.feed(b"x" * 4096) == []
    assert len(splitter._open) == MAX_BYTES + 1
    (line,) = splitter.feed(b"\r")
    assert isinstance(parse_reading(line), Unreadable)
