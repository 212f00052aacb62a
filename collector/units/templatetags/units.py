"""How templates of units write statuses, kinds, numbers and events."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from collector.units import reconciling, words

register = template.Library()
TONES = {
    "conflict": "bad", "missing": "bad", "unexpected": "warn", "duplicate": "none", "failed": "bad",
    "received": "wait", "awaiting_validation": "wait", "attested": "ok", "erased": "ok", "destroyed": "ok",
    "expected": "work", "in_use": "none",
}  # fmt: skip


@register.simple_tag
def status(name: str) -> SafeString:
    """Show a headline: its sign, its word, its tone."""
    return format_html(
        '<span class="mark {}"><span aria-hidden="true">{}</span> {}</span>',
        TONES.get(name, "none"), words.SIGNS.get(name, "·"), words.STATUSES.get(name, name),
    )  # fmt: skip


@register.filter
def named(key: str, table: str) -> str:
    """Name a key of one of the tables of words."""
    found: dict[str, object] = getattr(words, table.upper())
    return str(found.get(key, key))


@register.filter
def why(told: str) -> str:
    """Say why a unit's headline is no better one."""
    return words.why(*reconciling.why_of(told))
