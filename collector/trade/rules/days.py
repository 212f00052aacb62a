"""Days in Denmark: periods of a settlement, the day on which a sale counts. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from collector.moments import HERE, YEARS, day_of
from collector.trade.rules.terms import Recognise

Length = Literal["month", "quarter"]
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_QUARTER = re.compile(r"([0-9]{4})-Q([1-4])")
MONTHS = {"month": 1, "quarter": 3}


def local_day(moment: datetime) -> date:
    """Tell the day in Denmark on which a moment fell."""
    return day_of(moment)


def begins(day: date) -> datetime:
    """Tell the moment at which a day in Denmark begins; the first day of all begins with the calendar."""
    if day == date.min:
        return datetime.min.replace(tzinfo=UTC)
    return datetime(day.year, day.month, day.day, tzinfo=HERE).astimezone(UTC)


@dataclass(frozen=True, order=True)
class Period:
    """A month or a quarter of a year: from its first day to its last."""

    first: date
    last: date

    @property
    def length(self) -> Length:
        """A month, or a quarter."""
        return "month" if (self.first.year, self.first.month) == (self.last.year, self.last.month) else "quarter"

    @property
    def name(self) -> str:
        """As people and files call it: 2026-01, 2026-Q1."""
        if self.length == "month":
            return f"{self.first.year:04d}-{self.first.month:02d}"
        return f"{self.first.year:04d}-Q{(self.first.month + 2) // 3}"

    def holds(self, day: date) -> bool:
        """Say whether a day is within it."""
        return self.first <= day <= self.last

    def next(self) -> Period:
        """Give the one that follows."""
        return period_of(self.last + timedelta(days=1), self.length)


def period_of(day: date, length: Length) -> Period:
    """Give the month or the quarter that holds a day."""
    months = MONTHS[length]
    begin = (day.month - 1) // months * months + 1
    first = date(day.year, begin, 1)
    after = date(day.year + (begin + months > 12), (begin + months - 1) % 12 + 1, 1)
    return Period(first, after - timedelta(days=1))


def period_named(name: str) -> Period | None:
    """Read a period's name; None for what is none."""
    if found := _MONTH.fullmatch(name):
        year, month, length = int(found[1]), int(found[2]), "month"
    elif found := _QUARTER.fullmatch(name):
        year, month, length = int(found[1]), int(found[2]) * 3, "quarter"
    else:
        return None
    return period_of(date(year, month, 1), "month" if length == "month" else "quarter") if year in YEARS else None


def recognised_on(recognise: Recognise, sold_on: date, paid_on: date | None, return_days: int) -> date | None:
    """Tell the day on which a sale counts; None while nobody has paid."""
    if recognise == "sold":
        return sold_on
    if recognise == "paid":
        return paid_on
    return sold_on + timedelta(days=return_days + 1)
