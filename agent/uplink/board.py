"""What is shown of the station: the latest word on each retained topic, and each bay's latest progress.

Any thread writes; the courier alone takes. Nothing queues up: a newer word replaces the older one.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Post:
    """One publish. `suffix` is relative to the station's root; without `retain` it is progress (QoS 0)."""

    suffix: str
    payload: bytes
    retain: bool
    expiry_s: int | None = None


class Board:
    """Latest words, and which of them the broker has not got yet. Times are monotonic seconds."""

    def __init__(self, *, progress_every_s: float, progress_expiry_s: float) -> None:
        self._every, self._expiry = progress_every_s, progress_expiry_s
        self._lock = threading.Lock()
        self._latest: dict[str, bytes] = {}
        self._due: dict[str, float] = {}
        self._expires: dict[str, tuple[int, float]] = {}
        self._progress: dict[str, tuple[bytes, float]] = {}
        self._progress_sent: dict[str, float] = {}

    def show(self, suffix: str, payload: bytes, *, expiry_s: int | None = None) -> None:
        """Show the latest word on a retained topic; an empty one clears it.

        What expires is then cleared and forgotten.
        """
        with self._lock:
            self._latest[suffix] = payload
            self._due[suffix] = float("-inf")
            if expiry_s is not None:
                self._expires[suffix] = (expiry_s, time.monotonic() + expiry_s)

    def shown(self, suffix: str) -> bool:
        """Say whether anything was ever said on this topic."""
        with self._lock:
            return suffix in self._latest

    def progress(self, suffix: str, payload: bytes, now: float) -> None:
        """Note a bay's latest progress."""
        with self._lock:
            self._progress[suffix] = (payload, now)

    def all_due(self) -> None:
        """Say everything again: there is a new connection."""
        with self._lock:
            self._due = dict.fromkeys(self._latest, float("-inf"))

    def again(self, suffix: str, at: float) -> None:
        """Say it again at this moment, unless it is said earlier: the broker refused it."""
        with self._lock:
            if suffix in self._latest:
                self._due.setdefault(suffix, at)

    def take(self, now: float) -> list[Post]:
        """Take what is to be said now, oldest topic first; it counts as said."""
        with self._lock:
            over = [s for s, (_, until) in self._expires.items() if until <= now]
            suffixes = [s for s in self._latest if self._due.get(s, float("inf")) <= now]
            posts = [Post(s, self._latest[s], retain=True, expiry_s=self._expires.get(s, (None,))[0]) for s in suffixes]
            for suffix in suffixes:
                del self._due[suffix]
            # MQTT 3.1.1 knows no expiry: what is over is cleared by hand.
            posts += [Post(suffix, b"", retain=True) for suffix in over]
            for suffix in over:
                del self._latest[suffix], self._expires[suffix]
                self._due.pop(suffix, None)
            return posts + self._take_progress(now)

    def next_moment(self) -> float | None:
        """Tell when something is to be said next."""
        with self._lock:
            progress = [self._progress_sent.get(s, float("-inf")) + self._every for s in self._progress]
            return min([*self._due.values(), *progress], default=None)

    def _take_progress(self, now: float) -> list[Post]:
        ready = [s for s in self._progress if now >= self._progress_sent.get(s, float("-inf")) + self._every]
        posts = []
        for suffix in ready:
            payload, since = self._progress.pop(suffix)
            if now - since < self._expiry:
                posts.append(Post(suffix, payload, retain=False))
                self._progress_sent[suffix] = now
        return posts
