"""What became of a unit's drives, when, and what that costs: what may be sold, which fee is due. Pure.

A drive is accounted for when its latest certificate says that it was erased (and, where the agreement wants that, when
a person accepted it), or when it was destroyed. A unit is accounted for on the day of the last of its drives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from collector.trade.rules.terms import Rate, Terms

Came = Literal["erased", "attested", "destroyed"]
Why = Literal[
    "not_counted",
    "drives_missing",
    "too_many",
    "not_erased",
    "failed",
    "attested",
    "unread",
    "not_accepted",
    "rejected",
]


@dataclass(frozen=True)
class DriveFacts:
    """A drive by its latest certificate: outcome, its day in Denmark, what a person decided, its destruction."""

    drive: str
    outcome: str
    day: date
    certificate: str
    decision: str = ""
    decided_on: date | None = None
    destroyed_on: date | None = None


@dataclass(frozen=True)
class UnitFacts:
    """A unit's drives. `wanted`: how many there are; None where nobody has counted them."""

    drives: tuple[DriveFacts, ...]
    wanted: int | None
    destroyed_on: date | None = None


@dataclass(frozen=True)
class Accounted:
    """What became of a drive: since which day it counts, and by which day's agreement it is paid."""

    came: Came
    day: date
    certificate: str
    rule_day: date


def account(facts: DriveFacts, terms: Terms) -> Accounted | Why:
    """Say what became of one drive under these terms, or why it is still open."""
    if facts.destroyed_on is not None:
        return Accounted("destroyed", facts.destroyed_on, facts.certificate, facts.destroyed_on)
    came: Came
    match facts.outcome:
        case "erased":
            came = "erased"
        case "unread" if terms.unread_allowed:
            came = "erased"
        case "unread":
            return "unread"
        case "attested" if terms.attested_allowed:
            came = "attested"
        case "attested":
            return "attested"
        case "failed":
            return "failed"
        case _:
            return "not_erased"
    if facts.decision == "rejected":
        return "rejected"
    if terms.validation == "required":
        if facts.decision != "accepted" or facts.decided_on is None:
            return "not_accepted"
        return Accounted(came, max(facts.day, facts.decided_on), facts.certificate, facts.day)
    return Accounted(came, facts.day, facts.certificate, facts.day)


def account_unit(facts: UnitFacts, terms: Terms) -> tuple[Accounted, ...] | Why:
    """Say what became of all of a unit's drives, or why it is still open. Empty: it holds no storage."""
    if facts.destroyed_on is not None:
        certificate = facts.drives[-1].certificate if facts.drives else ""
        return (Accounted("destroyed", facts.destroyed_on, certificate, facts.destroyed_on),)
    if facts.wanted is None:
        return "not_counted"
    found = []
    for drive in facts.drives:
        one = account(drive, terms)
        if not isinstance(one, Accounted):
            return one
        found.append(one)
    if len(found) < facts.wanted:
        return "drives_missing"
    return "too_many" if len(found) > facts.wanted else tuple(found)


def sale_refused(facts: UnitFacts, terms: Terms, sold_on: date) -> Why | Literal["later"] | None:
    """Say why a unit may not be sold on a day; None where it may. `later`: it was accounted for after that day."""
    found = account_unit(facts, terms)
    if not isinstance(found, tuple):
        return found
    return "later" if any(one.day > sold_on for one in found) else None


def fee_ore(came: Came, rate: Rate) -> int:
    """Tell the fee for what became of a drive."""
    return {"erased": rate.fee_erased_ore, "attested": rate.fee_attested_ore, "destroyed": rate.fee_destroyed_ore}[came]


def dearest(found: Sequence[Accounted], rate: Rate) -> Accounted:
    """Choose the drive whose outcome costs most; of equal ones the last that was accounted for."""
    return max(found, key=lambda one: (fee_ore(one.came, rate), one.day, one.certificate))
