"""The room effect, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class EffectConfig(AppConfig):
    """What reuse came to in a year, by customer."""

    name = "collector.effect"
    label = "effect"
