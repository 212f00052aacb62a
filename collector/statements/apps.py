"""The room statements, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class StatementsConfig(AppConfig):
    """What people say through this collector, signed and chained."""

    name = "collector.statements"
    label = "statements"
