"""Scans, carried out: agent/scan/dialogue.py says what each leads to, this does it. The engine's thread only."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from agent.bench.bay_table import BayTable
from agent.bench.books import Books
from agent.bench.conversation import Conversation
from agent.bench.device_desk import DeviceDesk
from agent.bench.events import Scanned
from agent.bench.labels import LabelDesk
from agent.bench.pending import PendingDesk
from agent.bench.reception import Reception
from agent.certificates.attestation import attest
from agent.certificates.clock import utc_now
from agent.certificates.record import Disposition
from agent.errors import LedgerProblem
from agent.jobs.bay import BayState, changed
from agent.jobs.certify import Occasion
from agent.jobs.job import ENDED, Job
from agent.jobs.new_job import new_id
from agent.scan import actions, dialogue
from agent.scan.context import Context, Rated, assigned, undoable
from agent.scan.flow import Step
from agent.scan.handset import Attempt
from agent.settings import Settings

MOMENT_S = 0.7  # within it the same code of the same scanner is one scan: they read twice where a finger stays


class ScanDesk:
    """What technicians scan. Nobody else changes the conversation."""

    def __init__(
        self,
        settings: Settings,
        table: BayTable,
        books: Books,
        reception: Reception,
        labels: LabelDesk,
        pending: PendingDesk,
        conversation: Conversation,
    ) -> None:
        self.settings, self.table, self.books = settings, table, books
        self.reception, self.labels, self.conversation = reception, labels, conversation
        self.devices = DeviceDesk(settings, table, books, labels, pending, conversation)
        self._pending = pending
        self._last: dict[str, Scanned] = {}  # scanner -> what it read last

    def use(self, settings: Settings) -> None:
        """Go by other settings from now on."""
        self.settings = self.devices.settings = settings

    def scanned(self, event: Scanned) -> None:
        """Do what the scan asks for, and say so, with the one thing that is expected next.

        What cannot be done leaves the context as it was: the same thing is expected again.
        """
        before = self.conversation.context
        self.conversation.context = here = self.conversation.seated(event.scanner)
        if self._read_twice(event):
            self.table.show(self.conversation.again(self.table.bays) or self.conversation.shown)
            return
        turn = dialogue.scan(here, event.text, self.settings, self.table.bays, symbology=event.symbology)
        self._take(before, here, turn)
        if self.conversation.context.badge != here.badge:
            self.conversation.take_seat(event.scanner, here.badge)

    def pressed(self, bay: str) -> None:
        """Take a bay's button for its code: as good, and no better. Alone it begins and ends nothing."""
        before = self.conversation.context
        self._take(before, before, dialogue.pressed(before, bay, self.settings, self.table.bays))

    def _read_twice(self, event: Scanned) -> bool:
        """A scanner that reads a code twice within a moment has read it once; so has a key that bounces."""
        last, self._last[event.scanner] = self._last.get(event.scanner), event
        if last is None or event.at is None or last.at is None:
            return False
        return last.text == event.text and event.at - last.at < MOMENT_S

    def _take(self, before: Context, here: Context, turn: dialogue.Turn) -> None:
        """`before`: whom the screen was turned to; `here`: whose scan it is."""
        self.conversation.context = _stamped(turn.context)
        try:
            said = self._do(turn)
        except LedgerProblem:
            said = "bay_not_now" if turn.values["bay"] else "not_now"
            self.conversation.context = here
        self._speak(before)
        if said == "scan_bay" and (number := self._certified_before(here)):
            self.table.say("tag_certified", **turn.values, number=number)
        elif said:
            self.table.say(said, **turn.values)
        if turn.action is not None and said:
            self.table.happened.add((said, turn.values), self.table.bays)
        self._pending.keep_places(self.conversation.context)

    def _certified_before(self, before: Context) -> str | None:
        """The number of an earlier certificate of the device whose tag was just scanned."""
        asset = self.conversation.context.asset
        return self.books.certified(asset) if asset and asset != before.asset else None

    def look_again(self) -> None:
        """Say what holds now, where the screen says what has become untrue: a drive has gone, a countdown is over."""
        self.table.show(self.conversation.again(self.table.bays))

    def _speak(self, before: Context) -> None:
        language = self.conversation.context.language(self.settings)
        if language != before.language(self.settings):
            self.table.tell(self.table.effects.speak, language)
            for bay in self.table.bays.values():
                self.table.tell(self.table.effects.bay_changed, bay)

    def _do(self, turn: dialogue.Turn) -> str:
        """The phrase about it; "" where it was said already. LedgerProblem: nothing was done."""
        match turn.action:
            case actions.Assign() as wish:
                return self._assign(wish, turn.say)
            case actions.Match(bay=bay, job=job):
                return self._answered(bay, job, turn.say)
            case actions.BeginBay(bay=bay, job=job):
                return self._answered(bay, job, turn.say)
            case actions.TakeBack(bay=bay, job=job):
                return self._take_back(bay, job, turn.say)
            case actions.TakeBackGrade(bay=bay, job=job, grade=grade, destination=destination):
                return self._give(bay, job, grade, destination) or turn.say
            case actions.Rate() as wish:
                return self._rate(wish) or turn.say
            case actions.Cancel(bay=bay):
                return self.reception.cancel(self.table[bay])
            case actions.LabelScanned() | actions.PutInBox() | actions.SayNoDrive() | actions.Reprint() as wish:
                return self.devices.do(wish, turn.say)
            case actions.Attest(attempt=attempt):
                return self._attest(attempt, turn.say)
        return self._look_at(turn) if turn.looked else turn.say

    def _attest(self, attempt: Attempt, say: str) -> str:
        """Certify, then label, then publish: as for a drive, and nothing was measured."""
        who, customer = self.conversation.context.on_job()
        assert who is not None  # an IMEI of nobody begins nothing
        occasion = Occasion(new_id(), attempt.began, who, customer)
        certificate = self.books.attest(attempt.handset(), attest(who, attempt.given(), at=utc_now()), occasion)
        self.table.tell(self.table.effects.certified, None, certificate)
        return say

    def _assign(self, wish: actions.Assign, say: str) -> str:
        given = Disposition(grade=wish.grade, destination=wish.destination)
        if wish.drives:
            self.devices.count(wish.asset, wish.drives)
        said = self.reception.assign_scanned(
            self.table[wish.bay], wish.asset, given if wish.grade or wish.destination else None
        )
        now = self.conversation.context
        if said == "assigned":
            self.conversation.context = assigned(now, self.table[wish.bay], self.settings)
            return say
        self.conversation.context = replace(
            now.about_nothing(),
            step=Step.COUNT if said == "too_many_drives" else Step.BAY,
            asset=wish.asset,
            grade=wish.grade,
            destination=wish.destination,
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

    def _rate(self, wish: actions.Rate) -> str:
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


def _stamped(context: Context) -> Context:
    """The same, with the moments when somebody signed in and a phone was begun."""
    if context.operator is not None and not context.since:
        context = replace(context, since=utc_now())
    if context.attempt is not None and not context.attempt.began:
        context = replace(context, attempt=replace(context.attempt, began=utc_now()))
    return context
