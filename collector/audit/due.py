"""What a share comes to, worked out once more in fractions, from the agreement's words alone. Pure.

It shares no code with what books: an error there is not made here again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

WHOLE = 10_000


@dataclass(frozen=True)
class Terms:
    """What a line's share hangs on, of the version and of the rate that rule it."""

    share_base: str
    share_bp: int
    fixed_ore: int
    floor_ore: int


@dataclass(frozen=True)
class Line:
    """A sold line with what happened to it until a day."""

    price_ore: int
    costs_ore: int
    vat_mode: str
    quantity: int
    changed: bool
    came_back: bool


def share_ore(line: Line, terms: Terms) -> int:
    """Compute the share in whole øre, rounded half-up on its magnitude, once."""
    if line.changed and line.price_ore <= 0:
        return 0
    least = 0 if line.came_back else terms.floor_ore * line.quantity
    if terms.share_base == "fixed":
        return max(0 if line.came_back else terms.fixed_ore * line.quantity, least)
    return max(_whole(_exact(line, terms)), least)


def _exact(line: Line, terms: Terms) -> Fraction:
    part, price, costs = Fraction(terms.share_bp, WHOLE), Fraction(line.price_ore), Fraction(line.costs_ore)
    base, mode = terms.share_base, line.vat_mode
    if base in ("net_margin", "net_costs") and mode == "margin":
        # s = x(P - (P - s)/5 - C), solved for s: the margin's VAT depends on the share itself.
        listed = costs if base == "net_costs" else Fraction(0)
        return max(Fraction(0), part * (price * Fraction(4, 5) - listed) / (1 - part / 5))
    holds_vat = base != "gross" and (mode == "standard" or (mode == "margin" and base == "net_standard"))
    rest = price - (price / 5 if holds_vat else 0) - (costs if base == "net_costs" else 0)
    return part * (max(Fraction(0), rest) if base == "net_costs" else rest)


def _whole(exact: Fraction) -> int:
    size = int(abs(exact) + Fraction(1, 2))
    return size if exact >= 0 else -size


def rate_of(rates: Iterable[tuple[str, str, Mapping[str, int]]], kind: str, grade: str) -> Mapping[str, int] | None:
    """Choose a rate: kind and grade, kind alone, grade alone, any. None where there is none of them."""
    found = {(of_kind, of_grade): told for of_kind, of_grade, told in rates}
    for wanted in ((kind, grade), (kind, "*"), ("*", grade), ("*", "*")):
        if wanted in found:
            return found[wanted]
    return None
