"""The room fleet, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class FleetConfig(AppConfig):
    """Live benches."""

    name = "collector.fleet"
    label = "fleet"
