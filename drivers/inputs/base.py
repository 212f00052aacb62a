"""What the station asks of a scanner or keypad: readings, one for each code, for as long as the station runs.

Each input is read in a thread of its own, which does nothing but put readings into the engine's queue.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar

from drivers.deadline import Deadline
from drivers.errors import DeviceGone
from drivers.inputs._readings import LineSplitter, Reading, Unreadable, parse_reading

POLL_SECONDS = 0.2  # how soon a stop is noticed
BACK_OFF = (0.25, 0.5, 1.0, 2.0, 5.0)


class Input(ABC):
    """A source of readings. Subclasses open, read some bytes within a time, and close; the rest is here."""

    name: str
    gap_seconds: ClassVar[float | None] = None
    """A pause inside one code that means that its end was lost; None: a person may type as slowly as they like."""
    endless: ClassVar[bool] = True
    """Whether it comes back after it went; standard input does not."""

    @abstractmethod
    def open(self) -> None:
        """Open the device. DeviceGone when it is not there."""

    @abstractmethod
    def read_some(self, seconds: float) -> bytes:
        """Read what has arrived, waiting at most so long; empty for nothing.

        Raise DeviceGone when the device is gone.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the device. Calling it twice is harmless."""

    def fault(self) -> str | None:
        """Tell why nothing can be read now. None while all is well. May be asked from any thread."""
        return self._fault

    def numbers(self) -> tuple[str, ...]:
        """List the codes of bays that a person can type on it as numbers. Usually none: a scanner has none."""
        return ()

    _fault: str | None = None

    def readings(
        self, stop: threading.Event, changed: Callable[[DeviceGone | None], None] = lambda _: None
    ) -> Iterator[Reading]:
        """Yield every reading until `stop` is set (noticed within 0.5 s). An unplugged device is opened again.

        `changed` hears, in this thread, that it is gone, and with None that it is back.
        """
        tries = 0
        try:
            while not stop.is_set():
                try:
                    self.open()
                    if self._fault is not None:
                        changed(None)
                    self._fault, tries = None, 0
                    yield from self._session(stop)
                except DeviceGone as gone:
                    if self._fault != gone.line():
                        changed(gone)
                    self._fault = gone.line()
                self.close()
                if not self.endless:
                    return
                stop.wait(BACK_OFF[min(tries, len(BACK_OFF) - 1)])
                tries += 1
        finally:
            self.close()

    def _session(self, stop: threading.Event) -> Iterator[Reading]:
        splitter = LineSplitter()  # a new one for each session: half a code from before the unplugging is lost
        quiet = Deadline(0)
        while not stop.is_set():
            data = self.read_some(POLL_SECONDS)
            for line in splitter.feed(data):
                reading = parse_reading(line)
                if reading is not None:
                    yield reading
            if data and self.gap_seconds is not None:
                quiet = Deadline(self.gap_seconds)
            elif splitter.pending and self.gap_seconds is not None and quiet.passed:
                splitter.drop()
                yield Unreadable("it has no end: the scanner must send CR after each code")
