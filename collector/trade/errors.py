"""What cannot be done with agreements, sales and settlements."""

from __future__ import annotations

from collector.errors import CollectorError


class TradeFileProblem(CollectorError):
    """A file that cannot be used at all: nothing of it was taken."""

    code = "BW-C60"
    message = "{where}: {problem}"


class NoAgreement(CollectorError):
    """There is no such agreement, or more than one has that name."""

    code = "BW-C61"
    message = "agreement {name!r}: {problem}"
    hint = "`benchwipe-collector agreement list` names them."


class NotSo(CollectorError):
    """What was asked for is refused: the command is right, and it is not so."""

    code = "BW-C62"
    message = "{problem}"


class NoSettlement(CollectorError):
    """There is no settlement with this number, or not in this form."""

    code = "BW-C63"
    message = "settlement {number}: {problem}"


class DocumentsProblem(CollectorError):
    """A settlement's documents could not be made: nothing was closed."""

    code = "BW-C64"
    message = "the settlement's documents could not be made: {problem}"
    hint = "Nothing was closed, and no number was taken. Try again."
