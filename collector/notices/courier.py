"""Who carries messages out: some at a time, each in a process of its own that ends at its deadline.

The worker has no thread beside it, and looks in here between its other work, which never waits for a destination. One
of the places is kept for destinations that took the last message: those that hang or fail share the others.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable

from django.db import Error, connections

from collector.notices import gathering, mailing, posting, sealing, sending, signing
from collector.notices.addresses import networks
from collector.notices.errors import NoDestination
from collector.notices.models import MAIL, Delivery
from collector.notices.posting import Outcome
from collector.running import configuration
from collector.text import clean

LOG = logging.getLogger(__name__)
PLACES = 4
FOR_ALL = PLACES - 1
DEADLINE_S = 20.0
RECOVER_S, TRIM_S = 5.0, 3600.0
BROKE = 70  # EX_SOFTWARE of sysexits.h


class Carrying:
    """One process that sends one message, and notes what came of it."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self._began = time.monotonic()
        connections.close_all()  # no connection is shared by two processes
        self._process = os.fork()
        if self._process == 0:
            _run(delivery)

    def ended(self) -> bool:
        """Look after it: end it at its deadline, note how it ended where it could not. True once it is over."""
        process, status = os.waitpid(self._process, os.WNOHANG)
        if process:
            if status:
                sending.note(
                    self.delivery, Outcome(False, "the process that sent it broke; the collector's log says where")
                )
            return True
        if time.monotonic() - self._began > DEADLINE_S:
            self._kill()
            sending.note(self.delivery, Outcome(False, f"it was not over within {DEADLINE_S:g} s"))
            return True
        return False

    def cut_off(self) -> None:
        """End it, since the worker ends."""
        self._kill()
        sending.give_back(self.delivery)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)


class Courier:
    """What the worker holds of it."""

    def __init__(self) -> None:
        self._out: list[Carrying] = []
        self._recovered_at = self._trimmed_at = float("-inf")

    def look(self) -> None:
        """Gather what is to be told, look after what is on its way, and send what is due. Raise a database error."""
        self._keep_up()
        for one in list(self._out):
            if one.ended():
                self._out.remove(one)
        gathering.gather()
        while len(self._out) < PLACES and self._send_one():
            pass

    def end(self) -> None:
        """End what is on its way."""
        for one in self._out:
            one.cut_off()
        self._out.clear()

    def _send_one(self) -> bool:
        busy = {one.delivery.destination_id for one in self._out}
        failing = sum(one.delivery.destination.failing for one in self._out)
        found = sending.due(busy, well=failing >= FOR_ALL)
        if found is None or not sending.take(found):
            return False
        self._out.append(Carrying(found))
        return True

    def _keep_up(self) -> None:
        now = time.monotonic()
        if now - self._recovered_at > RECOVER_S:
            sending.recover()
            self._recovered_at = now
        if now - self._trimmed_at > TRIM_S:
            sending.trim()
            self._trimmed_at = now


def _run(delivery: Delivery) -> None:
    """Send it in the new process, and end that. The alarm clock ends it where the worker is gone and cannot."""
    status = BROKE
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(int(DEADLINE_S) + 5)
        outcome = carry(delivery)
        sending.note(delivery, outcome)
        status = 0
    except Error as error:
        LOG.error("notice %s: the database: %s", delivery.pk, clean(str(error)))
    except BaseException:
        LOG.exception("notice %s broke", delivery.pk)
    finally:
        os._exit(status)


def carry(delivery: Delivery, moment: Callable[[], float] = time.time) -> Outcome:
    """Send a message once, and say what came of it."""
    to = delivery.destination
    if to.kind == MAIL:
        return mailing.send(to.place, delivery.pk, delivery.subject, delivery.body)
    try:
        sealed = sealing.unseal(to.sealed)
    except NoDestination as error:
        return Outcome(False, str(error))
    body, told = delivery.body.encode(), configuration()
    headers = signing.headers(sealed.secret, delivery.pk, int(moment()), body)
    notices = told.settings.notices
    ca = str(told.path(notices.ca)) if notices.ca else ""
    return posting.post(sealed.url, headers, body, networks(notices.allow), ca)
