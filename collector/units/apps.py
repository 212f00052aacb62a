"""The room units, as Django knows it."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class UnitsConfig(AppConfig):
    """Units, lots and custody, registers."""

    name = "collector.units"
    label = "units"

    def ready(self) -> None:
        """Listen for certificates that are stored, names that customers are given, and what people say."""
        import_module("collector.units.listening")
        import_module("collector.units.said")
