"""The room trade, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class TradeConfig(AppConfig):
    """Agreements, sales, settlements."""

    name = "collector.trade"
    label = "trade"
