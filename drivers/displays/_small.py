"""A display of a few short rows: what was said at the bench stands on top, the newest of the bays under it.

A bay's line that only counts on (percent, seconds) is no news, so that a small display does not flicker between bays.
"""

from __future__ import annotations

import re
import textwrap
from abc import abstractmethod
from collections.abc import Sequence

import msgspec

from drivers.displays.base import Display, fit


class SmallSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`bay`: the display belongs to this bay and shows it alone; empty: to the bench."""

    bay: str = ""


class SmallDisplay(Display):
    """Subclasses set `columns` and `rows`, and put whole screens."""

    columns: int
    rows: int

    def __init__(self, name: str, bay: str) -> None:
        self.name = name
        self._bay = bay
        self._said = ""
        self._news = ""
        self._known: dict[str, str] = {}

    def show(self, lines: tuple[str, ...], *, bay: str | None) -> None:
        """Show whole sentences, broken between words. Raise DeviceGone when the display is gone."""
        if self._bay:
            if bay == self._bay:
                self.put(wrapped(lines, self.columns, self.rows))
            return
        first = lines[0] if lines else ""
        if bay is not None and not self._is_news(bay, first):
            return
        if bay is None:
            self._said = first
        else:
            self._news = first
        self.put(self._both(newest=first))

    def write(self, lines: tuple[str, ...], *, bay: str | None) -> None:
        """Put these lines on the screen. Not asked for: `show` puts whole screens."""
        self.put(wrapped(lines, self.columns, self.rows))

    @abstractmethod
    def put(self, rows: tuple[str, ...]) -> None:
        """Show exactly these rows, each `columns` wide, of printable text. DeviceGone."""

    def _is_news(self, bay: str, line: str) -> bool:
        before, self._known[bay] = self._known.get(bay), re.sub(r"[0-9]+", "", line.split(",")[0])
        return before != self._known[bay]

    def _both(self, newest: str) -> tuple[str, ...]:
        """Half for each where there are rows enough; else the newest alone."""
        half = self.rows // 2
        if half < 2 or not (self._said and self._news):
            return wrapped((newest,), self.columns, self.rows)
        said = wrapped((self._said,), self.columns, half)
        return (*said, *wrapped((self._news,), self.columns, self.rows - half))


def wrapped(lines: Sequence[str], columns: int, rows: int) -> tuple[str, ...]:
    """Wrap the lines into exactly `rows` rows of `columns` characters; what has no room ends in "..."."""
    broken: list[str] = []
    for line in lines:
        broken += textwrap.wrap(fit(line, None), columns)
    if len(broken) > rows:
        rest = " ".join(broken[rows - 1 :])
        broken[rows - 1 :] = [fit(rest, columns)]
    return tuple(f"{row:<{columns}}" for row in [*broken, *[""] * (rows - len(broken))])
