"""How templates write a table's cells."""

from __future__ import annotations

from django import template

from collector.effect import words

register = template.Library()


@register.filter
def cell(value: str | int) -> str:
    """Write a cell: a text as it stands, a whole number as the language groups it."""
    return value if isinstance(value, str) else words.number(value)
