"""A dock controller's line, shared by the dock's own thread and the one that keeps its lease.

The thread `lease-<name>` begins with the first attachment: it sends heartbeats, takes in events, and attaches again
after the line was silent, so that a short outage costs no bay its power. One lock is held for each exchange.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from drivers.deadline import Deadline
from drivers.errors import DeviceGarbled, DeviceGone, DeviceSilent, DriverError
from drivers.lasting import lasting
from firmware_bridge.controller import wire
from firmware_bridge.errors import BridgeError
from firmware_bridge.link import Link, LinkSilent, RequestRefused, VersionMismatch
from firmware_bridge.messages import Event, Info
from firmware_bridge.serial_line import SerialLine

log = logging.getLogger("benchwipe.dock")

T = TypeVar("T")
AGAIN_S = 1.0  # between two attempts to attach
LOOK_S = 0.25  # how long `close` may have to wait for the lease's thread


class WrongController(DriverError):
    """It cannot be used with these settings or this version; nothing was switched."""

    code = "BW-D30"
    message = "{device} cannot be used: {problem}"


class ControllerRefused(DriverError):
    """The controller said no: a limit, a busy bay."""

    code = "BW-D31"
    message = "{device}: {problem}"
    hint = "Look at the drive in that bay."

    def __init__(self, *, device: str, problem: RequestRefused) -> None:
        self.error = problem.error
        super().__init__(device=device, problem=problem)


@dataclass(frozen=True)
class Heard:
    """What came with a heartbeat: events, whether some were missed, and the faults that stand (wire.FAULT_*)."""

    events: tuple[Event, ...]
    missed: bool
    faults: int


class Attachment:
    """`do` attaches where that is needed. `on_beat` is called after each heartbeat, in its thread."""

    def __init__(
        self,
        name: str,
        line: Callable[[], SerialLine],
        begin: Callable[[Link], object],
        *,
        slots: int,
        beat_s: float,
        on_beat: Callable[[Heard], None],
    ) -> None:
        """`begin` opens the session and sets up what the controller may have forgotten; `beat_s` between heartbeats."""
        self.name, self.slots = name, slots
        self.info: Info | None = None
        self._open_line, self._begin, self._on_beat, self._beat_s = line, begin, on_beat, beat_s
        self._lock = threading.Lock()
        self._line: SerialLine | None = None
        self._link: Link | None = None
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None

    def do(self, what: Callable[[Link], T], *, within: Deadline) -> T:
        """Ask it, again while it is silent. DeviceGone, DeviceSilent, WrongController, ControllerRefused."""
        if not self._lock.acquire(timeout=max(0.0, within.left())):
            raise DeviceSilent(device=self.name, seconds=within.seconds)
        try:
            while True:  # a lost request may have been carried out, so `what` begins by reading
                try:
                    return self._translated(what, within.seconds)
                except DeviceSilent:
                    if within.passed:
                        raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the lease's thread and let go of the port. The controller keeps its outputs until the lease is over."""
        self._closed.set()
        if self._keeper is not None and self._keeper is not threading.current_thread():
            self._keeper.join(2.0)
        with self._lock:
            self._drop_line()

    def _translated(self, what: Callable[[Link], T], seconds: float) -> T:
        try:
            return self._in_session(what)
        except LinkSilent as error:
            self._link = None  # whether it still knows this session is for the next attachment to find out
            raise DeviceSilent(device=self.name, seconds=seconds) from error
        except OSError as error:
            self._drop_line()
            raise DeviceGone(device=f"{self.name} ({error})") from error
        except VersionMismatch as error:
            self._drop_line()
            raise WrongController(device=self.name, problem=error.line()) from error
        except RequestRefused as refused:
            raise ControllerRefused(device=self.name, problem=refused) from refused
        except BridgeError as error:
            raise DeviceGarbled(device=self.name, answer=str(error)) from error

    def _in_session(self, what: Callable[[Link], T]) -> T:
        link = self._attached()
        try:
            return what(link)
        except RequestRefused as refused:
            if refused.error != wire.E_SESSION:
                raise
        log.warning("dock %s: its lease had run out; attaching again", self.name)
        self._link = None
        return what(self._attached())

    def _attached(self) -> Link:
        if self._link is not None:
            return self._link
        if self._line is None:
            self._line = self._open_line()
        link = Link(self._line)
        self.info = link.hello()
        if self.info.bays < self.slots:
            problem = f"it has {self.info.bays} bays, and {self.slots} slots are configured"
            raise WrongController(device=self.name, problem=problem)
        self._begin(link)
        self._link = link
        if self._keeper is None and not self._closed.is_set():
            self._keeper = lasting(f"lease-{self.name}", self._keep, over=self._closed.is_set)
            self._keeper.start()
        return link

    def _drop_line(self) -> None:
        line, self._line, self._link = self._line, None, None
        if line is not None:
            line.close()

    # The lease's thread

    def _keep(self) -> None:
        """Faults are told by the dock's own calls, which meet them too; here they only make it try again."""
        beat_at = 0.0
        while not self._closed.is_set():
            if not self._heard(min(LOOK_S, beat_at - time.monotonic())) and time.monotonic() < beat_at:
                continue
            try:
                heard = self.do(_beat_and_take, within=Deadline(1.0))
                beat_at = time.monotonic() + self._beat_s
                self._on_beat(heard)
            except DriverError as error:
                log.debug("dock %s: %s", self.name, error)
                beat_at = time.monotonic() + AGAIN_S
            except Exception:  # the edge of the thread: its end would end the lease
                log.exception("dock %s", self.name)
                beat_at = time.monotonic() + AGAIN_S

    def _heard(self, seconds: float) -> bool:
        """Whether the controller said something by itself, within that time."""
        line = self._line
        if line is not None and seconds > 0:
            with contextlib.suppress(OSError, ValueError):  # the port went away, or is being closed
                return line.wait(seconds)
        self._closed.wait(max(0.0, seconds))
        return False


def _beat_and_take(link: Link) -> Heard:
    faults = link.heartbeat().faults
    events = tuple(link.events)
    link.events.clear()
    return Heard(events, link.missed_events, faults)
