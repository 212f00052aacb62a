"""The room units, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class UnitsConfig(AppConfig):
    """Units, lots and custody, registers."""

    name = "collector.units"
    label = "units"
