"""One scan at a time, by the table of agent/flow.py. Pure: (context, scan, what stands in the bays) -> Turn.

The context is all that is remembered from scan to scan. A step about a bay ends when that bay's drive goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from agent import record
from agent.bench.bays import Bay
from agent.flow import EXPECTED, HOME, STAY, TABLE, Do, Seen, Step
from agent.handset_flow import Attempt, answer_seen, imei_seen, known_after
from agent.places import place
from agent.scans import SHOWN, Code, Kind, bay_called, is_of_drive, read
from agent.settings import Lot, Operator, Settings


@dataclass(frozen=True)
class Context:
    """What the scans so far have set. `bay` and `job`: what the step is about, or what was assigned last."""

    operator: Operator | None = None
    lot: Lot | None = None
    step: Step = Step.TAG
    asset: str | None = None
    bay: str = ""
    job: str = ""
    grade: str = ""
    destination: str = ""
    attempt: Attempt | None = None

    def on_job(self) -> tuple[record.Operator | None, record.Customer | None]:
        """Who works, and for whom, as it stands on a job."""
        who, lot = self.operator, self.lot
        return (
            record.Operator(id=who.id, name=who.name, title=who.title) if who else None,
            record.Customer(name=lot.customer, lot=lot.code, reference=lot.reference) if lot else None,
        )

    def policy(self, settings: Settings) -> str:
        """The lot's policy, else its customer's, else the station's."""
        lot = self.lot
        if lot is None:
            return settings.station.policy
        customer = next((c for c in settings.customer if c.name == lot.customer), None)
        return lot.policy or (customer.policy if customer else None) or settings.station.policy

    def language(self, settings: Settings) -> str:
        """The technician's language, else the station's."""
        return (self.operator.language if self.operator else None) or settings.station.language


@dataclass(frozen=True)
class Assign:
    """Erase the drive in this bay for this asset."""

    bay: str
    asset: str
    grade: str = ""
    destination: str = ""


@dataclass(frozen=True)
class Match:
    """The label of this bay's drive was scanned: its job goes on to what the policy asks next."""

    bay: str
    job: str


@dataclass(frozen=True)
class Begin:
    """YES: count down to this job."""

    bay: str
    job: str


@dataclass(frozen=True)
class TakeBack:
    """Undo the assignment of this job, if it has not begun."""

    bay: str
    job: str


@dataclass(frozen=True)
class Rate:
    """Write down the grade or destination of this job's device; what is empty stays as it is."""

    bay: str
    job: str
    grade: str
    destination: str


@dataclass(frozen=True)
class Cancel:
    """Stop this bay."""

    bay: str


@dataclass(frozen=True)
class LabelScanned:
    """This label (a certificate's number or id) is there."""

    label: str


@dataclass(frozen=True)
class Reprint:
    """Print a label again: this one, or that of the drive in this bay."""

    bay: str = ""
    label: str = ""


@dataclass(frozen=True)
class Attest:
    """Certify what the person who is signed in answers for."""

    attempt: Attempt


Action = Attest | Assign | Match | Begin | TakeBack | Rate | Cancel | LabelScanned | Reprint


@dataclass(frozen=True)
class Turn:
    """What a scan leads to. `say`: a phrase's key, "" where the action says it itself; `values` are the phrase's."""

    context: Context
    action: Action | None
    say: str
    values: Mapping[str, str]


def scan(
    context: Context, text: str, settings: Settings, bays: Mapping[str, Bay], *, symbology: str | None = None
) -> Turn:
    """The turn that this scan is. The context changes by the table alone."""
    return turn(context, read(text, symbology, settings), text, settings, bays)


def pressed(context: Context, bay: str, settings: Settings, bays: Mapping[str, Bay]) -> Turn:
    """The turn that a bay's button is: the same as its code."""
    return turn(context, Code(Kind.BAY, bay), bay, settings, bays)


def turn(context: Context, code: Code, text: str, settings: Settings, bays: Mapping[str, Bay]) -> Turn:
    """What a code does, which `text` was read as."""
    context = at_home(current(context, bays), settings)
    seen, value = see(code, context, settings, bays)
    do, then, say = TABLE.get((context.step, seen), (Do.NOTHING, STAY, ""))
    after, action = _DOING[do](context, seen, value, bays, settings)
    if then is not STAY:
        after = at_home(replace(after, step=then), settings)
    said = say if action or say else expects(after, settings)
    return Turn(after, action, said, values(context, after, text, seen, value))


# What the rows do

Did = tuple[Context, Action | None]
Bays = Mapping[str, Bay]


def _nothing(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return context, None


def _sign_in(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    who = next(operator for operator in settings.operator if operator.badge == value)
    return replace(context, operator=who), None


def _take_lot(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return replace(context, lot=next(lot for lot in settings.lot if lot.code == value)), None


def _keep_tag(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return replace(context, asset=value, grade="", destination=""), None


def _keep_grade(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    grade, destination = _rating(seen, value, settings)
    return replace(context, grade=grade or context.grade, destination=destination or context.destination), None


def _assign(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    assert context.asset is not None
    action = Assign(value, context.asset, context.grade, context.destination)
    return replace(context, asset=None, grade="", destination=""), action


def _look(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    job = bays[value].job
    return replace(context, bay=value, job=job.id if job else ""), None


def _match(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return context, Match(context.bay, context.job)


def _begin(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return context, Begin(context.bay, context.job)


def _forget(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return replace(context, asset=None, bay="", job="", grade="", destination="", attempt=None), None


def _take_back(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return replace(context, bay="", job=""), TakeBack(context.bay, context.job)


def _stop(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return context, Cancel(value)


def _rate(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    if context.step is not Step.WHICH:
        return context, Rate(context.bay, context.job, *_rating(seen, value, settings))
    job = bays[value].job
    rated = Rate(value, job.id if job else "", context.grade, context.destination)
    return replace(context, grade="", destination=""), rated


def _note_label(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return context, LabelScanned(value)


def _print(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return context, Reprint(label=value) if seen is Seen.LABEL else Reprint(bay=value)


def _handset(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    known = known_after(context.attempt, seen, value, context.asset or "")
    return replace(context, asset=None, grade="", destination="", attempt=known), None


def _attest(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return replace(context, attempt=None), Attest(known_after(context.attempt, seen, value, ""))


def _hand_over(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return _sign_in(replace(context, attempt=None), seen, value, bays, settings)


def _rating(seen: Seen, value: str, settings: Settings) -> tuple[str, str]:
    """(grade, destination), one of them empty."""
    if seen is Seen.GRADE:
        return value, ""
    return "", next(place.name for place in settings.destination if place.code == value)


_DOING: Mapping[Do, Callable[[Context, Seen, str, Bays, Settings], Did]] = {
    Do.NOTHING: _nothing,
    Do.SIGN_IN: _sign_in,
    Do.TAKE_LOT: _take_lot,
    Do.KEEP_TAG: _keep_tag,
    Do.KEEP_GRADE: _keep_grade,
    Do.ASSIGN: _assign,
    Do.LOOK: _look,
    Do.MATCH: _match,
    Do.BEGIN: _begin,
    Do.FORGET: _forget,
    Do.TAKE_BACK: _take_back,
    Do.STOP: _stop,
    Do.RATE: _rate,
    Do.NOTE_LABEL: _note_label,
    Do.PRINT: _print,
    Do.HANDSET: _handset,
    Do.ATTEST: _attest,
    Do.HAND_OVER: _hand_over,
}


def expects(context: Context, settings: Settings) -> str:
    """The phrase of the one thing that is expected now. Badge and lot come first even where they may be left out."""
    if context.step is Step.TAG and settings.operator and context.operator is None:
        return EXPECTED[Step.BADGE]
    if context.step is Step.TAG and settings.lot and context.lot is None:
        return EXPECTED[Step.LOT]
    if context.step is Step.CHECK and context.attempt:
        return context.attempt.asks
    return EXPECTED[context.step]


def values(before: Context, after: Context, text: str, seen: Seen | None = None, value: str = "") -> dict[str, str]:
    """What the phrases about a scan may name."""
    lot, who, attempt = after.lot, after.operator, after.attempt or before.attempt
    named = value if seen is not None and seen.name.endswith("_BAY") else after.bay or before.bay
    grade, destination = after.grade or before.grade, after.destination or before.destination
    if seen is Seen.GRADE:
        grade = value
    return {
        "code": text[:SHOWN],
        "asset": after.asset or before.asset or (attempt.tag if attempt else ""),
        "device": attempt.serial if attempt else "",
        "bay": named,
        "name": (who.name or who.id) if who else "",
        "lot": text[:SHOWN] if seen is Seen.UNKNOWN_LOT else lot.code if lot else "",
        "customer": lot.customer if lot else "",
        "grade": " ".join(filter(None, (grade, destination))) or text[:SHOWN],
    }


def at_home(context: Context, settings: Settings) -> Context:
    """The context with the step that is expected, where nothing else is under way."""
    if context.step not in (Step.TAG, Step.BADGE, Step.LOT):
        return context
    required = settings.scanning.require
    if "badge" in required and context.operator is None:
        return replace(context, step=Step.BADGE)
    if "lot" in required and context.lot is None:
        return replace(context, step=Step.LOT)
    return replace(context, step=Step.TAG)


def current(context: Context, bays: Mapping[str, Bay]) -> Context:
    """The context without a step whose drive has gone, or got its answer elsewhere."""
    wanted = {Step.SERIAL: Seen.ASKING_BAY, Step.CONFIRM: Seen.PLANNED_BAY}.get(context.step)
    if wanted is None and context.step is not Step.GRADE:
        return context
    bay = bays[context.bay]
    same = bay.job is not None and bay.job.id == context.job
    return context if same and wanted in (None, place(bay)) else replace(context, step=HOME)


def assigned(context: Context, bay: Bay, settings: Settings) -> Context:
    """After an assignment: what the bay asks for next, if it asks."""
    step = {Seen.ASKING_BAY: Step.SERIAL, Seen.PLANNED_BAY: Step.CONFIRM}.get(place(bay), HOME)
    there = replace(context, step=step, bay=bay.name, job=bay.job.id if bay.job else "")
    return at_home(there, settings)


def see(code: Code, context: Context, settings: Settings, bays: Mapping[str, Bay]) -> tuple[Seen, str]:
    """The scan as the table knows it, and its value."""
    match code.kind:
        case Kind.BAY:
            name = bay_called(code.value, tuple(bays))
            return (place(bays[name]), name) if name else (Seen.UNKNOWN_BAY, code.value)
        case Kind.BADGE:
            known = any(operator.badge == code.value for operator in settings.operator)
            return (Seen.BADGE if known else Seen.UNKNOWN_BADGE), code.value
        case Kind.LOT:
            known = any(lot.code == code.value for lot in settings.lot)
            return (Seen.LOT if known else Seen.UNKNOWN_LOT), code.value
        case Kind.DESTINATION:
            known = any(place.code == code.value for place in settings.destination)
            return (Seen.DESTINATION if known else Seen.UNKNOWN_DESTINATION), code.value
        case Kind.TAG | Kind.OTHER | Kind.IMEI if context.step is Step.SERIAL:
            drive = bays[context.bay].drive
            right = drive is not None and is_of_drive(code.value, drive)
            return (Seen.RIGHT_SERIAL if right else Seen.OTHER_SERIAL), code.value
        case Kind.IMEI:
            return imei_seen(code.value, signed_in=context.operator is not None), code.value
        case Kind.YES | Kind.START | Kind.NO if context.step is Step.CHECK:
            return answer_seen(context.attempt, yes=code.kind is not Kind.NO), code.value
        case Kind.UNDO if context.step in (Step.DEVICE, Step.CHECK):
            return Seen.UNDONE_CHECK, code.value
    return _KINDS[code.kind], code.value


_KINDS: Mapping[Kind, Seen] = {
    Kind.TAG: Seen.TAG,
    Kind.YES: Seen.YES,
    Kind.START: Seen.YES,
    Kind.NO: Seen.NO,
    Kind.UNDO: Seen.NO,
    Kind.CANCEL: Seen.CANCEL,
    Kind.REPRINT: Seen.REPRINT,
    Kind.GRADE: Seen.GRADE,
    Kind.LABEL: Seen.LABEL,
    Kind.PSID: Seen.PSID,
    Kind.TABLET: Seen.TABLET,
    Kind.WRONG_SYMBOL: Seen.WRONG_SYMBOL,
    Kind.OTHER: Seen.UNKNOWN,
}
