"""Scans, carried out: agent/scan/dialogue.py says what each leads to, this does it. The engine's thread only."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from agent.bench.bay_table import BayTable
from agent.bench.books import Books
from agent.bench.conversation import Conversation
from agent.bench.events import Scanned
from agent.bench.labels import LabelDesk
from agent.bench.reception import Reception
from agent.certificates.attestation import attest
from agent.certificates.clock import utc_now
from agent.certificates.record import Disposition
from agent.errors import LedgerProblem
from agent.jobs.bay import BayState, changed
from agent.jobs.certify import Occasion
from agent.jobs.job import ENDED, Job
from agent.jobs.new_job import new_id
from agent.scan import dialogue
from agent.scan.context import AT_HOME, Context, Rated, assigned, at_home, current, undoable
from agent.scan.flow import Step
from agent.scan.handset import Attempt
from agent.scan.prompt import expects, values
from agent.settings import Settings


class ScanDesk:
    """What technicians scan. Nobody else changes the conversation."""

    def __init__(
        self,
        settings: Settings,
        table: BayTable,
        books: Books,
        reception: Reception,
        labels: LabelDesk,
        conversation: Conversation,
    ) -> None:
        self.settings, self.table, self.books = settings, table, books
        self.reception, self.labels, self.conversation = reception, labels, conversation
        self._attempt_began = ""

    def scanned(self, event: Scanned) -> None:
        """Do what the scan asks for, and say so, with the one thing that is expected next.

        What cannot be done leaves the context as it was: the same thing is expected again.
        """
        before = self.conversation.context
        self._take(before, dialogue.scan(before, event.text, self.settings, self.table.bays, symbology=event.symbology))

    def pressed(self, bay: str) -> None:
        """Take a bay's button for its code: as good, and no better. Alone it begins and ends nothing."""
        before = self.conversation.context
        self._take(before, dialogue.pressed(before, bay, self.settings, self.table.bays))

    def _take(self, before: Context, turn: dialogue.Turn) -> None:
        self.conversation.context = turn.context
        if before.attempt is None and turn.context.attempt is not None:
            self._attempt_began = utc_now()
        try:
            said = self._do(turn)
        except LedgerProblem:
            said = "bay_not_now" if turn.values["bay"] else "not_now"
            self.conversation.context = before
        self._speak(before)
        if said == "scan_bay" and (number := self._certified_before(before)):
            self.table.say("tag_certified", **turn.values, number=number)
        elif said:
            self.table.say(said, **turn.values)

    def _certified_before(self, before: Context) -> str | None:
        """The number of an earlier certificate of the device whose tag was just scanned."""
        asset = self.conversation.context.asset
        return self.books.certified(asset) if asset and asset != before.asset else None

    def look_again(self) -> None:
        """End a step whose drive has gone, and say what is expected instead."""
        before = self.conversation.context
        now = at_home(current(before, self.table.bays), self.settings)
        if now.step is not before.step and now.step in AT_HOME:
            self.conversation.context = now
            self.table.say(expects(now, self.settings), **values(now, now, self.table.bays))

    def _speak(self, before: Context) -> None:
        language = self.conversation.context.language(self.settings)
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
            case dialogue.BeginBay(bay=bay, job=job):
                return self._answered(bay, job, turn.say)
            case dialogue.TakeBack(bay=bay, job=job):
                return self._take_back(bay, job, turn.say)
            case dialogue.TakeBackGrade(bay=bay, job=job, grade=grade, destination=destination):
                return self._give(bay, job, grade, destination) or turn.say
            case dialogue.Rate() as wish:
                return self._rate(wish) or turn.say
            case dialogue.Cancel(bay=bay):
                return self.reception.cancel(self.table[bay])
            case dialogue.LabelScanned(label=label):
                self.labels.scanned(label)
                return ""
            case dialogue.Attest(attempt=attempt):
                return self._attest(attempt, turn.say)
            case dialogue.Reprint(bay=bay, label=label):
                held = self.table[bay].job if bay else None
                self.labels.reprint(label or (held.certificate_id if held else None))
                return ""
        return self._look_at(turn) if turn.looked else turn.say

    def _attest(self, attempt: Attempt, say: str) -> str:
        """Certify, then label, then publish: as for a drive, and nothing was measured."""
        who, customer = self.conversation.context.on_job()
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
        now = self.conversation.context
        if said == "assigned":
            self.conversation.context = assigned(now, self.table[wish.bay], self.settings)
            return say
        self.conversation.context = replace(
            now, step=Step.BAY, asset=wish.asset, grade=wish.grade, destination=wish.destination
        )
        return said

    def _answered(self, name: str, job: str, say: str) -> str:
        """The answer is of whoever is signed in: their name stands on the certificate."""
        bay = self.table[name]
        if bay.job is None or bay.job.id != job or not bay.asks:
            return "bay_not_now"
        who, _ = self.conversation.context.on_job()
        if who is not None and who != bay.job.operator:
            theirs = self.books.save(msgspec.structs.replace(bay.job, operator=who))
            bay = self.table.put(changed(bay, job=theirs))
        self.reception.answered(bay)
        now = self.conversation.context
        self.conversation.context = assigned(now, self.table[name], self.settings)
        return say

    def _look_at(self, turn: dialogue.Turn) -> str:
        """A bay was turned to. What was planned there for nobody is planned for the lot that was scanned meanwhile."""
        bay, now = self.table.bays.get(turn.context.bay), turn.context
        if bay is None or bay.job is None or bay.job.id != now.job or not undoable(bay):
            return turn.say
        if bay.job.customer is not None or now.lot is None:
            return turn.say
        self.reception.plan_again(bay)
        bay = self.table[bay.name]
        self.conversation.context = assigned(now, bay, self.settings)
        said = {Step.SERIAL: "scan_serial", Step.CONFIRM: "scan_yes_or_no"}.get(self.conversation.context.step)
        return said or ("bay_starts_soon" if bay.state is BayState.COUNTDOWN else "bay_is_done")

    def _take_back(self, name: str, job: str, say: str) -> str:
        bay = self.table.bays.get(name)
        if bay is None or bay.job is None or bay.job.id != job:
            return "nothing_to_undo"
        if not undoable(bay):
            return "too_late_to_undo" if bay.busy or bay.state is BayState.COUNTDOWN else "nothing_to_undo"
        self.reception.cancel(bay)
        return say

    def _rate(self, wish: dialogue.Rate) -> str:
        """Write it down; from now on UNDO takes it back, and the same scan again changes nothing."""
        bay, now = self.table[wish.bay], self.conversation.context  # a new label is told of before the grade is
        old = (bay.job.disposition if bay.job else None) or Disposition()
        said = self._give(wish.bay, wish.job, wish.grade or old.grade, wish.destination or old.destination)
        if said or now.step in (Step.SERIAL, Step.CONFIRM):  # there UNDO takes the whole assignment back
            return said
        again = (wish.grade or old.grade, wish.destination or old.destination) == (old.grade, old.destination)
        rated = Rated(
            grade=wish.grade,
            destination=wish.destination,
            grade_before="" if again and wish.grade else old.grade,
            destination_before="" if again and wish.destination else old.destination,
        )
        self.conversation.context = replace(now, rated=rated)
        return ""

    def _give(self, name: str, job: str, grade: str, destination: str) -> str:
        """Before the certificate is signed, the grade stands on it; afterwards it is a signed event and a new label.

        What to say if it cannot be given; else nothing.
        """
        bay = self.table[name]
        if bay.job is None or bay.job.id != job:
            return "nothing_to_grade"
        old = bay.job.disposition or Disposition()
        new = Disposition(grade=grade, destination=destination, notes=old.notes)
        if new == old:
            return ""
        rated = msgspec.structs.replace(bay.job, disposition=new)
        if bay.job.state in ENDED:
            if bay.outcome != "erased":
                return "nothing_to_grade"
            self._rate_afterwards(rated)
        else:
            rated = rated if new != Disposition() else msgspec.structs.replace(rated, disposition=None)
            self.books.save(rated)
        asks = bay.asks
        if bay.state is BayState.FINISHED:
            asks = "grade" if self.settings.scanning.ask_grade and not new.grade else ""
        self.table.put(changed(bay, job=rated, asks=asks))
        return ""

    def _rate_afterwards(self, rated: Job) -> None:
        who, _ = self.conversation.context.on_job()
        self.books.rated(rated, who)
        if self.books.printers and rated.certificate_id:
            self.labels.renew(rated.certificate_id)
