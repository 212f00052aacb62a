"""Scans, carried out: agent/dialogue.py says what each leads to, this does it. The engine's thread only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec

from agent import dialogue
from agent.attestation import attest
from agent.bench.bay_table import BayTable
from agent.bench.bays import Bay, BayState, changed
from agent.bench.books import Books
from agent.bench.events import Scanned
from agent.bench.labels import LabelDesk
from agent.bench.reception import Reception
from agent.certify import Occasion
from agent.clock import utc_now
from agent.errors import LedgerProblem
from agent.flow import Step
from agent.handset_flow import Attempt
from agent.job import ENDED, Job, JobState
from agent.record import Disposition
from agent.registrar import new_id
from agent.settings import Settings


class ScanDesk:
    """What technicians scan. The context of the scans is Reception's, because it stands on the jobs."""

    def __init__(
        self,
        settings: Settings,
        table: BayTable,
        books: Books,
        reception: Reception,
        labels: LabelDesk,
        cancel: Callable[[Bay], str],
    ) -> None:
        """`cancel` stops a bay and returns the phrase about it."""
        self.settings, self.table, self.books = settings, table, books
        self.reception, self.labels, self.cancel = reception, labels, cancel
        self._attempt_began = ""

    def scanned(self, event: Scanned) -> None:
        """Do what the scan asks for, and say so, with the one thing that is expected next.

        What cannot be done leaves the context as it was: the same thing is expected again.
        """
        before = self.reception.context
        self._take(before, dialogue.scan(before, event.text, self.settings, self.table.bays, symbology=event.symbology))

    def pressed(self, bay: str) -> None:
        """A bay's button is as good as its code, and no better: alone it begins and ends nothing."""
        before = self.reception.context
        self._take(before, dialogue.pressed(before, bay, self.settings, self.table.bays))

    def _take(self, before: dialogue.Context, turn: dialogue.Turn) -> None:
        self.reception.context = turn.context
        if before.attempt is None and turn.context.attempt is not None:
            self._attempt_began = utc_now()
        try:
            said = self._do(turn)
        except LedgerProblem:
            said, self.reception.context = "bay_not_now", before
        self._speak(before)
        if said:
            now = self.reception.context
            expected = dialogue.expects(now, self.settings)
            then = (expected, dialogue.values(now, now, "")) if expected != said else None
            self.table.say_both((said, turn.values), then)

    def _speak(self, before: dialogue.Context) -> None:
        language = self.reception.context.language(self.settings)
        if language != before.language(self.settings):
            self.table.tell(self.table.effects.speak, language)
            for bay in self.table.bays.values():
                self.table.tell(self.table.effects.bay_changed, bay)

    def _do(self, turn: dialogue.Turn) -> str:
        """The phrase about it; "" where it was said already. LedgerProblem: nothing was done."""
        match turn.action:
            case dialogue.Assign() as wish:
                return self._assign(wish, turn.say)
            case dialogue.Match(bay=bay, job=job):
                return self._answered(bay, job, turn.say)
            case dialogue.Begin(bay=bay, job=job):
                return self._answered(bay, job, turn.say)
            case dialogue.TakeBack(bay=bay, job=job):
                return self._take_back(bay, job, turn.say)
            case dialogue.Rate() as wish:
                return self._rate(wish, turn.say)
            case dialogue.Cancel(bay=bay):
                return self.cancel(self.table[bay])
            case dialogue.LabelScanned(label=label):
                self.labels.scanned(label)
                return ""
            case dialogue.Attest(attempt=attempt):
                return self._attest(attempt, turn.say)
            case dialogue.Reprint(bay=bay, label=label):
                held = self.table[bay].job if bay else None
                self.labels.reprint(label or (held.certificate_id if held else None))
                return ""
        return turn.say

    def _attest(self, attempt: Attempt, say: str) -> str:
        """Certify, then label, then publish: as for a drive, and nothing was measured."""
        who, customer = self.reception.context.on_job()
        assert who is not None  # an IMEI of nobody begins nothing
        occasion = Occasion(new_id(), self._attempt_began, who, customer)
        certificate = self.books.attest(attempt.handset(), attest(who, attempt.given(), at=utc_now()), occasion)
        self.table.tell(self.table.effects.certified, None, certificate)
        return say

    def _assign(self, wish: dialogue.Assign, say: str) -> str:
        given = Disposition(grade=wish.grade, destination=wish.destination)
        said = self.reception.assign_scanned(
            self.table[wish.bay], wish.asset, given if wish.grade or wish.destination else None
        )
        now = self.reception.context
        if said == "assigned":
            self.reception.context = dialogue.assigned(now, self.table[wish.bay], self.settings)
            return say
        self.reception.context = replace(
            now, step=Step.BAY, asset=wish.asset, grade=wish.grade, destination=wish.destination
        )
        return said

    def _answered(self, name: str, job: str, say: str) -> str:
        bay = self.table[name]
        if bay.job is None or bay.job.id != job or not bay.asks:
            return "bay_not_now"
        self.reception.answered(bay)
        now = self.reception.context
        self.reception.context = dialogue.assigned(now, self.table[name], self.settings)
        return say

    def _take_back(self, name: str, job: str, say: str) -> str:
        bay = self.table.bays.get(name)
        if bay is None or bay.job is None or bay.job.id != job:
            return "nothing_to_undo"
        if bay.state is not BayState.COUNTDOWN or bay.job.state is not JobState.PLANNED or bay.job.resumes:
            return "too_late_to_undo" if bay.busy or bay.state is BayState.COUNTDOWN else "nothing_to_undo"
        self.cancel(bay)
        return say

    def _rate(self, wish: dialogue.Rate, say: str) -> str:
        """Before the certificate is signed, the grade stands on it; afterwards it is a signed event and a new label."""
        bay = self.table[wish.bay]
        if bay.job is None or bay.job.id != wish.job:
            return "nothing_to_grade"
        old = bay.job.disposition or Disposition()
        new = Disposition(
            grade=wish.grade or old.grade, destination=wish.destination or old.destination, notes=old.notes
        )
        if new == old:
            return say
        rated = msgspec.structs.replace(bay.job, disposition=new)
        if bay.job.state in ENDED:
            if bay.outcome != "erased":
                return "nothing_to_grade"
            self._rate_afterwards(rated)
        else:
            self.books.save(rated)
        asks = "" if bay.asks == "grade" and new.grade else bay.asks
        self.table.put(changed(bay, job=rated, asks=asks))
        return say

    def _rate_afterwards(self, rated: Job) -> None:
        who, _ = self.reception.context.on_job()
        self.books.rated(rated, who)
        if self.books.printers and rated.certificate_id:
            self.labels.renew(rated.certificate_id)
