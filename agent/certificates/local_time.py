"""Signed times as people read them. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo


def local(text: str, zone: tzinfo | None = None) -> datetime | None:
    """Tell a signed time as people read it: in `zone`, else as this machine's clock on the wall. None for no time.

    What is signed is UTC, and stays so.
    """
    try:
        return datetime.fromisoformat(text).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return None
