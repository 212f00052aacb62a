"""How templates name roles, kinds and actions."""

from __future__ import annotations

from django import template

from collector.parties import words

register = template.Library()
register.filter("role", words.role)
register.filter("kind", words.kind)
register.filter("action", words.action)
