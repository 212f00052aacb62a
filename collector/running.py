"""The configuration that this program was started with, for whoever is not handed it."""

from __future__ import annotations

from django.conf import settings

from collector.settings import Configuration


def configuration() -> Configuration:
    """Return it. boot.py puts it there."""
    found = getattr(settings, "COLLECTOR", None)
    assert isinstance(found, Configuration)
    return found
