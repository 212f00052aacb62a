"""How pages write money, percentages and the words of the trade."""

from __future__ import annotations

from django import template
from django.utils.translation import get_language

from collector.trade import words
from collector.trade.rules.money import percent as percent_of
from collector.trade.rules.money import written

register = template.Library()


@register.filter
def kroner(ore: int | None) -> str:
    """Write øre with two decimals, as the reader's language does."""
    if ore is None:
        return ""
    danish = (get_language() or "").startswith("da")
    return written(ore, comma="," if danish else ".", group="." if danish else ",")


@register.filter
def percent(bp: int | None) -> str:
    """Write basis points as a percentage."""
    if bp is None:
        return ""
    return f"{percent_of(bp, comma=',' if (get_language() or '').startswith('da') else '.')} %"


@register.filter
def word(name: object, table: str) -> str:
    """Say a word of the trade in the reader's language."""
    return words.word(table, name)
