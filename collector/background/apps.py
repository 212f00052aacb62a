"""The room background, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class BackgroundConfig(AppConfig):
    """Work that no page waits for."""

    name = "collector.background"
    label = "background"

    def ready(self) -> None:
        """Let each room say what it can do in the background: its `tasks.py`."""
        autodiscover_modules("tasks")
