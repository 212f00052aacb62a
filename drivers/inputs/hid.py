"""A scanner or keypad that is a USB keyboard (HID), read from "/dev/input/by-id/...-event-kbd".

It is grabbed exclusively (EVIOCGRAB): what is scanned is typed into no console and no other program. Where it cannot be
grabbed it is not read at all.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import msgspec

from drivers.deadline import Deadline
from drivers.errors import DeviceGone
from drivers.inputs._keys import EVENT, Burst, Keypad, key_events
from drivers.inputs._readings import Reading
from drivers.inputs.base import POLL_SECONDS, Input
from firmware_bridge.passthrough import grab_input

KEYS = {"enter": "YES", "esc": "NO", "minus": "NO", "backspace": "UNDO", "delete": "UNDO", "dot": "UNDO"}
KEYS |= {"plus": "START", "star": "CANCEL", "slash": "CANCEL"}
MOST_EVENTS = 64
MOST_DIGITS = 3
USUAL_DIGITS = 2


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`kind`: a scanner types whole codes in a burst; of a keypad each key is a code of its own.

    `gap_ms`: a longer pause inside a scan rejects it. `keys`: a keypad's keys by name (enter, esc, backspace, tab,
    delete, minus, plus, star, slash, dot, f1 to f10, 0 to 9) and the codes that they stand for, added to KEYS. Digits
    that are not among them name a bay, up to `digits` of them and then Enter, as `bay` says. `pause_s`: a number
    without Enter for so long is shown and forgotten.
    """

    path: Annotated[str, msgspec.Meta(min_length=1)]
    kind: Literal["scanner", "keypad"] = "scanner"
    gap_ms: Annotated[int, msgspec.Meta(ge=5, le=1000)] = 50
    keys: dict[str, str] = {}
    bay: Annotated[str, msgspec.Meta(pattern=r"^[^{}]*\{number\}[^{}]*$")] = "BAY-{number}"
    digits: Annotated[int, msgspec.Meta(ge=1, le=MOST_DIGITS)] = USUAL_DIGITS
    pause_s: Annotated[float, msgspec.Meta(ge=1, le=60)] = 5.0


class Driver(Input):
    """Opened anew after it was unplugged: the by-id path stays, the event number does not."""

    gap_seconds: ClassVar[float | None] = 1.0

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings
        self._fd: int | None = None
        self._rest = b""

    def open(self) -> None:
        """Open and grab the device. Raise DeviceGone when it is not there, or somebody else has grabbed it."""
        try:
            self._fd = os.open(self._settings.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            grab_input(self._fd)
        except OSError as error:
            self.close()
            raise self._gone(error) from error
        self._rest = b""

    def read_some(self, seconds: float) -> bytes:
        """Read whole events. Nothing for a piece of one."""
        assert self._fd is not None
        try:
            ready, _, _ = select.select([self._fd], [], [], seconds)
            if not ready:
                return b""
            data = os.read(self._fd, EVENT.size * MOST_EVENTS)
        except BlockingIOError:
            return b""
        except OSError as error:  # ENODEV: unplugged
            raise self._gone(error) from error
        if not data:
            raise DeviceGone(device=f"{self.name} ({self._settings.path})")
        whole = self._rest + data
        end = len(whole) // EVENT.size * EVENT.size
        self._rest = whole[end:]
        return whole[:end]

    def close(self) -> None:
        """Close the descriptor. The grab goes with it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _session(self, stop: threading.Event) -> Iterator[Reading]:
        about = self._settings
        keys = Burst(about.gap_ms * 1000) if about.kind == "scanner" else self._keypad()
        gap = self.gap_seconds if about.kind == "scanner" else about.pause_s
        quiet = Deadline(0)
        while not stop.is_set():
            data = self.read_some(POLL_SECONDS)
            for event in key_events(data):
                reading = keys.feed(event)
                if reading is not None:
                    yield reading
            if data and gap is not None:
                quiet = Deadline(gap)
            elif keys.pending and quiet.passed:
                yield keys.give_up()

    def numbers(self) -> tuple[str, ...]:
        """List the codes that a keypad's numbers are; none for a scanner."""
        return tuple(self._keypad().numbers()) if self._settings.kind == "keypad" else ()

    def _keypad(self) -> Keypad:
        return Keypad({**KEYS, **self._settings.keys}, self._settings.bay, self._settings.digits)

    def _gone(self, error: OSError) -> DeviceGone:
        return DeviceGone(device=f"{self.name} ({self._settings.path}: {error.strerror})")
