"""Øre: rounding, dividing one sum among several, writing. Pure."""

from __future__ import annotations

from collections.abc import Sequence

WHOLE_BP = 10_000
LARGEST_ORE = 10**15
"""No sum of ours: what is larger is a mistake of a file, and would not fit where others count with floats."""


def half_up(numerator: int, denominator: int) -> int:
    """Divide and round to a whole number: a half goes away from zero, so that -x gives the exact negative of x."""
    if denominator <= 0:
        raise ValueError("a denominator is above zero")
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude


def part(amount: int, bp: int) -> int:
    """Take so many basis points of an amount, rounded once."""
    return half_up(amount * bp, WHOLE_BP)


def shared_out(total: int, weights: Sequence[int]) -> list[int]:
    """Divide a sum by weights so that the parts are whole and their sum is exact.

    Largest remainder: each gets its share rounded down, and what is left goes, one each, to the largest remainders; of
    equal ones to the first. All weights zero: equal parts.
    """
    if total < 0 or any(weight < 0 for weight in weights) or not weights:
        raise ValueError("a sum is shared out among some, and neither is below zero")
    whole = sum(weights)
    if whole == 0:
        return shared_out(total, [1] * len(weights))
    parts = [total * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda place: (-(total * weights[place] % whole), place))
    for place in order[: total - sum(parts)]:
        parts[place] += 1
    return parts


def written(ore: int, *, comma: str = ",", group: str = "") -> str:
    """Write øre as kroner with two decimals: 1234567 is 12345,67."""
    whole, rest = divmod(abs(ore), 100)
    text = f"{whole:,}".replace(",", group) if group else str(whole)
    return f"{'-' if ore < 0 else ''}{text}{comma}{rest:02d}"


def percent(bp: int, *, comma: str = ",") -> str:
    """Write basis points as a percentage without needless zeros: 4000 is 40, 1250 is 12,5."""
    return written(bp, comma=comma).rstrip("0").rstrip(comma)
