"""Makes hashes of fixed patterns while the station is idle: behind everything else, and gone when there is work."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.bench.events import HashMade
from agent.erase import PatternSpan

if TYPE_CHECKING:
    from agent.erase.expected_hash import FixedHash

NICE = 19
"""Each step of some milliseconds runs without Python's lock, so that nobody waits for a thread that is put off."""


class HashAhead:
    """One hash at a time, in a thread that lives as long as one is wanted. What was begun is gone on with later."""

    def __init__(self, put: Callable[[HashMade], None]) -> None:
        self._put = put
        self._lock = threading.Lock()
        self._wanted: PatternSpan | None = None
        self._begun: tuple[PatternSpan, FixedHash] | None = None
        self._thread: threading.Thread | None = None

    def want(self, place: PatternSpan | None) -> None:
        """Make this hash, and put it as an event; None: rest, from the next step on. Asking twice does no harm."""
        with self._lock:
            self._wanted = place
            if place is not None and self._thread is None:
                self._thread = threading.Thread(target=self._work, name="hash-ahead", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        with contextlib.suppress(OSError):  # Linux: the priority is that of the thread
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while (place := self._next()) is not None:
            self._advance(place)

    def _next(self) -> PatternSpan | None:
        with self._lock:
            if self._wanted is None:
                self._thread = None
            return self._wanted

    def _advance(self, place: PatternSpan) -> None:
        from agent.erase.expected_hash import FixedHash  # with the first hash: a station that knows all does without

        if self._begun is None or self._begun[0] != place:
            self._begun = (place, FixedHash(bytes.fromhex(place.pattern), place.capacity))
        hashed = self._begun[1]
        hashed.finish(lambda: self._wanted == place, lambda _: None)
        if hashed.digest is not None:
            self._begun = None
            with self._lock:
                if self._wanted == place:
                    self._wanted = None
            self._put(HashMade(place, hashed.digest))
