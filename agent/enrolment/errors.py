"""Errors of enrolment: each one line that says what a person does next.

AgentError
├── NotTheCollector      the server is not the one that the code is from: nothing was told to it
├── CollectorSilent      it does not answer, or with something else
├── EnrolmentRefused     it answers, and says no
└── CannotPlace          what it gave cannot be put in its place: what was there is as it was
"""

from __future__ import annotations

from agent.errors import AgentError


class NotTheCollector(AgentError):
    """The server is not the one that the code is from: nothing was told to it."""

    code = "BW-A81"
    message = "{where} is not the collector that this code is from: {problem}"
    hint = "Compare the address and the code with what the collector shows. Nothing was sent there."


class CollectorSilent(AgentError):
    """It does not answer, or with something else."""

    code = "BW-A82"
    message = "{where}: {problem}"


class EnrolmentRefused(AgentError):
    """It answers, and says no."""

    code = "BW-A83"
    message = "the collector says no: {problem}"


class CannotPlace(AgentError):
    """What it gave cannot be put in its place: what was there is as it was."""

    code = "BW-A84"
    message = "{path}: {problem}"
