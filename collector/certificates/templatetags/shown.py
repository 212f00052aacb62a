"""How templates write states, sizes and moments. Built in: no template needs to load it."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from collector import moments
from collector.certificates import words

register = template.Library()


@register.simple_tag
def mark(one: words.Mark) -> SafeString:
    """Show a state: its shape, its text in the reader's language, its tone."""
    return format_html(
        '<span class="mark {}"><span aria-hidden="true">{}</span> {}</span>', one.tone, one.shape, gettext(one.text)
    )


@register.simple_tag
def outcome(name: str) -> SafeString:
    """Show an outcome."""
    return mark(words.mark(words.OUTCOMES, name))


@register.simple_tag
def chain(name: str, *, short: bool = False) -> SafeString:
    """Show a state of the chain."""
    return mark(words.mark(words.CHAINS, f"{name} in short" if short and name != "ok" else name))


@register.filter
def moment(value: datetime | str) -> str:
    """Write a moment of ours, or one that a station wrote."""
    return words.moment(moments.text(value) if isinstance(value, datetime) else value)


@register.filter
def size(value: int | None) -> str:
    """Write a size in decimal units."""
    return words.size(value)


@register.filter
def exact(value: int | None) -> str:
    """Write a count exactly."""
    return words.exact(value)
