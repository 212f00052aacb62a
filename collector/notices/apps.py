"""The room notices, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    """Alarms that go out, by mail and by webhook."""

    name = "collector.notices"
    label = "notices"
