"""Background work as a process: `serve --only worker`. It does one task at a time, each in a process of its own.

Beside that it carries alarms out (collector/notices/courier.py), some at a time, and waits for none of them.

It has no thread, so that it can be forked. Where it is killed, its task is taken up again by the next one.
"""

from __future__ import annotations

import logging
import select
import threading
import time

from django.db import Error, connection

from collector import child, upkeep
from collector.background import services
from collector.background.attempt import Attempt
from collector.background.kinds import KINDS
from collector.errors import CollectorError
from collector.intake.taking import cause
from collector.notices.courier import Courier
from collector.settings import Configuration
from collector.text import clean
from collector.units import linking

LOG = logging.getLogger(__name__)
LOOK_S = 0.5
FOLLOW_S = 0.4
"""How long certificates look for their units before tasks are looked after again."""
RECOVER_S, TRIM_S = 5.0, 600.0


def run(configuration: Configuration) -> int:
    """Do tasks until SIGTERM, or until the parent is gone. The exit status: 0; 2 where it needs a person."""
    child.limit("worker")
    stop = threading.Event()
    child.on_signals(stop.set)
    worker = Worker(migrate=configuration.settings.migrate_at_start)
    LOG.info("background work of %d kinds", len(KINDS))
    board = child.board()
    while not stop.is_set() and not _parent_is_gone(LOOK_S):
        try:
            worker.look()
            if board is not None:
                board.write("worker", well=worker.well)
        except CollectorError as error:
            LOG.error("%s", error.line())
            return 2
    worker.end()
    return 0


class Worker:
    """What one process does, look after look. A database that is away costs it a line, and nothing else."""

    def __init__(self, *, migrate: bool) -> None:
        self._migrate = migrate
        self._attempt: Attempt | None = None
        self._courier = Courier()
        self._ready = False
        self._recovered_at = self._trimmed_at = float("-inf")
        self._said = ""

    def look(self) -> None:
        """Look after the task that is being done; else take the next one."""
        try:
            if not self._ready:
                upkeep.prepare(migrate=self._migrate)
                self._ready = True
            self._keep_up()
            linking.follow_for(FOLLOW_S)
            self._go_on()
            self._courier.look()
            self._said = ""
        except (Error, OSError) as error:
            connection.close()
            told = clean(cause(error))
            if told != self._said:
                LOG.error("background work waits for the database: %s", told)
            self._said = told

    @property
    def well(self) -> bool:
        """Whether the database answered at the last look."""
        return self._ready and not self._said

    def end(self) -> None:
        """End what is being done; it begins anew with the next worker."""
        for cut_off in (self._courier.end, *([self._attempt.cut_off] if self._attempt else [])):
            try:
                cut_off()
            except (Error, OSError) as error:
                LOG.error("what is being done could not be given back, and is taken up later: %s", clean(cause(error)))

    def _keep_up(self) -> None:
        now = time.monotonic()
        if now - self._recovered_at > RECOVER_S:
            services.recover()
            self._recovered_at = now
        if now - self._trimmed_at > TRIM_S:
            services.trim()
            self._trimmed_at = now

    def _go_on(self) -> None:
        if self._attempt is not None:
            if not self._attempt.ended():
                return
            self._attempt = None
        task = services.take()
        if task is None:
            return
        if task.kind not in KINDS:
            services.fail(task, "this program cannot do it", again=False)
            return
        self._attempt = Attempt(task)


def _parent_is_gone(patience_s: float) -> bool:
    """Wait for a moment, or until the parent's end of the pipe closes."""
    life = child.handed(child.LIFE)
    if life is None:
        time.sleep(patience_s)
        return False
    return bool(select.select([life], [], [], patience_s)[0])
