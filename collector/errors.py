"""Errors of the collector.

CollectorError
├── SchemaTooNew         the database was made by a newer collector
├── EnrolmentError       a key that cannot be enrolled
└── CollectorKeyProblem  a key of the collector's own that cannot be used or made
"""

from __future__ import annotations

from firmware_bridge.errors import CodedError


class CollectorError(CodedError):
    """The collector cannot do what it was asked. `status`: what a command ends with, 1 where it was refused."""

    code = "BW-C00"
    message = "{problem}"
    status = 2


class SchemaTooNew(CollectorError):
    """The database was made by a newer collector."""

    code = "BW-C01"
    message = "the database has version {found}, and this collector knows versions up to {known}"
    hint = "Start a collector at least as new as the one that used this database."


class EnrolmentError(CollectorError):
    """A key that cannot be enrolled."""

    code = "BW-C02"
    message = "{where}: {problem}"


class CollectorKeyProblem(CollectorError):
    """A key of the collector's own that cannot be used or made."""

    code = "BW-C03"
    message = "the collector's key {path}: {problem}"
