"""One scan at a time, by the table of agent/scan/flow.py. Pure: (context, scan, what stands in the bays) -> Turn.

The context (agent/scan/context.py) is all that is remembered from scan to scan. A step about a bay ends when that bay's
drive goes. What acts on a bay that the scan does not name acts on the context's, which the screen names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from agent.jobs.bay import Bay
from agent.scan.codes import Code, Kind, bay_called, is_of_drive, read
from agent.scan.context import AT_HOME, Context, at_home, current
from agent.scan.flow import IDLE, STAY, TABLE, Do, Seen, Step
from agent.scan.handset import Attempt, answer_seen, imei_seen, known_after
from agent.scan.places import place
from agent.scan.prompt import expects, values
from agent.settings import Settings


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
class BeginBay:
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
class TakeBackGrade:
    """Let this job's device have the grade and destination that it had before the last scan."""

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


Action = Attest | Assign | Match | BeginBay | TakeBack | TakeBackGrade | Rate | Cancel | LabelScanned | Reprint


@dataclass(frozen=True)
class Turn:
    """What a scan leads to. `say`: a phrase's key, "" where the action says it itself; `values` are the phrase's.

    `looked`: a bay was turned to, and nothing else was done.
    """

    context: Context
    action: Action | None
    say: str
    values: Mapping[str, str]
    looked: bool = False


def scan(
    context: Context, text: str, settings: Settings, bays: Mapping[str, Bay], *, symbology: str | None = None
) -> Turn:
    """Take the turn that this scan is. The context changes by the table alone."""
    return turn(context, read(text, symbology, settings), text, settings, bays)


def pressed(context: Context, bay: str, settings: Settings, bays: Mapping[str, Bay]) -> Turn:
    """Take the turn that a bay's button is: the same as its code."""
    return turn(context, Code(Kind.BAY, bay), bay, settings, bays)


def turn(context: Context, code: Code, text: str, settings: Settings, bays: Mapping[str, Bay]) -> Turn:
    """Tell what a code does, which `text` was read as."""
    context = at_home(current(context, bays), settings)
    seen, value = see(code, context, settings, bays)
    do, then, say = TABLE.get((context.step, seen), (Do.NOTHING, STAY, ""))
    after, action = _DOING[do](context, seen, value, bays, settings)
    after = at_home(after if then is STAY else replace(after, step=then), settings)
    if say or action:
        return Turn(after, action, say, values(context, after, bays, text, seen, value), do is Do.LOOK)
    return Turn(after, None, expects(after, settings), values(after, after, bays))


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
    return context.about(bays[value]), None


def _match(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return context, Match(context.bay, context.job)


def _begin(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return context, BeginBay(context.bay, context.job)


def _forget(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return context.emptied(), None


def _drop_phone(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return replace(context.emptied(), attempt=None), None


def _take_back(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return context.about_nothing(), TakeBack(context.bay, context.job)


def _take_back_grade(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    given = context.rated
    assert given is not None
    before = TakeBackGrade(context.bay, context.job, given.grade_before, given.destination_before)
    return context.about_nothing(), before


def _stop(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return context, Cancel(value)


def _rate(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    if context.step is not Step.WHICH:
        return context, Rate(context.bay, context.job, *_rating(seen, value, settings))
    named = context.about(bays[value])
    rated = Rate(named.bay, named.job, context.grade, context.destination)
    return replace(named, grade="", destination=""), rated


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
    return _sign_in(replace(context.emptied(), attempt=None), seen, value, bays, settings)


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
    Do.DROP_PHONE: _drop_phone,
    Do.TAKE_BACK: _take_back,
    Do.TAKE_BACK_GRADE: _take_back_grade,
    Do.STOP: _stop,
    Do.RATE: _rate,
    Do.NOTE_LABEL: _note_label,
    Do.PRINT: _print,
    Do.HANDSET: _handset,
    Do.ATTEST: _attest,
    Do.HAND_OVER: _hand_over,
}


def see(code: Code, context: Context, settings: Settings, bays: Mapping[str, Bay]) -> tuple[Seen, str]:
    """See the scan as the table knows it, and its value."""
    return _seen(code, context, settings, bays), _value(code, bays)


def _value(code: Code, bays: Mapping[str, Bay]) -> str:
    return bay_called(code.value, tuple(bays)) or code.value if code.kind is Kind.BAY else code.value


def _seen(code: Code, context: Context, settings: Settings, bays: Mapping[str, Bay]) -> Seen:
    match code.kind:
        case Kind.BAY:
            return _bay_seen(code.value, context, bays)
        case Kind.BADGE:
            return _badge_seen(code.value, context, settings)
        case Kind.LOT:
            return Seen.LOT if any(lot.code == code.value for lot in settings.lot) else Seen.UNKNOWN_LOT
        case Kind.DESTINATION:
            found = next((goal.name for goal in settings.destination if goal.code == code.value), None)
            if found is None:
                return Seen.UNKNOWN_DESTINATION
            return Seen.SAME_GRADE if context.rated and context.rated.destination == found else Seen.DESTINATION
        case Kind.GRADE if context.rated and context.rated.grade == code.value:
            return Seen.SAME_GRADE
        case Kind.TAG | Kind.IMEI:
            return _device_seen(code, context, bays)
        case Kind.OTHER if context.step is Step.SERIAL:
            return _label_seen(code.value, bays[context.bay])
        case Kind.YES | Kind.START | Kind.NO if context.step is Step.CHECK:
            return answer_seen(context.attempt, yes=code.kind is not Kind.NO)
        case Kind.NO | Kind.UNDO:
            return _undo_seen(code.kind, context)
    return _KINDS[code.kind]


def _label_seen(text: str, bay: Bay) -> Seen:
    """What was scanned where the label on a drive is asked for."""
    return Seen.RIGHT_SERIAL if bay.drive is not None and is_of_drive(text, bay.drive) else Seen.OTHER_SERIAL


def _device_seen(code: Code, context: Context, bays: Mapping[str, Bay]) -> Seen:
    """A tag or an IMEI; a drive's own serial may look like either, and is neither."""
    if context.step is Step.SERIAL:
        return _label_seen(code.value, bays[context.bay])
    if _is_serial(code.value, bays):
        return Seen.DRIVE_SERIAL
    if context.attempt and context.step not in (Step.DEVICE, Step.CHECK):
        return _beside_a_phone(code, context.attempt, context.step)
    if code.kind is Kind.IMEI:
        return imei_seen(code.value, signed_in=context.operator is not None)
    used = any(bay.job and bay.job.asset and bay.job.asset.tag == code.value for bay in bays.values())
    return Seen.USED_TAG if used else Seen.TAG


def _bay_seen(text: str, context: Context, bays: Mapping[str, Bay]) -> Seen:
    name = bay_called(text, tuple(bays))
    if name is None:
        return Seen.UNKNOWN_BAY
    if context.step is Step.BAY and _is_serial(context.asset or "", bays):  # its drive came after it was scanned
        return Seen.BAY_OF_SERIAL
    return place(bays[name])


def _badge_seen(badge: str, context: Context, settings: Settings) -> Seen:
    if not any(operator.badge == badge for operator in settings.operator):
        return Seen.UNKNOWN_BADGE
    if context.operator is None or context.operator.badge == badge:
        return Seen.BADGE
    return Seen.OTHER_BADGE_AT_PHONE if context.attempt else Seen.OTHER_BADGE


def _beside_a_phone(code: Code, attempt: Attempt, step: Step) -> Seen:
    """A code of a device while a phone waits for its answers: one phone at a time."""
    if step in IDLE and code.value == attempt.serial:
        return Seen.SAME_DEVICE if attempt.tag else Seen.UNTAGGED_DEVICE
    if step in IDLE and code.value == attempt.tag:
        return Seen.SAME_DEVICE
    if code.kind is Kind.IMEI or step in (Step.STOP, Step.PRINT):
        return Seen.OTHER_DEVICE
    return Seen.TAG


def _undo_seen(kind: Kind, context: Context) -> Seen:
    """What UNDO takes back: a grade, a phone, or what the step is about."""
    if context.step in AT_HOME and context.rated:
        return Seen.UNDONE_GRADE
    if context.step in (Step.DEVICE, Step.CHECK) or (context.step in AT_HOME and context.attempt and not context.bay):
        return Seen.UNDONE_CHECK
    return _KINDS[kind]


def _is_serial(text: str, bays: Mapping[str, Bay]) -> bool:
    """Whether this stands on the label of a drive that is in one of the bays."""
    return any(bay.drive is not None and is_of_drive(text, bay.drive) for bay in bays.values())


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
