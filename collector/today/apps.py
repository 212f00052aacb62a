"""The room today, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class TodayConfig(AppConfig):
    """What each person has to do today."""

    name = "collector.today"
    label = "today"
