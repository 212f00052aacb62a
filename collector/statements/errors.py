"""Errors about statements.

CollectorError
├── StatementProblem  what was to be said cannot be, as it was asked for
├── NotTheirs         somebody speaks without the role that it takes
└── NoSignature       the process that signs did not
"""

from __future__ import annotations

from collector.errors import CollectorError


class StatementProblem(CollectorError):
    """What was to be said cannot be, as it was asked for. Nothing was said."""

    code = "BW-C70"
    message = "{problem}"


class NotTheirs(CollectorError):
    """Somebody speaks without the role that it takes."""

    code = "BW-C71"
    message = "{login} cannot say this: it takes {roles}{where}"
    hint = "`benchwipe-collector person list` shows who holds which role."


class NoSignature(CollectorError):
    """The process that signs did not."""

    code = "BW-C72"
    message = "the collector cannot sign statements now: {problem}"
    hint = "`benchwipe-collector key show --use statement` says whether its key can be used."
