"""One thread for one device: its calls in order, its faults told once, its silence nobody else's problem."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from agent.bench.events import DeviceFault
from drivers.deadline import Deadline
from drivers.errors import DeviceGone, DeviceSilent, DriverError
from drivers.lasting import lasting

log = logging.getLogger("benchwipe.effects")

T = TypeVar("T")

QUEUE_BOUND = 256
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 30.0
SILENCE = "silence"  # the fault of the whole device, beside those of its calls


class Later(Exception):
    """Raised by a call that is well, and wants to be carried out (again) after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True)
class _Call:
    """`due` is a moment of the monotonic clock; `patient` ones wait for a silent device, the others try it at once."""

    what: Callable[[], object]
    due: float = 0.0
    patient: bool = False
    keyed: bool = True


class DeviceThread:
    """Calls with a `key` replace an earlier one that still waits: of outputs and displays only the last word counts."""

    def __init__(self, name: str, fault: Callable[[DeviceFault], None], *, patient: bool = False) -> None:
        """`patient`: a keyed call that met no answer is kept, and tried again later and later."""
        self.name = name
        self._fault = fault
        self._patient = patient
        self._faults: dict[Hashable, tuple[str, str]] = {}
        self._silences = 0
        self._quiet_until = 0.0
        self._number = itertools.count()
        self._calls: dict[Hashable, _Call] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread = lasting(f"device-{name}", self._run, over=lambda: self._closed)
        self._thread.start()

    def call(self, what: Callable[[], object], *, key: Hashable = None) -> bool:
        """Queue a call. False, for one without a key, when the device is so far behind that it is dropped."""
        with self._changed:
            if key is None and len(self._calls) >= QUEUE_BOUND:
                log.warning("device %s is %d calls behind: one was dropped", self.name, QUEUE_BOUND)
                return False
            call = _Call(what, patient=self._patient and key is not None, keyed=key is not None)
            self._put(key if key is not None else next(self._number), call)
        return True

    def ask(self, what: Callable[[], T], *, key: Hashable, within: float) -> T:
        """Have a worker's call carried out in this thread, and wait for what it returns or raises.

        DeviceSilent where that did not come about in time; then it is not carried out later either.
        """
        answer: queue.SimpleQueue[tuple[T, None] | tuple[None, Exception]] = queue.SimpleQueue()

        def run() -> None:
            try:
                answer.put((what(), None))
            except Later:
                raise
            except Exception as error:
                answer.put((None, error))
                raise

        call = _Call(run)
        with self._changed:
            self._put(key, call)
        try:
            returned, error = answer.get(timeout=within)
        except queue.Empty:
            with self._changed:
                if (waiting := self._calls.get(key)) is not None and waiting.what is run:
                    del self._calls[key]
            raise DeviceSilent(device=self.name, seconds=within) from None
        if error is not None:
            raise error
        return cast(T, returned)

    def waits(self, key: Hashable) -> bool:
        """Say whether a call of that key is still to be carried out."""
        with self._changed:
            return key in self._calls

    def close(self, within: Deadline) -> bool:
        """Carry out what is due; whether that was done in time."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(within.left())
        return not self._thread.is_alive()

    def _put(self, key: Hashable, call: _Call) -> None:
        self._calls.pop(key, None)
        self._calls[key] = call
        self._changed.notify()

    def _next(self) -> tuple[Hashable, _Call] | None:
        """The first that is due; None when the thread is to end."""
        with self._changed:
            while True:
                now = time.monotonic()
                due = {key: self._due(call) for key, call in self._calls.items()}
                for key, moment in due.items():
                    if moment <= now:
                        return key, self._calls.pop(key)
                if self._closed:
                    return None
                self._changed.wait(min(due.values()) - now if due else None)

    def _due(self, call: _Call) -> float:
        return max(call.due, self._quiet_until) if call.patient else call.due

    def _run(self) -> None:
        while (taken := self._next()) is not None:
            key, call = taken
            told: Hashable = key if call.keyed else None  # calls without a key have one fault together
            try:
                call.what()
            except Later as later:
                self._keep(key, call, later.seconds)
                self._well(told)
            except (DeviceGone, DeviceSilent) as error:
                self._silent(error)
                if call.patient:
                    self._keep(key, call, 0.0)
            except DriverError as error:
                self._ill(told, error.line(), error.code)
            except Exception as error:  # the edge of a device's thread: its defect stays its own
                log.exception("device %s", self.name)
                self._ill(told, f"{type(error).__name__}: {error}", "BW-D99")
            else:
                self._well(told)

    def _keep(self, key: Hashable, call: _Call, seconds: float) -> None:
        """Unless a newer word came meanwhile."""
        with self._changed:
            if key not in self._calls:
                self._calls[key] = replace(call, due=time.monotonic() + seconds)

    def _silent(self, error: DriverError) -> None:
        """Nothing is done to the bays of a silent device: what it switched stays as it is."""
        pause = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(self._silences, 10))
        self._silences += 1
        with self._changed:
            self._quiet_until = time.monotonic() + pause
        if SILENCE not in self._faults:  # told once, in the words of the call that met it
            self._ill(SILENCE, error.line(), error.code)

    def _well(self, key: Hashable) -> None:
        self._silences, self._quiet_until = 0, 0.0
        before = self._standing()
        self._faults.pop(key, None)
        self._faults.pop(SILENCE, None)
        self._tell(before)

    def _ill(self, key: Hashable, text: str, code: str) -> None:
        before = self._standing()
        self._faults[key] = (text, code)
        self._tell(before)

    def _standing(self) -> tuple[str, str] | None:
        """The silence of the device before the faults of its calls."""
        return self._faults.get(SILENCE) or next(iter(self._faults.values()), None)

    def _tell(self, before: tuple[str, str] | None) -> None:
        now = self._standing()
        if now != before:
            text, code = now or (None, "BW-D00")
            self._fault(DeviceFault(self.name, code, text))
