"""Sees drives come and go in the configured bays, and tells the engine. One thread for each source of drives.

Only ports that the configuration names are ever looked at; everything else in the machine does not exist for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from agent.events import DeviceFault, DriveArrived, DriveLeft, DriveUnreadable, Event
from agent.outcome import Reason
from drivers.drives.base import DriveError, DriveGone, DriveSource

log = logging.getLogger("benchwipe.watcher")

LOOK_EVERY_S = 1.0

Judge = Callable[[str], tuple[Reason, ...]]


class Watcher:
    """Compares what stands in the bays with what stood there a moment ago."""

    def __init__(
        self, name: str, source: DriveSource, bays: Mapping[str, str], judge: Judge, put: Callable[[Event], None]
    ) -> None:
        """`bays`: port -> bay. `judge` says why the drive in a port may not be erased."""
        self.name = name
        self.source = source
        self.bays = dict(bays)
        self.judge = judge
        self.put = put
        self._seen: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch-{name}", daemon=True)
        self._failing = False

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; does not wait for the thread."""
        self._stop.set()

    def look(self) -> None:
        """Look once, and tell of every change."""
        present = self.source.present(frozenset(self.bays))
        for port, bay in self.bays.items():
            token, before = present.get(port), self._seen.get(port)
            if token == before:
                continue
            if before is not None:
                del self._seen[port]
                self.put(DriveLeft(bay))
            if token is not None:
                self._arrived(port, bay, token)

    def _arrived(self, port: str, bay: str, token: str) -> None:
        try:
            drive = self.source.look(port)
            refusals = self.judge(port)
        except DriveGone:
            return
        except (DriveError, OSError) as error:
            self._seen[port] = token
            self.put(DriveUnreadable(bay, token, _reason(error)))
            return
        self._seen[port] = token
        self.put(DriveArrived(bay, token, drive, refusals))

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
                self._fault(None)
            except (DriveError, OSError) as error:
                self._fault(str(error))
            self.source.wait_for_change(LOOK_EVERY_S)

    def _fault(self, text: str | None) -> None:
        if (text is not None) != self._failing:
            self._failing = text is not None
            log.log(logging.WARNING if text else logging.INFO, "source %s: %s", self.name, text or "works again")
            self.put(DeviceFault(f"source-{self.name}", "BW-B06", text))


def _reason(error: DriveError | OSError) -> Reason:
    if isinstance(error, DriveError):
        return Reason(error.code, str(error), error.hint)
    return Reason("BW-B05", f"The drive cannot be read: {error.strerror or error}", "Take it out, and put it in again.")
