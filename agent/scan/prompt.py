"""What the screen says, by what the next code would do. Pure: the sentence and the effect come from one Context.

Everything that is said at the bench, of a scan or of anything else, is followed by the one thing that is expected. A
step about a bay names it there. What the screen does not name any more is forgotten: then no code acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agent.certificates.attestation import QUESTIONS
from agent.jobs.bay import Bay
from agent.phrases import Spoken, keys
from agent.scan.codes import SHOWN
from agent.scan.context import Context, Heard, at_home, current, stay, undoable
from agent.scan.flow import EXPECTED, Seen, Step
from agent.scan.handset import asked_phrase
from agent.scan.places import place
from agent.settings import Settings

Bays = Mapping[str, Bay]
ABOUT_A_BAY = (Step.SERIAL, Step.CONFIRM, Step.GRADE, Step.BOX)
INSTRUCTIONS = frozenset((*EXPECTED.values(), *map(asked_phrase, QUESTIONS), "device_waits", "scan_box_bay"))
LASTING = frozenset(("assigned", "serial_right", "graded", "ungraded"))
"""Answers that stay true while the drive is where it is."""
INSTEAD: Mapping[str, str] = {"scan_asset_first": "scan_asset"}
"""Answers that say what is expected themselves: -> the instruction in whose place they stand. One is said at a time."""
LAST = 6  # characters of a serial number: what two drives of one box differ in


def expects(context: Context, settings: Settings) -> str:
    """Choose the phrase of the one thing that is expected now.

    Badge and lot come first even where they may be left out.
    """
    attempt = context.attempt
    if context.step is Step.TAG and settings.operator and context.operator is None:
        return EXPECTED[Step.BADGE]
    if context.step is Step.TAG and settings.lot and context.lot is None:
        return EXPECTED[Step.LOT]
    if context.step is Step.TAG and attempt and not context.bay:
        return "device_waits"
    if context.step is Step.CHECK and attempt:
        return attempt.asks
    if context.step is Step.BOX and context.bay:
        return "scan_box_bay"
    return EXPECTED[context.step]


def prompt(context: Context, bays: Bays, settings: Settings) -> tuple[Context, tuple[Spoken, ...]]:
    """Return the context as it holds now, and what the screen says to its person: what a code does comes from both.

    First what was answered to their last scan, as long as that is true; last the one thing that is expected.
    """
    here = at_home(current(context, bays), settings)
    if here.heard is not None and not still_true(here.heard, bays):
        here = replace(here, heard=None)
    news = here.heard.said if here.heard else None
    then: Spoken | None = None
    if here.bay and here.step not in ABOUT_A_BAY and not (news and names(news, here.bay)):
        if here.step is Step.TAG and here.rated is None and _may_be_undone(bays[here.bay]):
            then = ("bay_starts_soon", values(here, here, bays))
        else:
            here = here.about_nothing()
    wanted: Spoken = (expects(here, settings), values(here, here, bays))
    if news is not None and news[0] in INSTEAD:  # it says the same, or what comes only after it
        wanted = news if INSTEAD[news[0]] == wanted[0] else wanted
        news = None
    first, last = (news or wanted, then) if then else (news, wanted)
    return here, (last,) if first is None or first[0] == last[0] else (first, last)


def hear(context: Context, said: Spoken, bays: Bays) -> Context:
    """Return the context with this answer to a scan, which holds as long as what stands in its bay.

    What is expected is no answer: it is said by itself, as it is at any time.
    """
    if said[0] in INSTRUCTIONS:
        return replace(context, heard=None)
    about = bays.get(said[1].get("bay", "")) if names(said, said[1].get("bay", "")) else None
    if about is None:
        return replace(context, heard=Heard(said))
    return replace(context, heard=Heard(said, stay(about), None if said[0] in LASTING else place(about)))


def still_true(heard: Heard, bays: Bays) -> bool:
    """Say whether the same stands in the bay of the answer, at the same point unless the answer holds at any."""
    bay = bays.get(heard.said[1].get("bay", ""))
    if bay is None or not names(heard.said, bay.name):
        return True
    return stay(bay) == heard.stay and heard.place in (None, place(bay))


def _may_be_undone(bay: Bay) -> bool:
    return place(bay) is Seen.COUNTING_BAY and undoable(bay)


def names(said: Spoken, bay: str) -> bool:
    """Say whether this sentence names that bay."""
    key, given = said
    return given.get("bay") == bay and "{bay}" in keys().get(key, "")


def values(
    before: Context, after: Context, bays: Bays, text: str = "", seen: Seen | None = None, value: str = ""
) -> dict[str, str]:
    """Give what the phrases about a scan may name.

    `seen` and `value`: what the sentence is about, if it is the scan.

    A sentence about a step never names what was scanned, only what the step is about.
    """
    lot, attempt = after.lot, after.attempt or before.attempt
    who = before.operator if seen is Seen.LOGOUT else after.operator
    if seen is Seen.THEIR_DEVICE:
        who = next((p.operator for p in before.away if p.attempt and p.attempt.serial == value), who)
    bay = value if seen is not None and seen.name.endswith("_BAY") else after.bay or before.bay
    grade, destination = after.grade or before.grade, after.destination or before.destination
    if seen in (Seen.GRADE, Seen.SAME_GRADE):
        grade = value
    if seen is Seen.UNDONE_GRADE and before.rated:
        grade, destination = before.rated.grade, before.rated.destination
    asset = after.asset or before.asset or ""
    twins = (b.name for b in bays.values() if asset and b.job and b.job.asset and b.job.asset.tag == asset)
    return {
        "code": text[:SHOWN],
        "asset": asset or (attempt.tag if attempt else ""),
        "other": next(twins, ""),
        "drives": str(after.drives or before.drives or ""),
        "label": after.label or before.label,
        "device": (attempt.tag or attempt.serial) if attempt else "",
        "bay": bay,
        "drive": drive_named(bays.get(bay)),
        "name": (who.name or who.id) if who else "",
        "since": after.since,
        "lot": text[:SHOWN] if seen is Seen.UNKNOWN_LOT else lot.code if lot else "",
        "customer": lot.customer if lot else "",
        "grade": " ".join(filter(None, (grade, destination))) or text[:SHOWN],
    }


def drive_named(bay: Bay | None) -> str:
    """Read the last characters of what stands on the drive itself."""
    drive = bay.drive if bay is not None else None
    told = (drive.serial or drive.wwn or "-") if drive else "-"
    return told if len(told) <= LAST else f"...{told[-LAST:]}"
