"""What the screen says, by what the next code would do. Pure: the sentence and the effect come from one Context.

Everything that is said at the bench, of a scan or of anything else, is followed by the one thing that is expected. A
step about a bay names it there. What the screen does not name any more is forgotten: then no code acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.jobs.bay import Bay
from agent.phrases import Spoken, keys
from agent.scan.codes import SHOWN
from agent.scan.context import Context, at_home, current, undoable
from agent.scan.flow import EXPECTED, Seen, Step
from agent.scan.places import place
from agent.settings import Settings

Bays = Mapping[str, Bay]
ABOUT_A_BAY = (Step.SERIAL, Step.CONFIRM, Step.GRADE)
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
    return EXPECTED[context.step]


def follow(context: Context, news: Spoken, bays: Bays, settings: Settings) -> tuple[Context, Spoken | None]:
    """Return the context as it holds once `news` is on the screen, and what is said behind it.

    None where that is the news.
    """
    here = at_home(current(context, bays), settings)
    if here.bay and here.step not in ABOUT_A_BAY and not names(news, here.bay):
        counting = place(bays[here.bay]) is Seen.COUNTING_BAY and undoable(bays[here.bay])
        if here.step is Step.TAG and here.rated is None and counting:
            return here, ("bay_starts_soon", values(here, here, bays))
        here = here.about_nothing()
    then = (expects(here, settings), values(here, here, bays))
    return here, None if then[0] == news[0] else then


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
    lot, who, attempt = after.lot, after.operator, after.attempt or before.attempt
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
        "device": (attempt.tag or attempt.serial) if attempt else "",
        "bay": bay,
        "drive": drive_named(bays.get(bay)),
        "name": (who.name or who.id) if who else "",
        "lot": text[:SHOWN] if seen is Seen.UNKNOWN_LOT else lot.code if lot else "",
        "customer": lot.customer if lot else "",
        "grade": " ".join(filter(None, (grade, destination))) or text[:SHOWN],
    }


def drive_named(bay: Bay | None) -> str:
    """Read the last characters of what stands on the drive itself."""
    drive = bay.drive if bay is not None else None
    told = (drive.serial or drive.wwn or "-") if drive else "-"
    return told if len(told) <= LAST else f"...{told[-LAST:]}"
