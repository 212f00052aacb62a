"""The room foreign, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class ForeignConfig(AppConfig):
    """What other programs say that they erased."""

    name = "collector.foreign"
    label = "foreign"
