"""The thread that writes alarms down as the live page hears them. Pages' process, since that one may hear alarms.

While the database is away nothing is lost but what is beyond the live page's own bounds: what could not be written goes
back, and is written later.
"""

from __future__ import annotations

import logging
import threading
import time

from django.db import Error, connection

from collector.fleet.live import Live
from collector.intake.taking import cause
from collector.notices.book import Book
from collector.text import clean

LOG = logging.getLogger(__name__)
LOOK_S, AWAY_S = 0.5, 5.0
BATCH = 200
SETTLED_S = 30.0
"""After this long a broker has told all that it keeps."""


class Listening:
    """Owns that thread."""

    def __init__(self, live: Live) -> None:
        self._live, self._book = live, Book()
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._settled: set[str] = set()
        self._said = ""
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to write, in a thread of its own."""
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(AWAY_S if self._said else LOOK_S):
            try:
                while self.look() == BATCH:
                    pass
                self._settle()
                self._said = ""
            except (Error, OSError) as error:
                self._say(clean(cause(error)))
            except Exception:  # the thread's edge: a defect here stops no page, and is tried again
                LOG.exception("alarms cannot be written down")
                self._said = "a defect"
            finally:
                connection.close()

    def look(self) -> int:
        """Write what was heard since, a batch at most. Return how many there were."""
        heard = self._live.take_heard(BATCH)
        if not heard:
            return 0
        try:
            beyond = self._book.write(heard)
        except BaseException:
            self._live.put_back(heard)
            raise
        if beyond:
            LOG.warning("alarms: %d were beyond their stations' budget, and nobody is told of them", beyond)
        return len(heard)

    def _settle(self) -> None:
        """Once for each station, some time after the start: end what it ended while nobody listened."""
        if time.monotonic() - self._began < SETTLED_S:
            return
        live = self._live.snapshot()
        fresh = [one for one in live if one.name not in self._settled and one.birth is not None]
        if fresh:
            standing = {(one.name, name, alarm.since) for one in fresh for name, alarm in one.alarms.items()}
            self._book.settle(standing, [one.name for one in fresh])
            self._settled.update(one.name for one in fresh)

    def _say(self, problem: str) -> None:
        if problem != self._said:
            LOG.error("alarms wait for the database: %s", problem)
        self._said = problem
