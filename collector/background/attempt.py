"""One try of a task, in a process of its own: it can be ended at its deadline, whatever it hangs in."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time

from django.db import Error, connections

from collector.background import services
from collector.background.kinds import KINDS, Work
from collector.background.models import Task
from collector.errors import CollectorError
from collector.text import clean

LOG = logging.getLogger(__name__)
BROKE = 70  # EX_SOFTWARE of sysexits.h
HOLD_S = 10.0


class Attempt:
    """The process that does a task now. The worker has no thread beside it: a fork copies one thread alone."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.deadline_s = KINDS[task.kind].deadline_s
        self._began = self._held = time.monotonic()
        connections.close_all()  # no connection is shared by two processes
        life, self._life = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            os.close(self._life)
            _run(task, life)
        os.close(life)

    def ended(self) -> bool:
        """Look after it: hold its row, end it at its deadline, note how it ended. True once it is over."""
        now = time.monotonic()
        process, status = os.waitpid(self._process, os.WNOHANG)
        if process:
            os.close(self._life)
            if status:
                self._note(os.waitstatus_to_exitcode(status))
            return True
        if now - self._began > self.deadline_s:
            self._kill()
            self._fail(f"it was not done within {self.deadline_s:g} s")
            return True
        if now - self._held > HOLD_S:
            self._held = now
            services.hold(self.task)
        return False

    def cut_off(self) -> None:
        """End it, since the worker ends."""
        self._kill()
        services.give_back(self.task)

    def _note(self, status: int) -> None:
        how = f"was killed by signal {-status}" if status < 0 else "broke; the collector's log says where"
        self._fail(f"the process that did it {how}")

    def _fail(self, problem: str) -> None:
        """Note it now, or leave it: a row that nobody holds is taken up again (services.recover)."""
        try:
            services.fail(self.task, problem, again=True)
        except Error as error:
            LOG.error("task %s (%d): %s; the database: %s", self.task.kind, self.task.pk, problem, clean(str(error)))

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._life)


def _run(task: Task, life: int) -> None:
    """Do the task in the new process, and end it. It ends with the worker, too."""
    status = BROKE
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        threading.Thread(target=_end_with_worker, args=(life,), daemon=True).start()
        _do(task)
        status = 0
    except Error as error:
        LOG.error("task %s (%d): the database: %s", task.kind, task.pk, clean(str(error)))
    except BaseException:
        LOG.exception("task %s (%d) broke", task.kind, task.pk)
    finally:
        os._exit(status)


def _do(task: Task) -> None:
    try:
        made = KINDS[task.kind].run(Work(task.told, task.person, services.fresh_folder(task)))
    except CollectorError as error:
        services.fail(task, error.line(), again=False)
        return
    services.done(task, made)


def _end_with_worker(life: int) -> None:
    os.read(life, 1)
    os._exit(BROKE)
