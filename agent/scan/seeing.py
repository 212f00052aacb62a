"""What a code is at this moment, as the table of agent/scan/flow.py knows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from agent.jobs.bay import Bay
from agent.scan.codes import Code, Kind, bay_called, is_of_drive
from agent.scan.context import AT_HOME, Context
from agent.scan.flow import IDLE, Seen, Step
from agent.scan.handset import Attempt, answer_seen, imei_seen, is_second
from agent.scan.places import place
from agent.settings import Settings


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
        case Kind.LOGOUT | Kind.NODRIVE:
            return _word_seen(code.kind, context, bays)
        case Kind.TAG | Kind.IMEI:
            return _device_seen(code, context, bays)
        case Kind.OTHER if context.step is Step.SERIAL:
            return _label_seen(code.value, bays[context.bay])
        case Kind.YES | Kind.START | Kind.NO if context.step is Step.CHECK:
            return answer_seen(context.attempt, yes=code.kind is not Kind.NO)
        case Kind.NO | Kind.UNDO:
            return _undo_seen(code.kind, context)
    return _KINDS[code.kind]


def _word_seen(kind: Kind, context: Context, bays: Mapping[str, Bay]) -> Seen:
    """LOG OUT of nobody is none, nor has a device no drive while one of its stands in a bay."""
    if kind is Kind.LOGOUT:
        return Seen.LOGOUT if context.operator else Seen.NOBODYS_LOGOUT
    return Seen.NO_DRIVE_HERE if context.asset and _tag_seen(context.asset, bays) is not Seen.TAG else Seen.NO_DRIVE


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
    if (
        code.kind is Kind.IMEI
        and context.step is Step.CHECK
        and context.attempt
        and is_second(context.attempt, code.value)
    ):
        return Seen.SECOND_IMEI
    if code.kind is Kind.IMEI and context.operator and any(_has_begun(p, code.value) for p in context.away):
        return Seen.THEIR_DEVICE
    if code.kind is Kind.IMEI:
        return imei_seen(code.value, signed_in=context.operator is not None)
    return _tag_seen(code.value, bays)


def _has_begun(place: Context, serial: str) -> bool:
    return place.attempt is not None and place.attempt.serial == serial


def _tag_seen(tag: str, bays: Mapping[str, Bay]) -> Seen:
    """A tag that stands in a bay already is of a device with more drives than one: how many, is asked once."""
    same = [bay.job.asset for bay in bays.values() if bay.job and bay.job.asset and bay.job.asset.tag == tag]
    if not same:
        return Seen.TAG
    return Seen.COUNTED_TAG if any(asset.drives and asset.drives.of > len(same) for asset in same) else Seen.USED_TAG


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
    if context.operator is None or (context.badge == badge and context.lot is None):
        return Seen.BADGE
    return Seen.OWN_BADGE if context.badge == badge else Seen.OTHER_BADGE


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
    Kind.DRIVES: Seen.DRIVES,
    Kind.BOX: Seen.BOX,
    Kind.WRONG_SYMBOL: Seen.WRONG_SYMBOL,
    Kind.OTHER: Seen.UNKNOWN,
}
