"""Lets drives that share a bus write in turn, where they would only divide it among them.

A hub or a port multiplier carries both directions at once (USB 3, SAS). Drives that all write and then all read use one
of them at a time. So fewer write where they reach the same sum together: the others wait, and whoever has written reads
back while the next write. The order is that in which they began, so none is put off for ever.

Nothing is assumed of the bus. What all write together is measured, then what half of them write. Where that is less,
all go on, and it is not tried again for a while, up to an hour. A drive that shares no bus is never held.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SETTLE_S = 1.0
"""What was in flight comes to its end, and what follows to its speed."""
WINDOW_S = 3.0
REQUESTS = 24
"""A measurement has at least so many: 4 % is what one more or less makes."""
AS_MUCH = 0.85
"""Of what more drives wrote together, to be the bus's limit. One of n that writes r of it, while another reads back,
needs (n + 1) / (n r) where the naive order needs 2: at r = 0.85 1.47 for four drives, 1.76 for two. Drives that share
nothing come to a half or less. What lies between 0.85 and 1 is noise of a measurement, and a drive's own pauses."""
CLEARLY = 0.65
STILL = 0.7
"""Of the bus's limit: less, and those who write do not fill it any more."""
AGAIN_S, LATEST_AGAIN_S = 60.0, 3600.0


class Share:
    """One job's share of its bus. Without a bus it is never held, and tells nobody anything."""

    def __init__(self, bus: Bus | None) -> None:
        self._bus = bus
        self.held = False
        self._held_since = self._waited = 0.0

    def enter(self, *, writing: bool) -> None:
        """Say whether the job writes from now on."""
        if self._bus is not None:
            self._bus.enter(self, writing=writing)

    def moved(self, length: int) -> None:
        """Count bytes of a request that came back."""
        if self._bus is not None:
            self._bus.moved(self, length)

    def mind(self) -> None:
        """Do what is due by the clock; now and then, by any thread."""
        if self._bus is not None:
            self._bus.mind()

    def leave(self) -> None:
        """End: the job needs the bus no more."""
        self.enter(writing=False)

    def waited_s(self, now: float) -> float:
        """Return how long it was held so far."""
        return self._waited + (now - self._held_since if self.held else 0.0)

    def hold(self, held: bool, now: float) -> None:
        """Hold it, or let it go on; for its bus."""
        if held and not self.held:
            self._held_since = now
        elif self.held and not held:
            self._waited += now - self._held_since
        self.held = held


class Bus:
    """Everybody who writes over one bus, in the order in which they began, and how many of them may."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._writers: list[Share] = []
        self._most: int | None = None
        self._before: int | None = None
        self._trying = False
        self._limit: float | None = None
        self._pause_s = AGAIN_S
        self._again_at = 0.0
        self._moved = self._requests = 0
        self._since = self._clock() + SETTLE_S

    def enter(self, share: Share, *, writing: bool) -> None:
        """Begin to write, as the last in the order, or write no more."""
        with self._lock:
            if writing == (share in self._writers):
                return
            if writing:
                self._writers.append(share)
            else:
                self._writers.remove(share)
                share.hold(False, self._clock())
            if self._trying:  # what all wrote together is not known any more
                self._most, self._trying, self._limit = self._before, False, None
            self._admit()
            self._measure_anew()

    def moved(self, share: Share, length: int) -> None:
        """Count what a writer's request has carried."""
        with self._lock:
            if length and share in self._writers:
                self._moved += length
                self._requests += 1

    def mind(self) -> None:
        """Judge what was measured, where that is long enough."""
        with self._lock:
            now = self._clock()
            if now < self._since:  # it settles
                self._moved = self._requests = 0
                return
            seconds = now - self._since
            long_enough = seconds >= WINDOW_S and (self._requests >= REQUESTS or seconds >= 10 * WINDOW_S)
            if len(self._writers) > 1 and (long_enough or self._clearly_less(seconds)):
                self._judge(self._moved / seconds, now)

    def _clearly_less(self, seconds: float) -> bool:
        """Whether those who may write now do not nearly write what all did: each second of it costs the others one."""
        wanted = (self._limit or 0.0) * seconds
        return self._trying and seconds >= WINDOW_S / 4 and self._moved < CLEARLY * wanted

    def _judge(self, rate: float, now: float) -> None:
        writing = min(self._most or len(self._writers), len(self._writers))
        if self._trying:
            self._trying = False
            if rate < AS_MUCH * (self._limit or 0.0):
                self._go_back(self._before, now)
                return
        elif self._most is not None and rate < STILL * (self._limit or 0.0):
            self._go_back(None, now)
            return
        elif self._most is None:
            self._limit = rate
        self._limit = max(rate, self._limit or 0.0)
        if writing > 1 and now >= self._again_at:
            self._before, self._most, self._trying = self._most, writing // 2, True
            self._admit()
        self._measure_anew()

    def _go_back(self, most: int | None, now: float) -> None:
        """So many may write as before, and it stays so for a while."""
        self._most, self._again_at = most, now + self._pause_s
        self._pause_s = min(2 * self._pause_s, LATEST_AGAIN_S)
        if most is None:
            self._limit = None
        self._admit()
        self._measure_anew()

    def _admit(self) -> None:
        now, most = self._clock(), self._most or len(self._writers)
        if len(self._writers) < 2:
            self._most = None
        for place, share in enumerate(self._writers):
            share.hold(place >= most, now)

    def _measure_anew(self) -> None:
        self._moved = self._requests = 0
        self._since = self._clock() + SETTLE_S


class Buses:
    """The buses of this process, by name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buses: dict[str, Bus] = {}

    def share(self, name: str) -> Share:
        """Take a share of this bus. An empty name: of none."""
        if not name:
            return Share(None)
        with self._lock:
            return Share(self._buses.setdefault(name, Bus()))


BUSES = Buses()
