"""All that is remembered from scan to scan, and how long it holds. Pure.

`bay` and `job` are what the screen names: the one drive that YES, NO, a grade, a serial or UNDO may act on. Whatever is
said goes through agent/scan/prompt.py, which forgets them as soon as the screen names them no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.certificates import record
from agent.jobs.bay import Bay, BayState
from agent.jobs.job import JobState
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
class Context:
    """What the scans so far have set. `bay` and `job`: what the screen names. `attempt`: a phone or tablet.

    A phone stays while somebody turns to a bay, and waits at home until it is scanned again.
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

    def on_job(self) -> tuple[record.Operator | None, record.Customer | None]:
        """Tell who works, and for whom, as it stands on a job."""
        who, lot = self.operator, self.lot
        return (
            record.Operator(id=who.id, name=who.name, title=who.title) if who else None,
            record.Customer(name=lot.customer, lot=lot.code, reference=lot.reference) if lot else None,
        )

    def policy(self, settings: Settings) -> str:
        """Choose the lot's policy, else its customer's, else the station's."""
        lot = self.lot
        if lot is None:
            return settings.station.policy
        customer = next((c for c in settings.customer if c.name == lot.customer), None)
        return lot.policy or (customer.policy if customer else None) or settings.station.policy

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
        return replace(self, bay=bay.name, job=bay.job.id if bay.job else "", rated=None)

    def about_nothing(self) -> Context:
        """Return the same, naming no bay: no code acts on one."""
        return replace(self, bay="", job="", rated=None)

    def emptied(self) -> Context:
        """Return the same without what was begun and not done, but for a phone."""
        return replace(self.about_nothing(), asset=None, grade="", destination="")


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
    if bay.job is None or bay.job.id != context.job:
        asked = context.step in (Step.SERIAL, Step.CONFIRM, Step.GRADE)
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
