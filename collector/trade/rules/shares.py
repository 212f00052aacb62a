"""What of a sale is the customer's: the base that was agreed on, its part, floors. Pure.

P is what the buyer paid (VAT included), C the costs that are listed with the line, x the share. Danish VAT of 25 % is
P/5 of a price that holds it. Margin VAT is a fifth of what is left after the share s, which is itself a part of the
rest: s = x(P - (P - s)/5), and so s = 4xP/(5 - x).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from collector.trade.rules.money import WHOLE_BP, half_up
from collector.trade.rules.terms import Rate, ShareBase, VatMode

FIVE: Final = 5 * WHOLE_BP


@dataclass(frozen=True)
class Sold:
    """What a line of a sale comes to now, refunds taken off. `reversed_`: the unit came back; the rest was kept."""

    price_ore: int
    vat_mode: VatMode
    costs_ore: int = 0
    quantity: int = 1
    adjusted: bool = False
    reversed_: bool = False


@dataclass(frozen=True)
class Share:
    """A share and the base that it is a part of, both in whole øre. `floor`: the guaranteed amount counted."""

    base_ore: int
    amount_ore: int
    floor: bool = False


def share_of(sold: Sold, base: ShareBase, rate: Rate) -> Share:
    """Work out the share of a line. Nothing is due of a line that was refunded wholly."""
    if sold.adjusted and sold.price_ore <= 0:
        return Share(0, 0)
    if base == "fixed":
        whole = rate.fixed_ore * sold.quantity
        found = Share(whole, 0 if sold.reversed_ else whole)
    else:
        above, below = _base(sold, base, rate.share_bp)
        found = Share(half_up(above, below), half_up(above * rate.share_bp, below * WHOLE_BP))
    floor = 0 if sold.reversed_ else rate.floor_ore * sold.quantity
    return found if found.amount_ore >= floor else Share(found.base_ore, floor, floor=True)


def asks_for_consent(price_ore: int, quantity: int, rate: Rate) -> bool:
    """Say whether a piece goes for less than the customer wants to be asked for."""
    return price_ore < rate.consent_below_ore * quantity


def _base(sold: Sold, base: ShareBase, share_bp: int) -> tuple[int, int]:
    """The base as a fraction (numerator, denominator): what the share is exactly `share_bp` of."""
    price, costs = sold.price_ore, sold.costs_ore
    holds_vat = sold.vat_mode == "standard" or (sold.vat_mode == "margin" and base == "net_standard")
    if base == "gross":
        return price, 1
    if base == "net_costs":
        if sold.vat_mode == "margin":
            return max(0, 4 * price - 5 * costs) * WHOLE_BP, FIVE - share_bp
        return (max(0, 4 * price - 5 * costs), 5) if holds_vat else (max(0, price - costs), 1)
    if base == "net_margin" and sold.vat_mode == "margin":
        return 4 * price * WHOLE_BP, FIVE - share_bp
    return (4 * price, 5) if holds_vat else (price, 1)
