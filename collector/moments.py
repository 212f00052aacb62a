"""The time now, as the collector writes it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

HERE = ZoneInfo("Europe/Copenhagen")
"""Days are those of the customers' clock."""
YEARS = range(1990, 9000)
"""In which anything happens: what is beyond is a mistake, and from its last day nobody could count on."""


def now() -> datetime:
    """Return the time now, cut to milliseconds: what a receipt says is what the database gives back."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def text(moment: datetime) -> str:
    """Write a moment: RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now_text() -> str:
    """Write the time now: RFC 3339, UTC, milliseconds."""
    return text(now())


def parse(written: str) -> datetime:
    """Read a moment that `text` wrote. Raise ValueError if it is none."""
    return datetime.fromisoformat(written.replace("Z", "+00:00")).astimezone(UTC)


def day_of(moment: datetime) -> date:
    """Return the day of a moment, as people here count it."""
    return moment.astimezone(HERE).date()


def today() -> date:
    """Return this day."""
    return day_of(now())
