"""A set of factors: a document that never changes, read and judged as a whole. Pure.

A set is known by its version and by the SHA-256 of its bytes: a report that names both can be made again.
"""

from __future__ import annotations

import hashlib
import tomllib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from collector.effect.errors import FactorProblem
from drivers.options import convert

What = Literal["production", "refurbishing", "expected_life", "credited_life", "displacement", "mass"]
UNITS: dict[str, str] = {
    "production": "g",
    "refurbishing": "g",
    "expected_life": "months",
    "credited_life": "months",
    "displacement": "bp",
    "mass": "g",
}
EVERY_KIND = "*"
NEEDED = ("production", "refurbishing", "expected_life", "credited_life", "displacement")
"""What a kind needs, by itself or for every kind, before a unit of it is credited with anything."""
WHOLE_BP = 10_000
LARGEST = 1 << 20
NotEmpty = Annotated[str, Meta(min_length=1, max_length=200)]
Whole = Annotated[int, Meta(ge=0, le=10**9)]


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a factor was read. A work keeps its own title; `title_da` and `note_da` are what a set says of itself."""

    title: NotEmpty
    title_da: str = ""
    url: str = ""
    year: Annotated[int, Meta(ge=1990, le=2100)]
    licence: NotEmpty
    note: str = ""
    note_da: str = ""


class Factor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: what it is of, in whole numbers, with its range and its source."""

    what: What
    kind: NotEmpty
    unit: Literal["g", "months", "bp"]
    low: Whole
    mid: Whole
    high: Whole
    source: NotEmpty
    count: Whole = 0
    """How many products the figure was drawn from; 0: not from products."""


class FactorSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A set as it is used: rows, sources, its version and the hash of its bytes."""

    version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$")]
    title: NotEmpty
    source: dict[str, Source]
    factor: tuple[Factor, ...]
    sha256: str = ""

    def find(self, what: str, kind: str) -> Factor | None:
        """Find a kind's own factor, else the one of every kind."""
        rows = {one.kind: one for one in self.factor if one.what == what}
        return rows.get(kind) or rows.get(EVERY_KIND)

    def lacks(self, kind: str) -> bool:
        """Say whether a unit of this kind cannot be credited: a factor of it is missing."""
        return any(self.find(what, kind) is None for what in NEEDED)


def read_factors(document: bytes, *, where: str) -> FactorSet:
    """Read a set. Raise FactorProblem, which names the first thing that is wrong."""
    if len(document) > LARGEST:
        raise FactorProblem(where=where, problem=f"more than {LARGEST} bytes")
    try:
        data: dict[str, Any] = tomllib.loads(document.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise FactorProblem(where=where, problem=f"is not valid TOML: {error}") from None
    found, problems = convert({**data, "sha256": hashlib.sha256(document).hexdigest()}, FactorSet)
    problems = problems or ([] if found is None else _contradictions(found))
    if found is None or problems:
        raise FactorProblem(where=where, problem="; ".join(problems))
    return found


def _contradictions(found: FactorSet) -> list[str]:
    seen: set[tuple[str, str]] = set()
    problems = []
    for row in found.factor:
        name = f"{row.what} of {row.kind}"
        if (row.what, row.kind) in seen:
            problems.append(f"{name} stands there twice")
        seen.add((row.what, row.kind))
        if not row.low <= row.mid <= row.high:
            problems.append(f"{name}: low {row.low}, mid {row.mid}, high {row.high} do not rise")
        if row.unit != UNITS[row.what]:
            problems.append(f"{name}: unit {row.unit!r}, allowed is {UNITS[row.what]!r}")
        if row.source not in found.source:
            problems.append(f"{name}: there is no [source.{row.source}]")
        if row.what == "displacement" and row.high > WHOLE_BP:
            problems.append(f"{name}: {row.high} is more than one new unit for each reused ({WHOLE_BP})")
        if row.what == "expected_life" and row.low == 0:
            problems.append(f"{name}: no unit lives 0 months")
    return problems
