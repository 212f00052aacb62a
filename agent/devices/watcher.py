"""Sees drives come and go in the configured bays, and tells the engine.

Only ports that the configuration names are ever looked at; everything else in the machine does not exist for it. One
thread for each source of drives asks who is there, which opens nothing, whenever the kernel says that block devices
changed and every second besides; identifying a drive opens it, may
take as long as a dying drive likes, and so has a thread of its own for each bay.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from agent.bench.events import DeviceFault, DriveArrived, DriveLeft, DriveUnreadable, Event
from agent.certificates.outcome import SILENT, Reason
from agent.planning.safety import judge
from drivers.drives.base import DriveError, DriveGone, DriveSource
from drivers.lasting import lasting

log = logging.getLogger("benchwipe.watcher")

LOOK_EVERY_S = 1.0
AGAIN_S = 5.0  # what is refused may be unmounted, what is spinning up may answer: look again
SILENT_LOOKS = 6  # of 2 s each: a disk that turns takes up to 30 s to be ready


class Put(Protocol):
    """Where events go."""

    def __call__(self, event: Event, /) -> None:
        """Put it; may wait."""


@dataclass(frozen=True)
class _Seen:
    """What was told of a port: `told` is None while it is asked, `refused_at` for a drive that may be erased.

    `silent`: looks in a row that its firmware did not answer.
    """

    token: str
    told: DriveArrived | DriveUnreadable | None = None
    refused_at: float | None = None
    silent: int = 0


class Watcher:
    """Compares what stands in the bays with what stood there a moment ago."""

    def __init__(
        self,
        name: str,
        source: DriveSource,
        bays: Mapping[str, str],
        *,
        protect: tuple[Path, ...],
        put: Put,
        allow_unidentified: bool = False,
    ) -> None:
        """`bays`: port -> bay. `protect`: paths whose disks are never erased. `allow_unidentified`: as of `judge`."""
        self.name = name
        self.source = source
        self.bays = dict(bays)
        self.protect = protect
        self.put = put
        self.allow_unidentified = allow_unidentified
        self._seen: dict[str, _Seen] = {}
        self._away: set[str] = set()
        self._turns: dict[str, int] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = lasting(f"watch-{name}", self._run, over=self._stop.is_set)
        self._failing = False

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; does not wait for the thread."""
        self._stop.set()

    def look_away(self, port: str) -> None:
        """Look away from a port while its bay's power is switched by the station itself.

        Until `look_back` nothing is told of this port.
        """
        with self._lock:
            self._away.add(port)

    def look_back(self, port: str, token: str) -> None:
        """Look at a port again: what stands there under this token is the drive that stood there before.

        Where the token is empty, nothing does.
        """
        with self._lock:
            self._away.discard(port)
            self._turns[port] = self._turns.get(port, 0) + 1
            seen = self._seen.get(port)
            if token and seen is not None:
                told = replace(seen.told, token=token) if seen.told is not None else None
                self._seen[port] = replace(seen, token=token, told=told)

    def look(self) -> None:
        """Look once: tell of every departure, then begin to identify what is new or was refused some time ago."""
        with self._lock:
            watched = {port: bay for port, bay in self.bays.items() if port not in self._away}
            turns = dict(self._turns)
        present = self.source.present(frozenset(watched))
        for port, bay in watched.items():
            with self._lock:
                seen = self._seen.get(port)
                if port in self._away or self._turns.get(port) != turns.get(port):
                    continue  # what was seen is older than what is known
                if seen is not None and present.get(port) != seen.token:
                    del self._seen[port]
                    if seen.told is not None:
                        self.put(DriveLeft(bay))
        for port, token in present.items():
            with self._lock:
                seen = self._seen.get(port)
                if port in self._away or self._turns.get(port) != turns.get(port):
                    continue
                if seen is not None and (seen.refused_at is None or time.monotonic() - seen.refused_at < AGAIN_S):
                    continue
                asked = self._seen[port] = replace(seen, refused_at=None) if seen else _Seen(token)
            name = f"look-{self.bays[port]}"
            threading.Thread(target=functools.partial(self._identify, port, asked), name=name, daemon=True).start()

    def _identify(self, port: str, asked: _Seen) -> None:
        try:
            self._tell(port, asked, self._ask(port, asked.token))
        except BaseException:  # whatever ends this thread: the port is looked at again, and not believed to be known
            with self._lock:
                if self._seen.get(port) is asked:
                    del self._seen[port]
            raise

    def _tell(self, port: str, asked: _Seen, event: DriveArrived | DriveUnreadable | None) -> None:
        with self._lock:
            if self._seen.get(port) is not asked:
                return  # it left while it was asked
            if event is None:
                del self._seen[port]
                if asked.told is not None:
                    self.put(DriveLeft(self.bays[port]))
                return
            silent = asked.silent + 1 if isinstance(event, DriveArrived) and event.drive.silent else 0
            event = _patiently(event, silent)
            refused = isinstance(event, DriveUnreadable) or bool(event.refusals)
            self._seen[port] = _Seen(asked.token, event, time.monotonic() if refused else None, silent)
            if event != asked.told:
                self.put(event)

    def _ask(self, port: str, token: str) -> DriveArrived | DriveUnreadable | None:
        """Who stands there and why it may not be erased; None when it is gone, or another by now."""
        bay = self.bays[port]
        try:
            facts = self.source.facts(port, protect=self.protect)
            drive = facts.drive or self.source.look(port)
            if self.source.present(frozenset((port,))).get(port) != token:
                return None
            refusals = judge(facts, allow_unidentified=self.allow_unidentified)
            return DriveArrived(bay, token, drive, refusals, facts.writers)
        except DriveGone:
            return None
        except (DriveError, OSError) as error:
            return DriveUnreadable(bay, token, _reason(error))
        except Exception as error:  # the edge of the thread: what we cannot identify is not erased
            log.exception("bay %s", bay)
            return DriveUnreadable(bay, token, Reason("BW-B90", f"The station broke down: {type(error).__name__}"))

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
                self._fault(None)
            except (DriveError, OSError) as error:
                self._fault(str(error))
            except Exception as error:  # the edge of the thread: without it nobody would see a drive leave
                log.exception("source %s", self.name)
                self._fault(f"{type(error).__name__}: {error}")
            try:
                self.source.wait_for_change(LOOK_EVERY_S)
            except Exception:  # the same edge: whoever cannot wait for news looks by the clock
                log.exception("source %s", self.name)
                self._stop.wait(LOOK_EVERY_S)

    def _fault(self, text: str | None) -> None:
        if (text is not None) != self._failing:
            self._failing = text is not None
            log.log(logging.WARNING if text else logging.INFO, "source %s: %s", self.name, text or "works again")
            self.put(DeviceFault(f"source-{self.name}", "BW-B91", text))


def _patiently(event: DriveArrived | DriveUnreadable, silent: int) -> DriveArrived | DriveUnreadable:
    """A drive whose firmware is silent may be spinning up: not yet. After some looks the policy decides."""
    if isinstance(event, DriveUnreadable) or not 0 < silent < SILENT_LOOKS:
        return event
    return replace(event, refusals=(*event.refusals, SILENT))


def _reason(error: DriveError | OSError) -> Reason:
    if isinstance(error, DriveError):
        return Reason(error.code, str(error), error.hint)
    return Reason("BW-B05", f"The drive cannot be read: {error.strerror or error}", "Take it out, and put it in again.")
