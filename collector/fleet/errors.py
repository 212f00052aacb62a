"""Errors of this room: each a line for the person at the station, and a status for its program.

CollectorError
├── NotEnrolled          a station is not made known, and why
└── NoBrokerFolder       the broker's folder cannot be written
"""

from __future__ import annotations

from collector.errors import CollectorError


class NotEnrolled(CollectorError):
    """A station is not made known, or gets no new certificate."""

    code = "BW-C92"
    message = "{problem}"

    def __init__(self, problem: str, status: int = 403) -> None:
        self.status = status
        super().__init__(problem=problem)


class NoBrokerFolder(CollectorError):
    """The broker's folder cannot be written."""

    code = "BW-C93"
    message = "{out}: {problem}"
    hint = "Name another folder with --out; what was there is as it was."
