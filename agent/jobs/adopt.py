"""Mends a ledger that contradicts its certificate files, on a person's word. Nothing is deleted.

What is lost is written down as lost, what is there is recorded, and what cannot be one story stays beside it, known.
The work is done twice: the first time it is rolled back, so that what is shown is what will be done.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from agent import files, state_folder
from agent.certificates.certificate import certificate_id
from agent.certificates.clock import utc_now
from agent.errors import LedgerProblem
from agent.jobs import chain_events
from agent.jobs.chain import Conflict, Judgement, Span
from agent.jobs.registrar import Registrar

ROUNDS = 10
MOST_FREE = 1_000_000  # what a damaged file shows may be anything
WHY = "the ledger was mended: these certificates are lost"


class _Rehearsed(Exception):
    """Takes everything back."""


def rehearse(registrar: Registrar) -> list[str]:
    """Tell what `carry_out` would do, a line each; nothing is changed. Empty where nothing contradicts."""
    lines: list[str] = []
    try:
        with registrar.ledger.while_nobody_writes():
            lines += _Mending(registrar).run()
            raise _Rehearsed
    except _Rehearsed:
        return lines
    finally:
        registrar.reconciler.instead.clear()


def carry_out(registrar: Registrar, agreed: Sequence[str]) -> None:
    """Do what was agreed to. LedgerProblem where it would be something else by now: nothing was changed."""
    with registrar.ledger.while_nobody_writes():
        mending = _Mending(registrar)
        if mending.run() != list(agreed):
            raise LedgerProblem(path=registrar.state_dir, problem="it changed meanwhile; look again")
        mending.write_files()


class _Mending:
    """One go through all conflicts, inside a transaction of the ledger."""

    def __init__(self, registrar: Registrar) -> None:
        self._registrar, self._ledger = registrar, registrar.ledger
        self._reconciler = registrar.reconciler
        self._at = utc_now()

    def run(self) -> list[str]:
        """To mend one thing may show another: until nothing contradicts."""
        lines: list[str] = []
        self._reconciler.instead.clear()
        for _ in range(ROUNDS):
            found = self._reconciler.look(newest=None)
            if not found.conflicts and not found.strays:
                return lines
            for name in found.strays:
                self._ledger.take_in(self._reconciler.certificates[name])
                lines.append(f"record certificate {self._number(name)}, which follows the last one")
            if not found.strays:  # what follows may depend on them
                # What a damaged file may stand for lies behind everything that can be told.
                told = [conflict for conflict in found.conflicts if conflict.kind != "foreign"] or found.conflicts
                lines += [self._settle(conflict, found) for conflict in sorted(told, key=self._unreadable_last)]
        raise LedgerProblem(path=self._registrar.state_dir, problem="it cannot be mended; keep the folder as it is")

    def _unreadable_last(self, conflict: Conflict) -> tuple[bool, int]:
        """A file that shows no number takes the next one: not one that another damaged file shows."""
        station = self._registrar.settings.station.id
        shown = self._reconciler.shown_number(conflict.name, station) if conflict.kind == "foreign" else None
        return shown == 0, shown or 0

    def _settle(self, conflict: Conflict, found: Judgement) -> str:
        match conflict.kind:
            case "no-file":
                return self._write_again(conflict)
            case "no-row":
                self._ledger.take_in(self._reconciler.certificates[conflict.name])
                return f"record certificate {self._number(conflict.name)} in the ledger"
            case "second":
                return self._second(conflict, found)
            case "hole":
                return self._miss(conflict)
            case "foreign" if self._waiting(conflict.name) is not None:
                return self._write_again(conflict)
            case "broken" if conflict.span.first > 0 and self._ledger.chain.renumber(
                conflict.name, conflict.span.first
            ):
                return f"give the row in the ledger its certificate's number: {conflict.problem}"
            case "broken" | "foreign":
                self._known(conflict)
                told = self._leave_number(conflict.name) if conflict.kind == "foreign" else ""
                return f"leave it as it is, and know of it: {conflict.problem}{told}"

    def _waiting(self, name: str) -> bytes | None:
        """The right bytes of a certificate whose file is gone or damaged, while it waits for the collector."""
        if self._reconciler.is_whole(name):
            return None
        compact = self._ledger.outbox.waiting_certificate(name)
        return compact if compact is not None and certificate_id(compact) == name else None

    def _write_again(self, conflict: Conflict) -> str:
        compact, row = self._waiting(conflict.name), self._ledger.chain.certificate_of(conflict.name)
        told = row[1] if row else conflict.name[:12]
        if compact is None:
            self._known(conflict)
            return f"know that the file of certificate {told} is lost here (the collector may have {conflict.name}.jws)"
        self._reconciler.instead[conflict.name] = compact
        return f"write the file of certificate {told} again: its bytes still wait for the collector"

    def write_files(self) -> None:
        """Write the files that are to be written again; a damaged one stays beside it."""
        for name, compact in self._reconciler.instead.items():
            path = self._ledger.certificates_dir / f"{name}.jws"
            if os.path.lexists(path):
                path.rename(_free_name(path))
            files.write_once(path, compact)
            state_folder.give_to_owner(path, of=path.parent)
        self._reconciler.instead.clear()

    def _leave_number(self, name: str) -> str:
        """An unverified file may be a certificate of this station without a row: its number is not given again."""
        station = self._registrar.settings.station.id
        shown = None if self._ledger.chain.certificate_of(name) else self._reconciler.shown_number(name, station)
        following = self._ledger.chain.position().sequence
        if shown is None or 0 < shown < following:
            return ""
        last = shown if following <= shown < following + MOST_FREE else following
        return f"; {self._missing(Span(following, last))}"

    def _second(self, conflict: Conflict, found: Judgement) -> str:
        """Of two files without a row the one counts that the next certificate names, or else the earlier one."""
        number = self._number(conflict.name)
        twins = [c.name for c in found.conflicts if c.kind == "second" and c.span == conflict.span]
        if not self._ledger.chain.has_number(conflict.span.first):
            kept = min(twins, key=self._rank)
            if kept == conflict.name:
                self._ledger.take_in(self._reconciler.certificates[kept])
                return f"record certificate {number} ({kept[:12]}) in the ledger"
        self._known(conflict)
        self._ledger.send_too(self._reconciler.certificates[conflict.name])
        return f"know that {conflict.name[:12]} has the number {number} too, and send it to the collector"

    def _rank(self, name: str) -> tuple[bool, str, str]:
        named = any(filed.previous == name for filed in self._reconciler.read.values())
        return not named, self._reconciler.certificates[name].record.finished_at, name

    def _miss(self, conflict: Conflict) -> str:
        return self._missing(conflict.span)

    def _missing(self, span: Span) -> str:
        station = self._registrar.settings.station
        self._ledger.chain.add_gap(span, WHY, self._at)
        chain_events.tell_gap(self._ledger, self._registrar.key, station.id, span, WHY, alg=station.signature_alg)
        which = f"number {span.first}" if span.first == span.last else f"numbers {span.first} to {span.last}"
        return f"know that {which} {'is' if span.first == span.last else 'are'} missing, and tell the collector"

    def _known(self, conflict: Conflict) -> None:
        self._ledger.chain.settle_conflict(conflict.kind, conflict.name, self._at)

    def _number(self, name: str) -> str:
        return self._reconciler.certificates[name].record.number


def _free_name(path: Path) -> Path:
    """Where a damaged file is kept."""
    aside = path.with_name(f"{path.name}.damaged")
    for number in range(2, 100):
        if not os.path.lexists(aside):
            break
        aside = path.with_name(f"{path.name}.damaged{number}")
    return aside
