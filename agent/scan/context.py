"""All that is remembered from scan to scan, and how long it holds. Pure.

`bay` and `job` are what the screen names: the one drive that YES, NO, a grade, a serial or UNDO may act on. Whatever is
said goes through agent/scan/prompt.py, which forgets them as soon as the screen names them no more. Each person has
such a place of their own: a badge turns to its owner's, and nobody answers what another one was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.certificates import record
from agent.jobs.bay import Bay, BayState
from agent.jobs.job import JobState
from agent.phrases import Spoken
from agent.scan.flow import HOME, Seen, Step
from agent.scan.handset import Attempt
from agent.scan.places import place
from agent.settings import Lot, OperatorSettings, Settings

AT_HOME = (Step.TAG, Step.BADGE, Step.LOT)


@dataclass(frozen=True)
class Rated:
    """A grade or destination that was just written down, and what stood in its place: UNDO takes it back."""

    grade: str = ""
    destination: str = ""
    grade_before: str = ""
    destination_before: str = ""


@dataclass(frozen=True)
class Heard:
    """An answer to a scan. It holds as long as the same stands in its bay, at the same point (None: at any)."""

    said: Spoken
    stay: str = ""
    place: Seen | None = None


@dataclass(frozen=True)
class Context:
    """What one person's scans have set: their place at the bench. `bay` and `job`: what the screen names to them.

    `attempt`: a phone or tablet. It stays while they turn to a bay, and waits at home until it is scanned again.
    `drives`: how many the device has that was scanned; 0 where nobody said. `label`: the number of a label whose drive
    goes into a box. `heard`: what was answered to their last scan, and by what stood there then. `since`: when they
    signed in; "" for one who has signed out, or whom a power cut signed out, and of whom something is not done.
    `away`: the places of the others, none of whom has any in turn.
    """

    operator: OperatorSettings | None = None
    lot: Lot | None = None
    step: Step = Step.TAG
    asset: str | None = None
    bay: str = ""
    job: str = ""
    grade: str = ""
    destination: str = ""
    rated: Rated | None = None
    attempt: Attempt | None = None
    drives: int = 0
    label: str = ""
    since: str = ""
    heard: Heard | None = None
    away: tuple[Context, ...] = ()

    @property
    def badge(self) -> str:
        """The badge of whose place this is; "" for nobody's."""
        return self.operator.badge if self.operator else ""

    @property
    def unfinished(self) -> bool:
        """Whether something was begun here that no bay shows: a phone, or a device whose bay was not scanned."""
        return self.attempt is not None or self.asset is not None

    def on_job(self) -> tuple[record.Operator | None, record.Customer | None]:
        """Tell who works, and for whom, as it stands on a job."""
        who, lot = self.operator, self.lot
        return (
            record.Operator(id=who.id, name=who.name, title=who.title) if who else None,
            record.Customer(name=lot.customer, lot=lot.code, reference=lot.reference) if lot else None,
        )

    def policy(self, settings: Settings) -> str:
        """Choose the lot's policy, else its customer's, else the station's."""
        return settings.policy_of(self.lot)

    def language(self, settings: Settings) -> str:
        """Choose the technician's language, else the station's."""
        return (self.operator.language if self.operator else None) or settings.station.language

    def missing(self, settings: Settings) -> Step | None:
        """Say what must be scanned before anything is erased.

        In scan mode that is badge and lot wherever some are known.
        """
        scans, required = settings.station.mode == "scan", settings.scanning.require
        if self.operator is None and ("badge" in required or (scans and settings.operator)):
            return Step.BADGE
        if self.lot is None and ("lot" in required or (scans and settings.lot)):
            return Step.LOT
        return None

    def about(self, bay: Bay) -> Context:
        """Return the same about this bay and the drive that stands there."""
        return replace(self, bay=bay.name, job=stay(bay), rated=None)

    def about_nothing(self) -> Context:
        """Return the same, naming no bay: no code acts on one."""
        return replace(self, bay="", job="", rated=None)

    def emptied(self) -> Context:
        """Return the same without what was begun and not done, but for a phone."""
        return replace(self.about_nothing(), asset=None, drives=0, label="", grade="", destination="")

    def left(self) -> Context:
        """Return the place as it is left for another person's: what names its bay only after the scan is off."""
        home = self.step in (Step.STOP, Step.PRINT, Step.WHICH)
        kept = replace(self.emptied(), step=HOME) if home else self
        return replace(kept, rated=None, heard=None, away=())


def fresh(settings: Settings, operator: OperatorSettings | None = None) -> Context:
    """Make a place where nothing was scanned: on the station's standing delivery, if it has one."""
    return Context(operator=operator, lot=settings.standing_lot)


def turned(context: Context, badge: str, settings: Settings) -> Context:
    """Turn to the place of whoever has this badge ("": nobody's), and leave the present one as it is."""
    if context.badge == badge:
        return context
    others = [place for place in context.away if place.badge != badge]
    if context.operator is not None:
        others.append(context.left())
    own = next((place for place in context.away if place.badge == badge), None)
    if own is None:
        who = next((operator for operator in settings.operator if operator.badge == badge), None)
        own = fresh(settings, who)
    return replace(own, away=tuple(others))


def signed_out(context: Context, settings: Settings) -> Context:
    """Turn to nobody's place; what the person has not finished stays for them, and nothing else of theirs."""
    kept = replace(context.left(), since="", bay="", job="", label="")
    if kept.step in (Step.SERIAL, Step.CONFIRM, Step.GRADE, Step.BOX):
        kept = replace(kept, step=HOME)
    others = (*context.away, kept) if context.operator and kept.unfinished else context.away
    return replace(fresh(settings), away=others)


def stay(bay: Bay) -> str:
    """Name what stands in a bay now: its job, or the drive's stay where it has none; "" for an empty one."""
    return bay.job.id if bay.job else bay.insertion


def at_home(context: Context, settings: Settings) -> Context:
    """Return the context with the step that is expected, where nothing else is under way."""
    if context.step not in AT_HOME:
        return context
    return replace(context, step=context.missing(settings) or Step.TAG)


def current(context: Context, bays: Mapping[str, Bay]) -> Context:
    """Return the context without a step whose drive has gone, or got its answer elsewhere."""
    if not context.bay:
        return context
    bay = bays[context.bay]
    if not context.job or stay(bay) != context.job:
        asked = context.step in (Step.SERIAL, Step.CONFIRM, Step.GRADE, Step.BOX)
        return replace(context.about_nothing(), step=HOME if asked else context.step)
    wanted = {Step.SERIAL: Seen.ASKING_BAY, Step.CONFIRM: Seen.PLANNED_BAY}.get(context.step)
    return context if wanted in (None, place(bay)) else replace(context, step=HOME)


def assigned(context: Context, bay: Bay, settings: Settings) -> Context:
    """Expect, after an assignment, what the bay asks for next, if it asks."""
    step = {Seen.ASKING_BAY: Step.SERIAL, Seen.PLANNED_BAY: Step.CONFIRM}.get(place(bay), HOME)
    return at_home(replace(context.about(bay), step=step), settings)


def undoable(bay: Bay) -> bool:
    """Say whether its job has not begun, here or before: it can be taken back, and nothing was erased."""
    job = bay.job
    return bay.state is BayState.COUNTDOWN and job is not None and job.state is JobState.PLANNED and not job.resumes
