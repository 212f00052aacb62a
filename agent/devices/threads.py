"""Tells a person of the daemon's threads that end before their time, and ends the daemon where one is gone for good.

drivers/lasting.py begins a thread again; this is its listener. Threads that are not made there, and end with their
work, come here by `threading.excepthook`: some have an owner that goes on without them, every other takes the daemon
down. The service manager starts it again, and what was at work goes on from its last checkpoint.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from agent.bench.events import DeviceFault
from agent.errors import AgentError
from drivers import lasting

log = logging.getLogger("benchwipe.threads")

OWNED = (
    "work-",  # the engine hears WorkEnded, and certifies a failure
    "look-",  # the watcher looks again
    "ask-",  # the drive counts as silent, and is asked again
    "hash ",  # the job computes at its end what is left
    "usblp",  # the printer counts as late
    "uplink-dial-",  # the courier gives the attempt up
    "paho-mqtt-client",  # the courier sees it, and connects anew
)


class ThreadLost(AgentError):
    """A thread of the daemon cannot be kept alive."""

    code = "BW-A41"
    message = "thread {thread} is gone ({problem}), and the daemon ends with it"
    hint = "Report it with the log. The service manager starts the daemon again."


class Threads:
    """The listener. `problem` is set when the daemon has to end."""

    def __init__(self, put: Callable[[DeviceFault], None], down: Callable[[str], None]) -> None:
        """`put` takes an alarm to the engine; `down` asks it to stop, and takes no lock."""
        self._put, self._down = put, down
        self.problem: ThreadLost | None = None

    def listen(self) -> None:
        """Hear of every thread of this process from now on."""
        lasting.listen(self)
        threading.excepthook = self._hook

    def ended(self, thread: str, problem: str) -> None:
        """Raise an alarm: what a thread had in hand when it ended may be lost. It stands until the next start."""
        self._put(DeviceFault(f"thread-{thread}", "BW-A40", f"Thread {thread} ended and was begun again: {problem}"))

    def lost(self, thread: str, problem: str) -> None:
        """End the daemon."""
        self.problem = self.problem or ThreadLost(thread=thread, problem=problem)
        self._down(str(self.problem))

    def _hook(self, args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else "of no name"
        told = (args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)
        log.error("thread %s ended by an exception", name, exc_info=told)
        if not name.startswith(OWNED):
            lasting.lost(name, f"{args.exc_type.__name__}: {args.exc_value}")
