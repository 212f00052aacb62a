"""Errors of this room.

CollectorError
├── NoDestination     there is none of that name, or none such can be added
├── AddressRefused    an address to which nothing is sent
└── NothingToReplay   a delivery that is not there, or still goes on by itself
"""

from __future__ import annotations

from collector.errors import CollectorError


class NoDestination(CollectorError):
    """There is no destination of that name, or none such can be added."""

    code = "BW-C100"
    message = "{problem}"


class AddressRefused(CollectorError):
    """An address to which nothing is sent."""

    code = "BW-C101"
    message = "{problem}"
    hint = "An address within the house is allowed by its network: [notices] allow, in the configuration."


class NothingToReplay(CollectorError):
    """A delivery that is not there, or that still goes on by itself."""

    code = "BW-C102"
    message = "{problem}"
    status = 1
