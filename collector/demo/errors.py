"""What can go wrong with the simulated year.

CollectorError
└── DemoProblem   the simulated year cannot go on
"""

from __future__ import annotations

from collector.errors import CollectorError


class DemoProblem(CollectorError):
    """The simulated year cannot go on."""

    code = "BW-C82"
    message = "demo: {problem}"
