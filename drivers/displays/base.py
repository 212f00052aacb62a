"""What the station asks of a display: show these lines, for this bay or for the whole bench."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod

from drivers.senses import Senses


class Display(ABC):
    """Something that a technician reads. Called from one thread only, its own, and waits a second at most."""

    name: str
    columns: int | None = None
    """Characters in a line; None where it does not matter."""
    rows: int | None = None

    def adjust(self, senses: Senses) -> None:
        """Adjust how bright it may be; said once, before anything is shown. Here: it has nothing to adjust."""
        return

    def show(self, lines: tuple[str, ...], *, bay: str | None) -> None:
        """Replace what is shown for this bay (None: the bench). Text may hold what a drive said of itself.

        DeviceGone when the display is.
        """
        self.write(tuple(fit(line, self.columns) for line in lines[: self.rows]), bay=bay)

    @abstractmethod
    def write(self, lines: tuple[str, ...], *, bay: str | None) -> None:
        """Show lines that fit and hold nothing but printable text."""

    def close(self) -> None:
        """Let go of the device. Calling it twice is harmless."""
        return


def fit(text: str, columns: int | None) -> str:
    """Fit text on one printable line: what would steer a terminal becomes "?", what is too long ends in "..."."""
    clean = "".join(" " if c in "\t\r\n" else c if unicodedata.category(c)[0] != "C" else "?" for c in text)
    if columns is None or len(clean) <= columns:
        return clean
    return clean[: max(0, columns - 3)] + "..."[:columns]
