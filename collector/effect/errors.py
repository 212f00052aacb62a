"""Errors of the effect report.

CollectorError
├── FactorProblem   a set of factors that cannot be used
└── EffectProblem   a report, or a figure for it, that cannot be as it was asked for
"""

from __future__ import annotations

from collector.errors import CollectorError


class FactorProblem(CollectorError):
    """A set of factors that cannot be used."""

    code = "BW-C80"
    message = "factors {where}: {problem}"
    hint = "collector/effect/factor_sets/2026-1.toml is a whole set; docs/trade.md says what each row means."


class EffectProblem(CollectorError):
    """A report, or a figure for it, that cannot be as it was asked for."""

    code = "BW-C81"
    message = "no effect report: {problem}"
    hint = "It is: effect --customer NAME --year 2026 [--json | --out FILE.pdf, .csv or .xlsx]."
