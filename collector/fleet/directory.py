"""The directory that stations are told: what people wrote on pages -> the document that is signed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

TYPE = "benchwipe-directory+jws"
LARGEST = 256 * 1024
TABLES = {
    "customer": "customers",
    "lot": "lots",
    "operator": "operators",
    "destination": "destinations",
    "policy": "policies",
}
"""Kind of an entry -> its list in the document."""


class Entry(NamedTuple):
    """One row as it was written: its kind, its name within it, and the rest."""

    kind: str
    name: str
    facts: Mapping[str, Any]


KEYS = {"customer": "name", "lot": "code", "operator": "badge", "destination": "code", "policy": "name"}


class SignedDirectory(msgspec.Struct, frozen=True, kw_only=True):
    """What the controller signs."""

    station: str
    version: int
    issued: str
    customers: list[dict[str, Any]] = []
    lots: list[dict[str, Any]] = []
    operators: list[dict[str, Any]] = []
    destinations: list[dict[str, Any]] = []
    policies: list[dict[str, Any]] = []


def lists(entries: Iterable[Entry]) -> dict[str, list[dict[str, Any]]]:
    """Put the entries into the document's lists, in a fixed order."""
    found: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES.values()}
    for kind, name, facts in sorted(entries, key=lambda one: (one.kind, one.name)):
        found[TABLES[kind]].append({KEYS[kind]: name, **facts})
    return found


def contradictions(entries: Sequence[Entry]) -> list[str]:
    """Name what a station would refuse: a lot without its customer, a policy that is nowhere."""
    customers = {one.name for one in entries if one.kind == "customer"}
    return [
        f"lot {one.name}: customer {one.facts.get('customer')!r} is not in the directory"
        for one in entries
        if one.kind == "lot" and one.facts.get("customer") not in customers
    ]


def next_version(last: int, unix_ms: int) -> int:
    """Give the next version: it grows also where this collector's clock went back."""
    return max(last + 1, unix_ms)
