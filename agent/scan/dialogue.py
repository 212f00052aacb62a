"""One scan at a time, by the table of agent/scan/flow.py. Pure: (context, scan, what stands in the bays) -> Turn.

The context (agent/scan/context.py) is all that is remembered from scan to scan. A step about a bay ends when that bay's
drive goes. What acts on a bay that the scan does not name acts on the context's, which the screen names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from agent.jobs.bay import Bay
from agent.scan.actions import (
    Action,
    Assign,
    Attest,
    BeginBay,
    Cancel,
    LabelScanned,
    Match,
    PutInBox,
    Rate,
    Reprint,
    SayNoDrive,
    TakeBack,
    TakeBackGrade,
)
from agent.scan.codes import Code, Kind, read
from agent.scan.context import Context, at_home, current, signed_out, turned
from agent.scan.flow import ASKED, HOME, STAY, TABLE, Do, Seen, Step
from agent.scan.handset import Attempt, known_after
from agent.scan.prompt import expects, values
from agent.scan.seeing import see
from agent.settings import Settings


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
    if do is Do.LOOK and (theirs := _whose(context, value)):
        said = values(context, after, bays, text, seen, value) | {"name": theirs}
        return Turn(after, action, "bay_taken_over", said, looked=True)
    if say or action:
        return Turn(after, action, say, values(context, after, bays, text, seen, value), do is Do.LOOK)
    return Turn(after, None, expects(after, settings), values(after, after, bays))


def _whose(context: Context, bay: str) -> str:
    """Name the other person who is asked about this bay."""
    asked = (p.operator for p in context.away if p.bay == bay and p.step in ASKED)
    return next((who.name or who.id for who in asked if who), "")


# What the rows do

Did = tuple[Context, Action | None]
Bays = Mapping[str, Bay]


def _nothing(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return context, None


def _sign_in(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    """Whoever has a place here goes on there; else what nobody had begun is theirs."""
    if any(place.badge == value for place in context.away):
        return turned(context, value, settings), None
    who = next(operator for operator in settings.operator if operator.badge == value)
    return replace(context, operator=who), None


def _sign_out(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return signed_out(context, settings), None


def _take_lot(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return replace(context, lot=next(lot for lot in settings.lot if lot.code == value)), None


def _keep_tag(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    """Whoever scans a device works on it: nobody else is asked for its bay any more."""
    others = (replace(p.emptied(), step=HOME) if p.asset == value else p for p in context.away)
    away = tuple(p for p in others if p.since or p.unfinished)
    return replace(context, asset=value, drives=0, label="", grade="", destination="", away=away), None


def _keep_count(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    return replace(context, drives=int(value)), None


def _say_no_drive(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    assert context.asset is not None
    return context.emptied(), SayNoDrive(context.asset)


def _put_in_box(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    """The label's drive, or the one that is named: never both."""
    if context.label:
        return context.emptied(), PutInBox(value, label=context.label)
    return context.emptied(), PutInBox(value, bay=context.bay, asset=context.asset or "")


def _keep_grade(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    grade, destination = _rating(seen, value, settings)
    return replace(context, grade=grade or context.grade, destination=destination or context.destination), None


def _assign(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    assert context.asset is not None
    action = Assign(value, context.asset, context.grade, context.destination, context.drives)
    return replace(context, asset=None, drives=0, grade="", destination=""), action


def _look(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    """Whoever turns to a bay takes it over: nobody else is asked about it any more."""
    named = replace(context.about(bays[value]), label="")
    others = (replace(p.about_nothing(), step=HOME) if p.bay == value else p for p in context.away)
    return replace(named, away=tuple(others)), None


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
    return turned(context, value, settings), None


def _take_over_phone(context: Context, seen: Seen, value: str, bays: Bays, settings: Settings) -> Did:
    """Another person's answers are theirs: the device is begun anew."""
    others = (replace(p, attempt=None) if p.attempt and p.attempt.serial == value else p for p in context.away)
    kept = replace(context.emptied(), attempt=Attempt(value), away=tuple(p for p in others if p.since or p.unfinished))
    return kept, None


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
    Do.SIGN_OUT: _sign_out,
    Do.KEEP_COUNT: _keep_count,
    Do.SAY_NO_DRIVE: _say_no_drive,
    Do.PUT_IN_BOX: _put_in_box,
    Do.TAKE_OVER_PHONE: _take_over_phone,
}
