"""Key events of the kernel -> readings. Pure: no device, no clock; the events bring their own times.

Numbers are those of include/uapi/linux/input-event-codes.h. A HID scanner is a keyboard that types a code and Enter;
what it types is read with the US layout, whatever layout the console has.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drivers.inputs._readings import MAX_BYTES, Reading, Unfinished, Unreadable, parse_reading

EVENT = struct.Struct("@llHHi")  # struct input_event: a time in two longs, type, code, value
EV_SYN, EV_KEY = 0, 1
SYN_REPORT, SYN_DROPPED = 0, 3
PRESSED = 1  # 0 is released, 2 repeats a key that is held down
ENTER = frozenset({28, 96})  # KEY_ENTER, KEY_KPENTER
SHIFT = frozenset({42, 54})
OTHER_MODIFIERS = frozenset({29, 97, 56, 100, 125, 126})  # control, alt, meta: they make no character
MENDS = frozenset({"backspace", "delete"})  # keys that take a number's last digit back
SILENT = frozenset({58, 69, 70})  # caps, num and scroll lock: scanners toggle them around a code

_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
    (71, "789-456+1230.", "789-456+1230."),
)
_ONES = {55: ("*", "*"), 98: ("/", "/")}
US_LAYOUT: Mapping[int, tuple[str, str]] = {
    **{first + i: pair for first, plain, shifted in _ROWS for i, pair in enumerate(zip(plain, shifted, strict=True))},
    **_ONES,
}
"""Key code -> (character, character with shift)."""

KEY_NAMES: Mapping[int, str] = {
    1: "esc",
    14: "backspace",
    15: "tab",
    28: "enter",
    96: "enter",
    111: "delete",
    12: "minus",
    74: "minus",
    78: "plus",
    55: "star",
    98: "slash",
    83: "dot",
    52: "dot",
    **{59 + i: f"f{i + 1}" for i in range(10)},
    **{code: pair[0] for code, pair in US_LAYOUT.items() if pair[0].isdigit()},
}
"""Key code -> the name by which a keypad's settings know it."""


@dataclass(frozen=True)
class KeyEvent:
    """One change of one key. `at_us`: microseconds, on the kernel's monotonic clock."""

    code: int
    value: int
    at_us: int


def key_events(raw: bytes) -> Iterator[KeyEvent | None]:
    """Unpack whole `struct input_event`s, keys only. None where the kernel dropped some (SYN_DROPPED)."""
    for seconds, micros, kind, code, value in EVENT.iter_unpack(raw[: len(raw) // EVENT.size * EVENT.size]):
        if kind == EV_KEY:
            yield KeyEvent(code, value, seconds * 1_000_000 + micros)
        elif (kind, code) == (EV_SYN, SYN_DROPPED):
            yield None


class Burst:
    """A scanner's keys -> readings. What does not come in one burst is no scan: nobody types that fast."""

    def __init__(self, gap_us: int) -> None:
        """`gap_us`: the longest pause inside one code."""
        self._gap_us = gap_us
        self._text: list[str] = []
        self._held: set[int] = set()
        self._last_us: int | None = None
        self._wrong = ""

    @property
    def pending(self) -> bool:
        """Whether a code has begun and not ended."""
        return self._last_us is not None

    def feed(self, event: KeyEvent | None) -> Reading | None:
        """Feed the event in, and return the reading that it ends, if it ends one."""
        if event is None:
            self._held.clear()
            self._last_us = self._last_us or 0
            self._wrong = "keys were lost"
            return None
        if event.code in SHIFT or event.code in OTHER_MODIFIERS:
            (self._held.discard if event.value == 0 else self._held.add)(event.code)
            return None
        if event.value != PRESSED or event.code in SILENT:
            return None
        if self._last_us is not None and event.at_us - self._last_us > self._gap_us:
            self._wrong = self._wrong or f"a pause of {(event.at_us - self._last_us) // 1000} ms inside it"
        self._last_us = event.at_us
        if event.code in ENTER:
            return self._ended()
        self._typed(event.code)
        return None

    def drop(self) -> None:
        """Forget a code that will not end."""
        self._text, self._last_us, self._wrong = [], None, ""

    def give_up(self) -> Reading:
        """Forget a code whose end did not come, and return what is to be said of it."""
        self.drop()
        return Unreadable("it has no end: the scanner must send Enter after each code")

    def _typed(self, code: int) -> None:
        pair = US_LAYOUT.get(code)
        if pair is None or self._held & OTHER_MODIFIERS:
            self._wrong = self._wrong or "it holds characters that no label has"
        elif len(self._text) <= MAX_BYTES:
            self._text.append(pair[bool(self._held & SHIFT)])

    def _ended(self) -> Reading | None:
        text, wrong = "".join(self._text), self._wrong
        self.drop()
        return Unreadable(wrong) if wrong else parse_reading(text.encode())


class Keypad:
    """A person's keys -> readings: each key of `keys` is a code of its own; digits and Enter name a bay.

    A number ends with Enter and with nothing else, and that Enter is no answer: `2`, `4`, Enter is bay 24, not bay 2,
    bay 4 and YES. More digits than there can be are no number at all. A number that was given up takes the next Enter
    with it: whoever presses it late means the number.
    """

    def __init__(self, keys: Mapping[str, str], bay: str, digits: int) -> None:
        self._keys, self._bay, self._digits = keys, bay, digits
        self._number = ""
        self._given_up = ""

    @property
    def pending(self) -> bool:
        """Whether a number has begun and not ended."""
        return bool(self._number)

    def feed(self, event: KeyEvent | None) -> Reading | None:
        """Feed the key in, and return the reading that it is, if it is one. Other keys do nothing."""
        if event is None:  # digits may be lost: what is left of the number is another number
            self._number = "?" if self._number else ""
            return None
        if event.value != PRESSED:
            return None
        name = KEY_NAMES.get(event.code, "")
        given_up, self._given_up = self._given_up, ""
        if name.isdigit() and name not in self._keys:
            self._number = (self._number + name)[: self._digits + 1]
            return None
        if name == "enter" and given_up and not self._number:
            return Unfinished(given_up)
        if name == "enter" and self._number:
            return self._chosen()
        if name in MENDS and self._number:
            self._number = self._number[:-1]
            return None
        self._number = ""
        text = self._keys.get(name)
        return parse_reading(text.encode()) if text else None

    def give_up(self) -> Reading:
        """Forget a number that was not ended, and return what is to be shown of it."""
        self._given_up, self._number = self._number, ""
        return Unfinished(self._given_up)

    def numbers(self) -> list[str]:
        """List the codes of all numbers that can be typed: of digits that are no codes of their own."""
        typed = (str(number) for number in range(1, 10**self._digits))
        return [self._bay.format(number=n) for n in typed if not any(digit in self._keys for digit in n)]

    def _chosen(self) -> Reading | None:
        number, self._number = self._number, ""
        if not number.isdigit() or len(number) > self._digits:
            return Unreadable(f"a bay's number has at most {self._digits} digits, ended by Enter")
        return parse_reading(self._bay.format(number=number.lstrip("0") or "0").encode())
