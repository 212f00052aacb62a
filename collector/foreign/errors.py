"""Errors about records of other programs.

CollectorError
└── ForeignProblem  a file that is no report of a program that is known here
"""

from __future__ import annotations

from collector.errors import CollectorError


class ForeignProblem(CollectorError):
    """A file that is no report of a program that is known here. Nothing was kept."""

    code = "BW-C75"
    message = "{file}: {problem}"
    hint = "Known are nwipe's log, ShredOS's JSON and Blancco's XML."
