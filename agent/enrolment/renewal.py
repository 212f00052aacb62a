"""The daemon's part of a renewal: it looks once an hour whether one is due, and starts the program that does it.

That program loads TLS, HTTP and X.509, and ends. The connection takes the new certificate when it connects the next
time: a broker asks for it only then.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.certificates.clock import clock
from agent.enrolment.facts import FACTS, EnrolmentFacts, moment, read_facts
from drivers.lasting import lasting

log = logging.getLogger("benchwipe.enrolment")

FIRST_S, LOOK_S, PROGRAM_S = 30.0, 3600.0, 300.0
URGENT = timedelta(days=14)
"""Before its end an alarm says that a certificate could not be renewed."""


class Renewal:
    """Looks after the certificate in one enrolment's folder. `trouble` is told what a person must know, or None."""

    def __init__(
        self,
        folder: Path,
        state_dir: Path,
        *,
        connected: Callable[[], bool],
        trouble: Callable[[str | None], None],
        first_s: float = FIRST_S,
        look_s: float = LOOK_S,
    ) -> None:
        self._folder, self._state_dir = folder, state_dir
        self._connected, self._trouble = connected, trouble
        self._first_s, self._look_s = first_s, look_s
        self._stop = threading.Event()
        self._thread = lasting("renewal", self._run, over=self._stop.is_set, vital=False)

    def start(self) -> None:
        """Begin to look, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End it. A renewal that is under way is left to itself: it writes whole files."""
        self._stop.set()

    def _run(self) -> None:
        wait = self._first_s
        while not self._stop.wait(wait):
            wait = self._look_s
            facts = read_facts(self._folder)
            if facts is None:
                place = self._folder / FACTS
                self._trouble(f"{place} cannot be read: no certificate is renewed; `benchwipe enrol` writes it anew")
            elif due(facts, connected=self._connected()):
                self._renew(facts)

    def _renew(self, facts: EnrolmentFacts) -> None:
        alone = ["-I"] if sys.flags.isolated else []
        command = [sys.executable, *alone, "-m", "agent.enrolment.renew", str(self._folder), str(self._state_dir)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_S, check=False)
            problem = done.stderr.strip()[:500] or f"status {done.returncode}" if done.returncode else ""
        except (OSError, subprocess.TimeoutExpired) as error:
            problem = str(error)
        if not problem:
            log.info("the certificate of the connection was renewed; it is valid until %s", done.stdout.strip())
            self._trouble(None)
            return
        log.warning("the certificate of the connection could not be renewed: %s", problem)
        if moment(facts.ends) - datetime.now(UTC) < URGENT:
            self._trouble(f"the connection's certificate ends {facts.ends[:10]} and could not be renewed: {problem}")


def due(facts: EnrolmentFacts, *, connected: bool) -> bool:
    """Say whether to renew now: at its day, or where no clock says which day it is and the broker lets nobody in.

    A clock that nobody set is behind, never ahead: what it calls over is over.
    """
    if datetime.now(UTC) >= moment(facts.renew_after):
        return True
    return not connected and not clock().synchronised
