"""What the pages of certificates read. Search is by parts of words; `%`, `_` and quotes in it are themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q, QuerySet

from collector.intake.models import Certificate, Quarantine, Statement
from collector.intake.statements import DISPOSITION
from collector.parties.roles import Sight

PER_PAGE = 50
MOST_PER_PAGE = 200
LONGEST_QUERY = 200
MOST_WORDS = 8
HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Search:
    """A person's question. Empty text asks for everything."""

    q: str = ""
    outcome: str = ""
    station: str = ""
    chain: str = ""
    page: int = 1
    per_page: int = PER_PAGE


@dataclass(frozen=True)
class Page:
    """One page of an answer; `page` is the one really shown, from 1 up to `pages`."""

    rows: Sequence[Any]
    total: int
    page: int
    pages: int


NO_PAGE = Page((), 0, 1, 1)


def certificates(sight: Sight, search: Search) -> Page:
    """Find certificates, the newest first."""
    found = Certificate.objects.seen_by(sight).filter(*_conditions(search)).select_related("signed_by")
    return _page(found.defer("search"), search.page, search.per_page)


def quarantine(page: int) -> Page:
    """Find what is in quarantine, the newest first."""
    return _page(Quarantine.objects.defer("payload"), page, PER_PAGE)


def certificate(sight: Sight, identifier: str) -> Certificate | None:
    """Find all of one certificate."""
    rows = Certificate.objects.seen_by(sight).select_related("signed_by", "bytes")
    found: Certificate | None = rows.filter(id=identifier).first()
    return found


def neighbours(sight: Sight, row: Certificate) -> list[Certificate]:
    """Find the certificates of the same station with this sequence and one less or more, in order."""
    near = (row.sequence - 1, row.sequence, row.sequence + 1)
    same = Certificate.objects.seen_by(sight).filter(station_id=row.station_id, sequence__in=near)
    return list(same.exclude(id=row.id).order_by("sequence"))


def dispositions(row: Certificate) -> list[bytes]:
    """Find the signed grades and destinations of one certificate by its own station, in their order of arrival."""
    about = Statement.objects.filter(certificate=row.id, station_id=row.station_id, typ=DISPOSITION)
    return [bytes(body) for body in about.order_by("arrival").values_list("body", flat=True)]


def _conditions(search: Search) -> list[Q]:
    found: list[Q] = []
    for word in search.q.replace("\x00", " ").casefold().split():
        part = Q(search__contains=word)
        is_id = len(word) >= 4 and HEX.issuperset(word)
        found.append(part | Q(id__startswith=word) if is_id else part)
    for column, wanted in (("outcome", search.outcome), ("station", search.station), ("chain", search.chain)):
        if wanted:
            found.append(Q(**{column: wanted.replace("\x00", " ")}))
    return found


def _page(query: QuerySet[Model, Any], page: int, per_page: int) -> Page:
    per_page = min(max(per_page, 1), MOST_PER_PAGE)
    total = query.count()
    pages = max(1, -(-total // per_page))
    page = min(max(page, 1), pages)
    first = (page - 1) * per_page
    return Page(list(query.order_by("-arrival")[first : first + per_page]), total, page, pages)
