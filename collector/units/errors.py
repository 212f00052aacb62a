"""Errors about units, lots and registers.

CollectorError
├── RegisterProblem  a file that cannot be taken in: nothing was changed
├── UnitProblem      a unit, a lot or a question that cannot be as it was asked for
└── NotNow           it is not so now: the lot is closed, the unit is not the one for that
"""

from __future__ import annotations

from collector.errors import CollectorError


class RegisterProblem(CollectorError):
    """A file that cannot be taken in. Nothing was changed."""

    code = "BW-C50"
    message = "{file}: {problem}"


class UnitProblem(CollectorError):
    """A unit, a lot or a question that cannot be as it was asked for."""

    code = "BW-C51"
    message = "{problem}"


class NotNow(CollectorError):
    """It is not so now: the lot is closed, the unit is not the one for that."""

    code = "BW-C52"
    status = 1
    message = "{problem}"
