"""How a bay is told at a glance: shape, word and colour, each of which is enough. Pure.

The shapes of outcomes are those of labels and web pages (agent/certificates/shapes.py). Of the others "?" always waits
for a person, and "!" is always trouble.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.certificates.shapes import SIGNS
from agent.views.cells import Style


@dataclass(frozen=True)
class Look:
    """How a state is told, in three ways at once. `word` is a phrase's key."""

    shape: str
    word: str
    style: Style


WAITS = "?"
TROUBLE = "!"
STATES: Mapping[str, Look] = {
    "empty": Look("\u00b7", "word_empty", "faint"),
    "waiting": Look(WAITS, "word_waiting", "hand"),
    "blocked": Look(SIGNS["refused"].typed, "word_blocked", "hand"),
    "countdown": Look("\u25ba", "word_countdown", "busy"),
    "cycling": Look("\u2195", "word_cycling", "busy"),
    "proving": Look("\u25ba", "word_proving", "busy"),
    "erasing": Look("\u25ba", "word_erasing", "busy"),
    "verifying": Look("\u2261", "word_verifying", "busy"),
    "stalled": Look(TROUBLE, "word_stalled", "hand"),
    "certifying": Look("\u2261", "word_certifying", "busy"),
    "quarantined": Look(TROUBLE, "word_quarantined", "bad"),
}
OUTCOMES: Mapping[str, Look] = {
    "erased": Look(SIGNS["erased"].typed, "label_erased", "good"),
    "unread": Look(SIGNS["unread"].typed, "label_unread", "hand"),
    "failed": Look(SIGNS["failed"].typed, "label_failed", "bad"),
    "again": Look(SIGNS["again"].typed, "label_again", "hand"),
    "aborted": Look(SIGNS["aborted"].typed, "word_aborted", "hand"),
    "refused": Look(SIGNS["refused"].typed, "label_refused", "hand"),
}
LOOKS: Mapping[str, Look] = {**STATES, **OUTCOMES}
ASKING: Mapping[str, Look] = {
    "serial": Look(WAITS, "word_asks_serial", "hand"),
    "confirm": Look(WAITS, "word_asks_confirm", "hand"),
}
"""A bay that counts down only after a person has answered."""
UNKNOWN = Look(WAITS, "word_unknown", "hand")


def look(row: Mapping[str, Any]) -> Look:
    """Choose how a bay's row is told. An outcome is said only of a bay that is done."""
    state = str(row.get("state"))
    if state == "countdown" and row.get("asks") in ASKING:
        return ASKING[str(row["asks"])]
    if state == "erasing" and row.get("phase") == "proof":
        state = "proving"
    if state == "finished":
        return OUTCOMES.get(str(row.get("claim") or row.get("outcome")), UNKNOWN)
    return STATES.get(state, UNKNOWN)


def wanting(answer: Mapping[str, Any] | None) -> frozenset[str]:
    """List what waits for a person, each with what it is about: bays with an outcome or a trouble, labels, alarms.

    A bay that only waits for its first scan is none of them: whoever put the drive in stands there.
    """
    if answer is None or "bays" not in answer:
        return frozenset()
    bays = ((bay, look(bay)) for bay in answer["bays"] if bay.get("state") != "waiting")
    found = [f"bay {bay.get('bay')} {told.word}" for bay, told in bays if told.style in ("good", "bad", "hand")]
    labels = [f"label {label['number']} {label.get('state')}" for label in answer.get("labels", ())]
    return frozenset((*found, *labels, *(f"alarm {name}" for name in answer.get("alarms", {}))))
