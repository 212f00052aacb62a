"""One thread for one device: its calls in order, its faults told once, its silence nobody else's problem."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Hashable

from agent.bench.events import DeviceFault
from drivers.deadline import Deadline
from drivers.errors import DriverError

log = logging.getLogger("benchwipe.effects")

QUEUE_BOUND = 256


class DeviceThread:
    """Calls with a `key` replace an earlier one that still waits: of lamps and displays only the last word counts."""

    def __init__(self, name: str, fault: Callable[[DeviceFault], None]) -> None:
        self.name = name
        self._fault = fault
        self._failing = False
        self._number = itertools.count()
        self._calls: dict[Hashable, Callable[[], None]] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"device-{name}", daemon=True)
        self._thread.start()

    def call(self, what: Callable[[], None], *, key: Hashable = None) -> bool:
        """Queue a call. False, for one without a key, when the device is so far behind that it is dropped."""
        with self._changed:
            if key is None and len(self._calls) >= QUEUE_BOUND:
                log.warning("device %s is %d calls behind: one was dropped", self.name, QUEUE_BOUND)
                return False
            key = key if key is not None else next(self._number)
            self._calls.pop(key, None)
            self._calls[key] = what
            self._changed.notify()
        return True

    def close(self, within: Deadline) -> bool:
        """Carry out what is queued; whether that was done in time."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(within.left())
        return not self._thread.is_alive()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._calls and not self._closed:
                self._changed.wait()
            return self._calls.pop(next(iter(self._calls))) if self._calls else None

    def _run(self) -> None:
        while (what := self._next()) is not None:
            try:
                what()
            except DriverError as error:
                self._tell(error.line(), error.code)
            except Exception as error:  # the edge of a device's thread: its defect stays its own
                log.exception("device %s", self.name)
                self._tell(f"{type(error).__name__}: {error}", "BW-D99")
            else:
                self._tell(None, "BW-D00")

    def _tell(self, text: str | None, code: str) -> None:
        if text is None and not self._failing:
            return
        self._failing = text is not None
        self._fault(DeviceFault(self.name, code, text))
