"""Errors about stock and sales on pages.

CollectorError
├── SellingProblem  what was typed cannot be sold, moved or priced so
└── NoPack          the papers of a consignment that leaves the country cannot be made
"""

from __future__ import annotations

from collector.errors import CollectorError


class SellingProblem(CollectorError):
    """What was typed cannot be sold, moved or priced so. Nothing was changed."""

    code = "BW-C73"
    message = "{problem}"
    status = 1


class NoPack(CollectorError):
    """The papers of a consignment that leaves the country cannot be made."""

    code = "BW-C74"
    message = "no papers for this consignment: {problem}"
    status = 1
