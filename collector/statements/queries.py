"""What was said about a thing, and the newest word of many things at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector.statements.models import SignedStatement, Subject

AT_ONCE = 500  # names in one question; SQLite takes 32,766 values, PostgreSQL 65,535


def about(kind: str, name: str) -> list[SignedStatement]:
    """Find what was said about a thing, in order."""
    rows = SignedStatement.unfiltered.filter(subjects__kind=kind, subjects__name=name)
    return list(rows.distinct().order_by("seq"))


def by_hash(sha256: str) -> SignedStatement | None:
    """Find a statement by its name."""
    found: SignedStatement | None = SignedStatement.unfiltered.filter(sha256=sha256).first()
    return found


def subjects(kind: str, names: Iterable[str], of: Iterable[str]) -> Iterator[Subject]:
    """Find every subject of this kind and these names in statements of these kinds, in the order of the chain."""
    wanted, kinds = sorted(set(names)), sorted(set(of))
    found: list[Subject] = []
    for first in range(0, len(wanted), AT_ONCE):
        some = Subject.objects.filter(kind=kind, name__in=wanted[first : first + AT_ONCE], statement__kind__in=kinds)
        found += some.select_related("statement").defer("statement__compact")
    return iter(sorted(found, key=lambda one: (one.statement_id, one.pk)))
