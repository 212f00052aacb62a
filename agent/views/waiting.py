"""What a bay waits for from a person, until that was done. Pure: one thing at a time, in the order of the hands.

A drive that is done wants its grade, then its label, then to be taken out, or into the box of what is destroyed. What
no bay shows any more stands in the list of what is pending.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agent.jobs.bay import Bay, BayState
from agent.jobs.label_proof import LabelState

What = Literal[
    "asset", "serial", "answer", "grade", "label", "proof", "reprint", "box", "take_out", "release", "put_back"
]
DESTROY = "DESTRUER"
ASKED: Mapping[str, What] = {"serial": "serial", "confirm": "answer"}
LABELS: Mapping[LabelState, What] = {
    LabelState.PRINTED: "label",
    LabelState.UNKNOWN: "proof",
    LabelState.NOT_PRINTED: "reprint",
}


@dataclass(frozen=True)
class Beside:
    """What is known beside the bay table.

    `labels`: by certificate number, of labels that nobody has scanned. `away`: by bay, the serial of a drive that was
    pulled out half erased, and belongs back.
    """

    labels: Mapping[str, LabelState] = field(default_factory=dict)
    away: Mapping[str, str] = field(default_factory=dict)


NOTHING_BESIDE = Beside()


def waits_for(bay: Bay, beside: Beside = NOTHING_BESIDE) -> dict[str, Any] | None:
    """Tell what a bay waits for; None while it works, counts down or stands empty."""
    what = _what(bay, beside)
    if what is None:
        return None
    who = bay.job.operator if bay.job else None
    return {
        "what": what,
        "who": {"id": who.id, "name": who.name} if who else None,
        "label": bay.certificate_number if what in ("label", "proof", "reprint", "box") else None,
        "box": DESTROY if what == "box" else None,
        "serial": beside.away.get(bay.name) if what == "put_back" else None,
    }


def _what(bay: Bay, beside: Beside) -> What | None:
    match bay.state:
        case BayState.EMPTY:
            return "put_back" if bay.name in beside.away else None
        case BayState.WAITING:
            return "asset"
        case BayState.COUNTDOWN:
            return ASKED.get(bay.asks)
        case BayState.BLOCKED:
            return "take_out"
        case BayState.QUARANTINED:
            return "release"
        case BayState.FINISHED:
            return _when_done(bay, beside)
    return None


def _when_done(bay: Bay, beside: Beside) -> What:
    if bay.asks == "grade":
        return "grade"
    label = beside.labels.get(bay.certificate_number or "")
    if label is not None and label in LABELS:
        return LABELS[label]
    return "box" if bay.claim == "failed" and not bay.boxed else "take_out"
