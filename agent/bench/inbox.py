"""The engine's one queue: every other thread puts events into it, the engine takes them out."""

from __future__ import annotations

import contextlib
import queue

from agent.bench.events import Event, Worked
from agent.erase import Progress

INBOX_BOUND = 10_000


class Inbox:
    """What happened and the engine has not dealt with. Any thread may put, and read `stopping`; the engine's takes."""

    def __init__(self) -> None:
        self._events: queue.Queue[Event] = queue.Queue(INBOX_BOUND)
        self.stopping = False  # the engine begins nothing more

    def put(self, event: Event) -> None:
        """Tell the engine. Progress may be dropped when the queue is full; nothing else ever is."""
        if isinstance(event, Worked) and isinstance(event.report, Progress):
            with contextlib.suppress(queue.Full):
                self._events.put_nowait(event)
            return
        self._events.put(event)

    def take(self, within: float) -> Event | None:
        """Return the oldest event, or None if none comes within so many seconds."""
        with contextlib.suppress(queue.Empty):
            return self._events.get(timeout=within)
        return None
