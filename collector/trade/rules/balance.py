"""Corrections and sums: what is still to be booked, VAT for each rate, the balance that is paid or carried on. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from collector.trade.rules.money import part


@dataclass(frozen=True)
class Sums:
    """The foot of a settlement, in øre. What is above zero is owed to the customer."""

    share_ore: int
    share_vat_ore: int
    fees_ore: int
    fees_vat_ore: int
    opening_ore: int
    payable_ore: int
    closing_ore: int


def still_to_book(due: Mapping[int, int], booked: Mapping[int, int]) -> dict[int, int]:
    """Take what was booked from what is due, for each rate of VAT; a rate with nothing left to book is left out."""
    found = {vat: due.get(vat, 0) - booked.get(vat, 0) for vat in sorted({*due, *booked})}
    return {vat: amount for vat, amount in found.items() if amount}


def vat_of(amounts: Iterable[tuple[int, int]]) -> int:
    """Compute VAT of (amount, basis points): for each rate on the sum of its lines, rounded once, with their sign."""
    by_rate: defaultdict[int, int] = defaultdict(int)
    for amount, bp in amounts:
        by_rate[bp] += amount
    return sum(part(amount, bp) for bp, amount in by_rate.items())


def sums(shares: Iterable[tuple[int, int]], fees: Iterable[tuple[int, int]], *, opening: int, set_off: bool) -> Sums:
    """Sum the printed lines up, and say what is paid out and what is carried on."""
    shares, fees = list(shares), list(fees)
    share, share_vat = sum(amount for amount, _ in shares), vat_of(shares)
    fee, fee_vat = sum(amount for amount, _ in fees), vat_of(fees)
    balance = opening + share + share_vat + (fee + fee_vat if set_off else 0)
    return Sums(share, share_vat, fee, fee_vat, opening, max(balance, 0), min(balance, 0))
