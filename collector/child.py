"""What every process of the collector begins with: its limits, an end when its parent ends, a way to be stopped."""

from __future__ import annotations

import logging
import os
import resource
import signal
import threading
from collections.abc import Callable

from collector.status import Board

LOG = logging.getLogger(__name__)
LIFE, STATUS, LISTEN = "BENCHWIPE_COLLECTOR_LIFE", "BENCHWIPE_COLLECTOR_STATUS", "BENCHWIPE_COLLECTOR_LISTEN"
"""Environment: descriptors that the parent hands down."""
GIB = 1 << 30
FILES = {"intake": 256, "web": 8192, "worker": 256}
MEMORY = {"intake": 2 * GIB, "web": 2 * GIB, "worker": 2 * GIB}
"""Address space, which is more than what is used: a flood of requests must not take the machine's memory."""


def handed(name: str) -> int | None:
    """Return a descriptor that the parent handed down; None for a process that has none."""
    told = os.environ.get(name, "")
    return int(told) if told.isdigit() else None


def board() -> Board | None:
    """Return the shared board; None for a process that stands alone."""
    descriptor = handed(STATUS)
    return None if descriptor is None else Board(descriptor)


def limit(part: str) -> None:
    """Set this process's limits of files and memory, as far as those of the machine allow."""
    for what, most in ((resource.RLIMIT_NOFILE, FILES[part]), (resource.RLIMIT_AS, MEMORY[part])):
        hard = resource.getrlimit(what)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(what, (allowed, hard))
        except (OSError, ValueError) as error:  # a service manager may forbid it, and has limits of its own then
            LOG.info("the %s keeps the limits that it was given: %s", part, error)


def stop_with_parent(stop: Callable[[], None]) -> None:
    """Call `stop` as soon as the parent is gone, however it went: its end of the pipe closes."""
    descriptor = handed(LIFE)
    if descriptor is None:
        return

    def wait() -> None:
        os.read(descriptor, 1)
        stop()

    threading.Thread(target=wait, name="parent", daemon=True).start()


def on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` at SIGTERM and SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop())
