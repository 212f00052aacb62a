"""Errors about organisations and people.

CollectorError
├── PartyProblem   an organisation, a person or a role that cannot be as it was asked for
├── LinkProblem    a one-time link that does nothing any more
├── TokenProblem   an API token that cannot be made as it was asked for
└── OidcProblem    an identity of another system that is not believed
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


class TokenProblem(CollectorError):
    """An API token that cannot be made as it was asked for."""

    code = "BW-C30"
    message = "{problem}"


class OidcProblem(CollectorError):
    """An identity of another system that is not believed."""

    code = "BW-C31"
    message = "the sign-in at {provider} is not believed: {problem}"
    hint = "Try again; if it stays so, the collector's log says which check failed."
