"""waitress, with an end for every request and a bound for what half-sent ones hold together.

waitress closes a connection that is silent. One that sends a byte now and then it keeps for ever, and it lays bodies
into temporary files: thousands of them would fill the disk that certificates go to.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from waitress.channel import HTTPChannel

LOG = logging.getLogger(__name__)
WITHIN_S = 120.0
"""From a request's first byte to its last: 24 MiB at 1.7 Mbit/s."""
MOST_HELD = 512 * 1024 * 1024
"""Of bodies that are not whole yet, in all connections."""
SAID_EVERY_S = 10.0


class Held:
    """How many bytes of unfinished requests there are. Touched by the main thread alone."""

    def __init__(self) -> None:
        self.total = 0
        self._said_at = float("-inf")

    def say(self, why: str) -> None:
        """Say that a connection is closed, not more often than a log bears."""
        now = time.monotonic()
        if now - self._said_at > SAID_EVERY_S:
            self._said_at = now
            LOG.warning("half-sent requests are closed: %s", why)


HELD = Held()


class Channel(HTTPChannel):
    """One connection."""

    began_at: float | None = None
    held = 0

    def received(self, data: bytes) -> Any:  # noqa: ANN401 - waitress has no types
        """Take bytes in, unless the request takes too long or all of them hold too much."""
        if self.began_at is None:
            self.began_at = time.monotonic()
        self.held += len(data)
        HELD.total += len(data)
        if time.monotonic() - self.began_at > WITHIN_S:
            return self._give_up(f"not whole within {WITHIN_S:g} s")
        if HELD.total > MOST_HELD:
            return self._give_up(f"they hold more than {MOST_HELD // 1024 // 1024} MiB")
        done = super().received(data)
        if self.request is None:
            self._forget()
        return done

    def handle_close(self) -> None:
        """Let go of it."""
        self._forget()
        super().handle_close()

    def _give_up(self, why: str) -> bool:
        HELD.say(why)
        self._forget()
        self.will_close = True
        return False

    def _forget(self) -> None:
        HELD.total -= self.held
        self.held, self.began_at = 0, None
