"""Errors of background work.

CollectorError
└── TooMuchWaiting   the queue is full, or one person's part of it
"""

from __future__ import annotations

from collector.errors import CollectorError


class TooMuchWaiting(CollectorError):
    """The queue is full, or one person's part of it."""

    code = "BW-C13"
    message = "{count} tasks wait already, and nothing was added"
    hint = "Wait until some of them are done."
