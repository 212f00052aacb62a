"""HID scanners and keypads: the kernel's key events, byte for byte, through the driver's own reading edge.

A real keyboard is made with /dev/uinput where there is one; elsewhere the events come through a FIFO.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from drivers.inputs import hid
from drivers.inputs._keys import EVENT, US_LAYOUT, Burst, KeyEvent, Keypad, key_events
from drivers.inputs._readings import Reading, Scan, Unfinished, Unreadable
from drivers.inputs.hid import KEYS, Driver, Settings
from tests.drivers.inputs.test_inputs import Reader, wait_for

LEFT_SHIFT, ENTER, KP_ENTER, CAPS, LEFT_ALT = 42, 28, 96, 58, 56
CODES = {char: (code, shifted) for code, pair in sorted(US_LAYOUT.items()) for shifted, char in enumerate(pair)}


def strokes(text: str, *, start_us: int = 1_000_000, pace_us: int = 4_000, end: int = ENTER) -> list[KeyEvent]:
    """What a scanner's keyboard does to type this text."""
    events, now = [], start_us
    for char in text:
        code, shifted = CODES[char]
        if shifted:
            events.append(KeyEvent(LEFT_SHIFT, 1, now))
        events += [KeyEvent(code, 1, now), KeyEvent(code, 0, now + 500)]
        if shifted:
            events.append(KeyEvent(LEFT_SHIFT, 0, now + 600))
        now += pace_us
    return [*events, KeyEvent(end, 1, now), KeyEvent(end, 0, now + 500)]


def packed(events: Sequence[KeyEvent]) -> bytes:
    """As the kernel writes them, each with its report."""
    made = b""
    for event in events:
        seconds, micros = divmod(event.at_us, 1_000_000)
        made += EVENT.pack(seconds, micros, 4, 4, 458756) + EVENT.pack(seconds, micros, 1, event.code, event.value)
        made += EVENT.pack(seconds, micros, 0, 0, 0)
    return made


def read(keys: Burst | Keypad, *events: KeyEvent | None) -> list[Reading]:
    return [reading for event in events if (reading := keys.feed(event)) is not None]


@pytest.mark.parametrize(
    "text", ["KK-004711", "BAY-A1", "lot_7/x", "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) != "]")]
)
def test_what_is_typed_in_the_us_layout_is_the_scan(text: str) -> None:
    assert read(Burst(50_000), *strokes(text), *strokes("NEXT", end=KP_ENTER, start_us=9_000_000)) == [
        Scan(text),
        Scan("NEXT"),
    ]


def test_an_aim_identifier_is_taken_off_here_too() -> None:
    assert read(Burst(50_000), *strokes("]C0KK-004711")) == [Scan("KK-004711", "code-128")]


@pytest.mark.parametrize(("pause_us", "whole"), [(49_000, True), (50_000, True), (51_000, False), (900_000, False)])
def test_a_pause_inside_a_scan_rejects_all_of_it(pause_us: int, whole: bool) -> None:
    keys = strokes("KK-004711")
    later = [KeyEvent(e.code, e.value, e.at_us + pause_us - 4_000) for e in keys[8:]]
    (reading,) = read(Burst(50_000), *keys[:8], *later)
    assert (reading == Scan("KK-004711")) is whole
    assert isinstance(reading, Scan | Unreadable)


def test_a_pause_between_two_scans_is_none_inside_one() -> None:
    assert read(Burst(50_000), *strokes("A1"), *strokes("A2", start_us=60_000_000)) == [Scan("A1"), Scan("A2")]


def test_keys_that_the_kernel_lost_reject_the_scan_and_only_that() -> None:
    keys = strokes("KK-004711")
    first, second = read(Burst(50_000), *keys[:6], None, *keys[10:], *strokes("A2", start_us=9_000_000))
    assert isinstance(first, Unreadable)
    assert second == Scan("A2")


def test_repeats_locks_and_an_empty_line_are_nothing_and_alt_makes_no_character() -> None:
    burst = Burst(50_000)
    held = [KeyEvent(CODES["A"][0], 2, 1_002_000)]
    assert read(burst, *strokes("a")[:2], *held, KeyEvent(CAPS, 1, 1_003_000), KeyEvent(ENTER, 1, 1_004_000)) == [
        Scan("a")
    ]
    assert read(burst, KeyEvent(ENTER, 1, 5_000_000)) == []
    (reading,) = read(burst, KeyEvent(LEFT_ALT, 1, 9_000_000), *strokes("a", start_us=9_000_000))
    assert isinstance(reading, Unreadable)


def typed(pad: Keypad, *codes: int) -> list[Reading]:
    return read(pad, *(KeyEvent(code, 1, 1_000_000 * i) for i, code in enumerate(codes, start=1)))


ONE, TWO, FOUR, ZERO, ESC, BACKSPACE = 79, 80, 75, 82, 1, 14


def test_a_keypad_alone_says_yes_no_undo_cancel_and_names_bays() -> None:
    pad = Keypad(KEYS, "BAY-{number}", 2)
    found = typed(pad, ONE, ENTER, 3, KP_ENTER, 28, 96, ESC, 74, BACKSPACE, 55, 98, 78)
    names = ["BAY-1", "BAY-2", "YES", "YES", "NO", "NO", "UNDO", "CANCEL", "CANCEL", "START"]
    assert found == [Scan(name) for name in names]
    assert read(pad, KeyEvent(30, 1, 1), KeyEvent(79, 0, 2), KeyEvent(79, 2, 3), None) == []


def test_a_bays_number_ends_with_enter_and_that_enter_is_no_answer() -> None:
    pad = Keypad({**KEYS, "0": "LOT-1"}, "BAY-B{number}", 2)
    assert typed(pad, TWO, FOUR, ENTER) == [Scan("BAY-B24")]
    assert typed(pad, TWO, ENTER, ENTER) == [Scan("BAY-B2"), Scan("YES")]
    assert typed(pad, TWO, ESC, TWO, TWO, ENTER, ZERO) == [Scan("NO"), Scan("BAY-B22"), Scan("LOT-1")]


def test_a_number_is_mended_by_backspace_which_then_undoes_nothing_else() -> None:
    pad = Keypad(KEYS, "BAY-{number}", 2)
    assert typed(pad, TWO, FOUR, BACKSPACE, ONE, ENTER, TWO, BACKSPACE) == [Scan("BAY-21")]
    assert typed(pad, BACKSPACE) == [Scan("UNDO")]


@pytest.mark.parametrize("digits", [1, 2])
def test_a_number_that_no_bay_can_have_names_none_and_answers_nothing(digits: int) -> None:
    pad = Keypad(KEYS, "BAY-{number}", digits)
    (reading,) = typed(pad, *[TWO] * (digits + 1), ENTER)
    assert isinstance(reading, Unreadable)
    assert typed(pad, TWO, ENTER) == [Scan("BAY-2")]


def test_a_number_of_which_the_kernel_lost_a_key_names_no_bay() -> None:
    pad = Keypad(KEYS, "BAY-{number}", 2)
    (reading,) = read(pad, KeyEvent(TWO, 1, 1), None, KeyEvent(FOUR, 1, 2), KeyEvent(ENTER, 1, 3))
    assert isinstance(reading, Unreadable)
    assert typed(pad, ENTER) == [Scan("YES")]


def test_a_number_that_is_given_up_is_shown_and_takes_the_enter_that_comes_late_with_it() -> None:
    pad = Keypad(KEYS, "BAY-{number}", 2)
    assert typed(pad, TWO, FOUR) == []
    assert (pad.pending, pad.give_up(), pad.pending) == (True, Unfinished("24"), False)
    assert typed(pad, ENTER, ENTER) == [Unfinished("24"), Scan("YES")]
    typed(pad, TWO)
    pad.give_up()
    assert typed(pad, FOUR, ENTER, ENTER) == [Scan("BAY-4"), Scan("YES")]


def test_the_numbers_of_a_keypad_are_made_of_keys_that_are_digits() -> None:
    found = Keypad({**KEYS, "9": "REPRINT"}, "BAY-{number}", 1).numbers()
    assert found == [f"BAY-{n}" for n in range(1, 9)]


def test_events_are_cut_as_the_kernel_lays_them_out() -> None:
    raw = packed(strokes("A"))
    assert [e for e in key_events(raw) if e] == strokes("A")
    assert list(key_events(EVENT.pack(0, 0, 0, 3, 0))) == [None]
    assert list(key_events(raw[:20])) == []


@pytest.fixture
def grabbed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A FIFO cannot be grabbed."""
    made: list[int] = []
    monkeypatch.setattr(hid, "grab_input", made.append)
    return made


@pytest.fixture
def reading(tmp_path: Path, grabbed: list[int]) -> Iterator[Callable[[str], tuple[Reader, int]]]:
    """A driver of that kind on a FIFO: its reader, and the other end."""
    ends: list[tuple[Reader, int]] = []

    def start(kind: str) -> tuple[Reader, int]:
        path = tmp_path / "event0"
        os.mkfifo(path)
        end = os.open(path, os.O_RDWR)
        reader = Reader(Driver("scanner", Settings(path=str(path), kind=kind, pause_s=1.0)))  # type: ignore[arg-type]  # a literal
        ends.append((reader, end))
        return ends[-1]

    yield start
    for reader, end in ends:
        reader.end()
        os.close(end)


def test_a_hid_scanner_is_grabbed_and_read_however_its_events_are_cut(
    reading: Callable[[str], tuple[Reader, int]], grabbed: list[int]
) -> None:
    reader, end = reading("scanner")
    raw = packed(strokes("KK-004711"))
    for at in range(0, len(raw), 37):
        os.write(end, raw[at : at + 37])
    assert reader.next() == Scan("KK-004711")
    assert len(grabbed) == 1
    assert reader.end() < 0.5


def test_a_hid_scan_without_end_is_told_and_does_not_stick_to_the_next(
    reading: Callable[[str], tuple[Reader, int]],
) -> None:
    reader, end = reading("scanner")
    os.write(end, packed(strokes("KK-00")[:-2]))
    assert isinstance(reader.next(), Unreadable)
    os.write(end, packed(strokes("KK-004711", start_us=9_000_000)))
    assert reader.next() == Scan("KK-004711")


def test_a_keypad_is_read_as_slowly_as_a_person_presses(reading: Callable[[str], tuple[Reader, int]]) -> None:
    reader, end = reading("keypad")
    presses = (KeyEvent(79, 1, 1_000_000), KeyEvent(ENTER, 1, 99_000_000), KeyEvent(ENTER, 1, 199_000_000))
    os.write(end, packed(presses))
    assert [reader.next(), reader.next()] == [Scan("BAY-1"), Scan("YES")]


def test_a_pause_within_a_number_shows_it_and_the_enter_behind_it_is_not_yes(
    reading: Callable[[str], tuple[Reader, int]],
) -> None:
    reader, end = reading("keypad")
    os.write(end, packed((KeyEvent(TWO, 1, 1_000_000), KeyEvent(FOUR, 1, 1_100_000))))
    assert reader.next() == Unfinished("24")
    os.write(end, packed((KeyEvent(ENTER, 1, 9_000_000), KeyEvent(ENTER, 1, 9_100_000))))
    assert [reader.next(), reader.next()] == [Unfinished("24"), Scan("YES")]


def test_what_cannot_be_grabbed_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "event0"
    os.mkfifo(path)
    end = os.open(path, os.O_RDWR)
    os.write(end, packed(strokes("KK-004711")))
    reader = Reader(Driver("scanner", Settings(path=str(path))))
    wait_for(lambda: reader.device.fault() is not None)
    assert "BW-D04" in str(reader.device.fault())
    assert reader.found.empty()
    reader.end()
    os.close(end)


@pytest.mark.skipif(not os.access("/dev/uinput", os.W_OK), reason="needs /dev/uinput: a keyboard that the kernel makes")
def test_a_keyboard_of_the_kernel_is_grabbed_and_read() -> None:
    from tests.drivers.inputs.uinput import keyboard

    with keyboard("benchwipe test scanner") as (path, typed):
        reader = Reader(Driver("scanner", Settings(path=path)))
        wait_for(lambda: reader.device._fd is not None)  # type: ignore[attr-defined]  # the driver's descriptor
        typed(strokes("KK-004711"))
        assert reader.next() == Scan("KK-004711")
        reader.end()
