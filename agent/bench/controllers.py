"""Commands of controllers, over MQTT: judged, written down, and only then carried out. The engine's thread only.

A command is taken once: its id is in the ledger before anything happens, and a repeat gets the stored answer. What is
not signed is answered, and forgotten: nobody can fill the ledger, or take the place of a command that is to come. While
the ledger cannot be used nothing is done either, and that is the answer: the same id may be sent again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeGuard

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.bench.bay_table import BayTable
from agent.bench.books import NOT_WRITTEN, Books
from agent.certificates.clock import clock
from agent.errors import LedgerProblem
from agent.jobs.bay import Bay
from agent.jobs.job import ENDED
from agent.messages import Command, CommandStatus, Request
from agent.phrases import phrase
from agent.uplink import controller_command

log = logging.getLogger("benchwipe.remote")

KNOWN = ("cancel",)
LONGEST_NAME = 100
LANGUAGE = "en"  # of reasons: a controller is a program, and reads one
RESTARTED = CommandStatus(state="failed", reason="the station was restarted before it was done: ask again")


def _is_name(told: object) -> TypeGuard[str]:
    return isinstance(told, str) and len(told) <= LONGEST_NAME and told.isprintable()


def clock_is_right() -> bool:
    """Say whether anybody vouches for this station's time."""
    return clock().synchronised


class ControllerDesk:
    """What controllers may ask of this station. `cancel` stops a bay, and says "cancelled" if anything was to stop."""

    def __init__(
        self, table: BayTable, books: Books, cancel: Callable[[Bay, str], str], keys: Mapping[str, Ed25519PublicKey]
    ) -> None:
        self._table, self._books, self._cancel, self._keys = table, books, cancel, keys
        self._running: dict[str, tuple[str, str]] = {}

    def recover(self) -> None:
        """Answer what an earlier run took, and did not end: nobody waits for it in vain. LedgerProblem."""
        for command_id, kind in self._books.open_commands():
            self._answer(kind, command_id, RESTARTED)

    def received(self, request: Request) -> None:
        """Take one message on `cmd/<type>/<id>`, and answer it whatever happens."""
        try:
            self._judge(request)
        except LedgerProblem as problem:  # the books have raised the alarm
            log.error("command %s %s is not carried out: %s", request.type, request.id, problem)
            status = CommandStatus(state="rejected", reason=f"{NOT_WRITTEN} ({problem})")
            self._say(request.type, request.id, status)

    def _judge(self, request: Request) -> None:
        """LedgerProblem: nothing was done."""
        if (known := self._books.command(request.id)) is not None:
            self._say(request.type, request.id, known[1])
            return
        try:
            if request.retained:
                raise controller_command.CommandProblem(problem="a command is never retained")
            command = controller_command.read(request.topic, request.payload, self._keys)
            # Without a clock nobody can say when; a cancel names its job, and does no harm when it comes late.
            over = clock_is_right() and controller_command.expired(command, datetime.now(UTC))
        except controller_command.CommandProblem as problem:
            log.warning("command %s %s is not obeyed: %s", request.type, request.id, problem)
            self._say(request.type, request.id, CommandStatus(state="rejected", reason=str(problem)))
            return
        if over:
            self._take(request, CommandStatus(state="expired", reason="its time was over"))
        elif request.type not in KNOWN:
            reason = f"no command is called {request.type}; known: {', '.join(KNOWN)}"
            self._take(request, CommandStatus(state="rejected", reason=reason))
        else:
            self._stop_job(request, command)

    def settle(self) -> None:
        """Answer for what has come to its end since the last look."""
        for command_id, (kind, job_id) in list(self._running.items()):
            if self._bay_of(job_id) is None and (end := self._end_of(job_id)) is not None:
                self._answer(kind, command_id, CommandStatus(state="succeeded", reason=end))
                del self._running[command_id]

    def _stop_job(self, request: Request, command: Command) -> None:
        job_id, by = command.args.get("job"), command.args.get("by", "")
        if not isinstance(job_id, str) or not set(command.args) <= {"job", "by"} or not _is_name(by):
            reason = f"args: job, and where a person asks by, a name of at most {LONGEST_NAME} visible characters"
            self._take(request, CommandStatus(state="rejected", reason=reason))
            return
        bay = self._bay_of(job_id)
        if bay is None:
            self._take(request, self._already(job_id))
        elif command.expected_rev is not None and command.expected_rev != bay.rev:
            reason = f"bay {bay.name} has changed since revision {command.expected_rev}"
            self._take(request, CommandStatus(state="rejected", reason=reason, rev=bay.rev))
        else:
            self._take(request, CommandStatus(state="accepted", rev=bay.rev))
            log.info("bay %s: %s cancels job %s (command %s)", bay.name, by or "a controller", job_id, request.id)
            said = self._cancel(bay, by)
            if said != "cancelled":
                reason = phrase(LANGUAGE, said, bay=bay.name)
                self._answer(request.type, request.id, CommandStatus(state="rejected", reason=reason, rev=bay.rev))
                return
            self._running[request.id] = (request.type, job_id)
            self._answer(request.type, request.id, CommandStatus(state="running", rev=bay.rev))

    def _already(self, job_id: str) -> CommandStatus:
        """Of a job that no bay has: cancelling what has ended is done."""
        end = self._end_of(job_id)
        if end is not None:
            return CommandStatus(state="succeeded", reason=end)
        return CommandStatus(state="failed", reason="no bay has that job")

    def _end_of(self, job_id: str) -> str | None:
        found = self._books.job(job_id)
        return f"the job ended: {found.state.value}" if found is not None and found.state in ENDED else None

    def _bay_of(self, job_id: str) -> Bay | None:
        """The bay where this job counts down or works."""
        for bay in self._table.bays.values():
            if bay.job is not None and bay.job.id == job_id and bay.job.state not in ENDED:
                return bay
        return None

    def _take(self, request: Request, status: CommandStatus) -> None:
        """Write the command down with its first answer, then give it. LedgerProblem: neither was done."""
        self._books.take_command(request.id, request.type, status)
        self._say(request.type, request.id, status)

    def _answer(self, kind: str, command_id: str, status: CommandStatus) -> None:
        """Give a later answer to a command that was taken; it is written down as soon as that can be done."""
        self._books.keep_answer(command_id, kind, status)
        self._say(kind, command_id, status)

    def _say(self, kind: str, command_id: str, status: CommandStatus) -> None:
        self._table.tell(self._table.effects.command_status, kind, command_id, status)
