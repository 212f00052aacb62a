"""What the pages of certificates read. Nothing is counted, and a page goes on where the one before ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Model, Q, QuerySet

from collector import moments
from collector.certificates import search, search_follow
from collector.certificates.identifiers import name
from collector.certificates.rules import Numbered
from collector.certificates.search import Place
from collector.certificates.search_plans import Narrowed
from collector.intake.models import Certificate, Quarantine, Statement
from collector.parties.roles import Sight

PER_PAGE = 50
MOST_PER_PAGE = 200
AT_ONCE = 200  # rows of an export that are read together
MOST_OTHERS = 50
MOST_NEWEST = 2_000  # that no search finds yet: more than the intake lets it be behind


@dataclass(frozen=True)
class Search:
    """A person's question. Empty text asks for everything. `after`: where the page before ended; empty at the first."""

    q: str = ""
    outcome: str = ""
    station: str = ""
    chain: str = ""
    after: str = ""
    per_page: int = PER_PAGE

    @property
    def narrowed(self) -> Narrowed:
        """What is asked for beside the text."""
        return Narrowed(self.outcome, self.station.replace("\x00", " "), self.chain)


@dataclass(frozen=True)
class Answer:
    """One page of an answer. `next`: what `after` of the next page is; empty at the last."""

    rows: Sequence[Certificate]
    next: str = ""


@dataclass(frozen=True)
class Page:
    """One page of a short list; `page` is the one really shown, from 1 up to `pages`."""

    rows: Sequence[Any]
    total: int
    page: int
    pages: int


NOTHING = Answer(())


def certificates(sight: Sight, asked: Search) -> Answer:
    """Find certificates: what the text names first, then what begins with it, then what it is a part of."""
    after = search.read_place(asked.after)
    question = search.read(asked.q)
    if after is None or question.problem:
        return NOTHING
    size = min(max(asked.per_page, 1), MOST_PER_PAGE)
    if question.whole is None:
        rows, left = list(_all(sight, asked.narrowed, after)[: size + 1]), False
        places = [Place(0, row.arrival) for row in rows]
    else:
        places, left = search.arrivals(sight, question, asked.narrowed, after, size + 1)
        rows = _rows(sight, places[:size])
    more = left or len(places) > size
    return Answer(rows[:size], str(places[:size][-1]) if more else "")


def every(sight: Sight, asked: Search) -> Iterator[Certificate]:
    """Find all of a search, some at a time: however many there are, no more than these are in memory."""
    asked = replace(asked, after="", per_page=AT_ONCE)
    while True:
        answer = certificates(sight, asked)
        yield from answer.rows
        if not answer.next:
            return
        asked = replace(asked, after=answer.next)


def of_customer(organisation: int, begin: datetime, end: datetime) -> Iterator[Certificate]:
    """Find a customer's certificates from one moment up to another, the oldest first.

    Where the station's clock was not set, the moment of arrival counts. A station writes UTC, so that texts compare.
    """
    first, last = (moments.text(moment).removesuffix(".000Z") for moment in (begin, end))
    finished = Q(clock_synchronised=True, finished_at__gte=first, finished_at__lt=last)
    arrived = Q(clock_synchronised=False, received_at__gte=begin, received_at__lt=end)
    rows, after = Certificate.unfiltered.filter(customer=organisation), 0
    wanted = rows.filter(finished | arrived).select_related("signed_by", "bytes")
    while some := list(wanted.filter(arrival__gt=after).order_by("arrival")[:AT_ONCE]):
        yield from some
        after = some[-1].arrival


def quarantine(page: int) -> Page:
    """Find what is in quarantine, the newest first."""
    return _page(Quarantine.objects.defer("payload"), page, PER_PAGE)


def certificate(sight: Sight, identifier: str) -> Certificate | None:
    """Find all of one certificate."""
    return _whole(Certificate.objects.seen_by(sight), identifier)


def any_certificate(identifier: str) -> Certificate | None:
    """Find a certificate for the public check, which shows nobody's name."""
    return _whole(Certificate.unfiltered, identifier)


def numbered_alike(row: Certificate, number: str) -> list[Numbered]:
    """Find certificates, whoever's, that have this number, or the place of this one in its station's chain."""
    alike = Q(arrival__in=search.with_number(name(number), MOST_OTHERS))
    same = Q(station_id=row.station_id, sequence=row.sequence)
    facts = ("id", "station_id", "number", "sequence")
    found = {
        values
        for condition in (alike, same)
        for values in Certificate.unfiltered.filter(condition).exclude(id=row.id).values_list(*facts)[:MOST_OTHERS]
    }
    newest = Certificate.unfiltered.filter(arrival__gt=search_follow.newest_found()).exclude(id=row.id)
    found |= {
        one for one in newest.order_by("arrival").values_list(*facts)[:MOST_NEWEST] if name(one[2]) == name(number)
    }
    return [Numbered(*values) for values in sorted(found)]


def seen_of(sight: Sight, identifiers: Sequence[str]) -> list[Certificate]:
    """Choose those of some certificates that a person may open."""
    return list(Certificate.objects.seen_by(sight).filter(id__in=identifiers).order_by("arrival"))


def neighbours(sight: Sight, row: Certificate) -> list[Certificate]:
    """Find the certificates of the same station with this sequence and one less or more, in order."""
    near = (row.sequence - 1, row.sequence, row.sequence + 1)
    same = Certificate.objects.seen_by(sight).filter(station_id=row.station_id, sequence__in=near)
    return list(same.exclude(id=row.id).order_by("sequence"))


def statements_about(row: Certificate) -> list[Statement]:
    """Find what stations said about a certificate, in the order of arrival."""
    return list(Statement.objects.filter(certificate=row.id).select_related("signed_by").order_by("arrival"))


def statements_of(station: str, after: int) -> list[Statement]:
    """Find what a station said, the newest first: a page, and one more."""
    rows = Statement.objects.filter(station=station).select_related("signed_by").order_by("-arrival")
    return list((rows.filter(arrival__lt=after) if after else rows)[: PER_PAGE + 1])


def _whole(rows: Any, identifier: str) -> Certificate | None:  # noqa: ANN401 - a manager or a query set
    found: Certificate | None = rows.select_related("signed_by", "bytes").filter(id=identifier).first()
    return found


def _all(sight: Sight, narrowed: Narrowed, after: Place) -> QuerySet[Certificate]:
    rows = Certificate.objects.seen_by(sight).select_related("signed_by", "bytes").defer("search")
    asked = {"outcome": narrowed.outcome, "station": narrowed.station, "chain": narrowed.chain}
    rows = rows.filter(arrival__lt=after.arrival, **{name: value for name, value in asked.items() if value})
    if narrowed.chain and narrowed.chain != "ok":
        rows = rows.exclude(chain="ok")  # what the index of broken chains is made for
    return rows.order_by("-arrival")


def _rows(sight: Sight, places: Sequence[Place]) -> list[Certificate]:
    """The rows themselves, of those that this person sees, in the order in which they were found."""
    wanted = Certificate.objects.seen_by(sight).filter(arrival__in=[place.arrival for place in places])
    found = {row.arrival: row for row in wanted.select_related("signed_by", "bytes").defer("search")}
    return [found[place.arrival] for place in places if place.arrival in found]


def _page(query: QuerySet[Model, Any], page: int, per_page: int) -> Page:
    per_page = min(max(per_page, 1), MOST_PER_PAGE)
    total = query.count()
    pages = max(1, -(-total // per_page))
    page = min(max(page, 1), pages)
    first = (page - 1) * per_page
    return Page(list(query.order_by("-arrival")[first : first + per_page]), total, page, pages)
