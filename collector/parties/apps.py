"""The room of organisations and people, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class PartiesConfig(AppConfig):
    """Organisations, people, memberships, roles, sign-in, audit trail."""

    name = "collector.parties"
    label = "parties"

    def ready(self) -> None:
        """Begin to write down who signs in."""
        from collector.parties import sessions

        sessions.listen()
