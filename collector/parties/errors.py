"""Errors about organisations and people.

CollectorError
├── PartyProblem   an organisation, a person or a role that cannot be as it was asked for
└── LinkProblem    a one-time link that does nothing any more
"""

from __future__ import annotations

from collector.errors import CollectorError


class PartyProblem(CollectorError):
    """An organisation, a person or a role that cannot be as it was asked for."""

    code = "BW-C10"
    message = "{problem}"


class LinkProblem(CollectorError):
    """A one-time link that does nothing any more."""

    code = "BW-C11"
    message = "this link was used, or its hour is over"
    hint = "On the server, `benchwipe-collector person link LOGIN` makes another one."
