"""How much of a SATA SSD's life is used, out of its SMART attributes. Pure.

Makers agree on no number and no direction: smartctl's drive database (drivedb.h) gives the same attribute several
names, and the names tell what counts. Some keep the normalised value at 100 for ever and count in the raw one (Kingston
and Silicon Motion's, in percent left; SanDisk and WD, in hundredths of a percent used). Of several claims the worst is
taken: one that stands still hides what another tells. What is not clear is not told; it is never 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

MOST_USED = 255  # percent: drives go on counting after 100 (ACS-4, 9.5.8)
MOST_CYCLES = 30  # of an attribute that counts cycles: more of them, and 100 % left is no count of wear
HUNDREDTHS = 0xFFFF  # the low word; above it stand the figures of other kinds of cells


class Counts(Enum):
    """What the raw value of an attribute counts."""

    LEFT = "percent of life left"
    USED = "percent of life used"
    HUNDREDTHS = "hundredths of a percent of life used"
    CYCLES = "cycles, or nothing"
    NOTHING = "nothing: it stays 0"


# The first that fits, by name; a name that fits none is of something else.
NAMES: tuple[tuple[str, Counts], ...] = (
    (r"curve|protect|writes|reads|wts|nand|gib?\b|limit|range", Counts.NOTHING),
    (r"life.*used|used.*life", Counts.USED),
    (r"perc_write/erase", Counts.HUNDREDTHS),
    (r"wear_leveling_count", Counts.CYCLES),
    (r"life.*(left|remain)|remain.*life", Counts.LEFT),
)
# By number, where smartctl knows no name. 202 is Micron's, whose raw value counts up.
NUMBERS = {
    169: Counts.LEFT,
    177: Counts.CYCLES,
    202: Counts.USED,
    230: Counts.HUNDREDTHS,
    231: Counts.LEFT,
    233: Counts.NOTHING,
}


@dataclass(frozen=True)
class Attribute:
    """One row of smartctl's table. `value` is normalised; `raw` is its own first number."""

    number: int
    name: str
    value: int | None
    raw: int | None


def wear_percent(attributes: Iterable[Attribute]) -> int | None:
    """Find the percent of its life that is used. None where nothing tells it."""
    found = [used for attribute in attributes if (used := _used(attribute)) is not None]
    return max(found, default=None)


def _used(of: Attribute) -> int | None:
    counts = _counts(of)
    if counts is None:
        return None
    left = of.value if of.value is not None and 1 <= of.value <= 100 else None
    percent = of.raw if of.raw is not None and 1 <= of.raw <= 100 else None
    if counts is Counts.HUNDREDTHS:
        return _of_hundredths(left, of.raw)
    if left is not None and left < 100:
        return 100 - left
    if percent is not None and counts in (Counts.LEFT, Counts.USED):
        return 100 - percent if counts is Counts.LEFT else percent
    new = {Counts.CYCLES: of.raw is not None and of.raw <= MOST_CYCLES}.get(counts, of.raw == 0)
    return 0 if left == 100 and new and _known(of) else None


def _counts(of: Attribute) -> Counts | None:
    """None where the attribute is of something else."""
    name = of.name.lower()
    if not name or name.startswith("unknown"):
        return NUMBERS.get(of.number)
    if "media_wearout" in name:
        return Counts.HUNDREDTHS if of.number == 230 else Counts.NOTHING
    found = next((counts for pattern, counts in NAMES if re.search(pattern, name)), Counts.NOTHING)
    if found is Counts.NOTHING:
        return None
    return Counts.USED if found is Counts.LEFT and of.number == 202 else found


def _known(of: Attribute) -> bool:
    """Whether 100 % left may be believed: only by name, or where all drives that have it move it (Samsung, Intel)."""
    named = bool(of.name) and not of.name.lower().startswith("unknown")
    return named or of.number in (177, 233)


def _of_hundredths(left: int | None, raw: int | None) -> int | None:
    """Some firmware counts the normalised value up from 1: where it says the same as the raw one."""
    used = round((raw & HUNDREDTHS) / 100) if raw is not None and raw >= 0 else 0
    if left is None or left == 100:
        return min(used, MOST_USED) if used else None
    return left if used and abs(used - left) <= 1 else 100 - left
