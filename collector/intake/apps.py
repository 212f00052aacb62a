"""The room intake, as Django knows it."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    """MQTT in: judge, keep, receipts, chain; stations, keys, certificates, statements, quarantine."""

    name = "collector.intake"
    label = "intake"

    def ready(self) -> None:
        """Listen for names that customers are given."""
        import_module("collector.intake.customers")
