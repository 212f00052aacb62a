"""The room api, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Documents for programs."""

    name = "collector.api"
    label = "api"
