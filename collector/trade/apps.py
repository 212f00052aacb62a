"""The room trade, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class TradeConfig(AppConfig):
    """Agreements, sales, settlements."""

    name = "collector.trade"
    label = "trade"

    def ready(self) -> None:
        """Tell the rooms above what agreements ask of whoever validates and checks."""
        from collector.statements import policy
        from collector.trade import agreements

        if agreements.policy_on not in policy.SOURCES:
            policy.SOURCES.append(agreements.policy_on)
