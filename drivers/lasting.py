"""Threads that last as long as their program: one that ends before its time is begun again, and said.

A thread that is gone is silence: the process lives, its watchdog is fed, and nobody scans, sees a drive leave or gets
an answer. So each long-lived thread of the station is made here. What ends `TRIES` times within `WITHIN_S` is not
mended by beginning again: whoever listens is told so, and takes the program down, which the service manager restarts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger("benchwipe.threads")

TRIES = 5
WITHIN_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 30.0


class Listener(Protocol):
    """Who is told of threads that end before their time. Called in the thread that ends."""

    def ended(self, thread: str, problem: str) -> None:
        """Hear that a thread ended. It is begun again."""

    def lost(self, thread: str, problem: str) -> None:
        """Hear that a thread is lost. It is gone for good."""


class _Silence:
    """Nobody listens: the log has said it."""

    def ended(self, thread: str, problem: str) -> None:
        """Do nothing."""

    def lost(self, thread: str, problem: str) -> None:
        """Do nothing."""


class _Switchboard:
    """Whoever listens now. One for the process, as its threads are."""

    listener: Listener = _Silence()


_switchboard = _Switchboard()


def listen(listener: Listener | None) -> None:
    """Tell this one, and nobody else, of every thread that ends before its time; None: nobody any more."""
    _switchboard.listener = listener or _Silence()


def lasting(name: str, body: Callable[[], None], *, over: Callable[[], bool], vital: bool = True) -> threading.Thread:
    """Make a thread of that name, not started.

    `body` is begun again until `over` says that it was to end. One that is not `vital` is never lost: it is tried for
    ever, later and later. The program is of use without it.
    """
    return threading.Thread(target=_last, args=(name, body, over, vital), name=name, daemon=True)


def lost(name: str, problem: str) -> None:
    """Tell the listener of a thread that is gone for good, and that nobody begins again."""
    log.critical("thread %s is gone: %s", name, problem)
    _switchboard.listener.lost(name, problem)


def _last(name: str, body: Callable[[], None], over: Callable[[], bool], vital: bool) -> None:
    ends: deque[float] = deque(maxlen=TRIES)
    pause = FIRST_PAUSE_S
    while True:
        began = time.monotonic()
        try:
            body()
            problem = "it returned"
        except BaseException as error:  # a thread's outermost edge; SystemExit ends one without a word
            problem = f"{type(error).__name__}: {error}".rstrip(": ")
            if not over():
                log.exception("thread %s", name)
        if over():
            return
        now = time.monotonic()
        ends.append(now)
        if vital and len(ends) == TRIES and now - ends[0] < WITHIN_S:
            lost(name, problem)
            return
        log.error("thread %s ended before its time (%s), and is begun again", name, problem)
        _switchboard.listener.ended(name, problem)
        pause = FIRST_PAUSE_S if now - began > WITHIN_S else min(2 * pause, LONGEST_PAUSE_S)
        time.sleep(pause)
