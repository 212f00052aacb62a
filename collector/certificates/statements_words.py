"""What was said, and the facts in it, as pages name them in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from collector.text import visible

KINDS: Mapping[str, Promise] = {
    "validation": _("Validation"),
    "sample": _("Second look at a sample"),
    "destruction": _("Destruction"),
    "count": _("Count of drives"),
    "grade": _("Grade"),
    "custody": _("Custody"),
    "closing": _("Closing of a lot"),
    "settlement": _("Settlement"),
    "receipt": _("Receipt"),
    "extract": _("Extract of a certificate"),
    "directory": _("A station's configuration"),
    "disposition": _("A station's grade and destination"),
}
WORDS: Mapping[str, Promise] = {
    "accepted": _("accepted"),
    "rejected": _("rejected"),
    "prepared": _("prepared"),
    "drawn": _("drawn"),
    "passed": _("nothing was found"),
    "failed": _("data was found"),
    "shred": _("shredded"),
    "disintegrate": _("disintegrated"),
    "pulverize": _("pulverized"),
    "incinerate": _("incinerated"),
    "melt": _("melted"),
}
FACTS: Mapping[str, Promise] = {
    "reason": _("Reason"),
    "method": _("Method"),
    "particle_mm": _("Particle size, mm"),
    "batch": _("Batch"),
    "recycler": _("Recycler"),
    "recycler_cvr": _("The recycler's CVR"),
    "equipment": _("Equipment"),
    "weight_g": _("Weight, g"),
    "seal": _("Container or seal"),
    "waste_code": _("Waste code"),
    "witness": _("Witness"),
    "grade": _("Grade"),
    "faults": _("Faults"),
    "drives": _("Drives counted"),
    "lot": _("Lot"),
    "tool": _("Checked with"),
    "seed": _("Seed"),
}


def kind(name: str) -> str:
    """Name a kind of statement."""
    return str(KINDS.get(name, visible(name, 40)))


def word(name: str) -> str:
    """Say what was said, in a word."""
    return str(WORDS.get(name, visible(name, 40)))


def facts(payload: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """List what is told in it, of what a page has a name for."""
    found = ((name, payload.get(name)) for name in FACTS)
    told = {name: value for name, value in found if value not in (None, "", [])}
    return tuple((str(FACTS[n]), word(str(v)) if n == "method" else _shown(v)) for n, v in told.items())


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return _now("yes") if value else _now("no")
    if isinstance(value, list):
        return ", ".join(visible(str(one), 80) for one in value[:20])
    return visible(str(value))
