"""What the pages read. Search is by parts of words; `%`, `_` and quotes in it are themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, or_, select

from collector.intake.statements import DISPOSITION
from collector.old.schema import CERTIFICATE, CERTIFICATE_BYTES, QUARANTINE, STATEMENT, STATION_KEY, TOLD_GAP

PER_PAGE = 50
MOST_PER_PAGE = 200
LONGEST_QUERY = 200
MOST_WORDS = 8
MOST_GAPS = 5
LISTED = [c for c in CERTIFICATE.c if c.name != "search"]
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

    rows: Sequence[Row[Any]]
    total: int
    page: int
    pages: int


def certificates(connection: Connection, search: Search) -> Page:
    """Find certificates, the newest first."""
    return _page(connection, select(*LISTED).where(*_conditions(search)), CERTIFICATE, search.page, search.per_page)


def quarantine(connection: Connection, page: int) -> Page:
    """Find what is in quarantine, the newest first."""
    return _page(connection, select(QUARANTINE), QUARANTINE, page, PER_PAGE)


def certificate(connection: Connection, identifier: str) -> Row[Any] | None:
    """Find all of one certificate."""
    whole = select(CERTIFICATE, CERTIFICATE_BYTES.c.compact).join(CERTIFICATE_BYTES)
    return connection.execute(whole.where(CERTIFICATE.c.id == identifier)).first()


def neighbours(connection: Connection, row: Row[Any]) -> Sequence[Row[Any]]:
    """Find the certificates of the same station with this sequence and one less or more, in order."""
    near = (row.sequence - 1, row.sequence, row.sequence + 1)
    same = (CERTIFICATE.c.station == row.station, CERTIFICATE.c.sequence.in_(near), CERTIFICATE.c.id != row.id)
    return connection.execute(select(*LISTED).where(*same).order_by(CERTIFICATE.c.sequence)).all()


def dispositions(connection: Connection, station: str, identifier: str) -> list[bytes]:
    """Find the signed grades and destinations of one certificate by its own station.

    They come in their order of arrival.
    """
    about = (STATEMENT.c.certificate == identifier, STATEMENT.c.station == station, STATEMENT.c.typ == DISPOSITION)
    return list(connection.execute(select(STATEMENT.c.body).where(*about).order_by(STATEMENT.c.arrival)).scalars())


def key_x(connection: Connection, station: str, key_id: str) -> str | None:
    """Find the public key that a stored certificate was accepted with, even if it is no longer enrolled."""
    wanted = (STATION_KEY.c.station == station, STATION_KEY.c.key_id == key_id)
    return connection.execute(select(STATION_KEY.c.x).where(*wanted)).scalar()


def sums(connection: Connection) -> Mapping[str, dict[str, Any]]:
    """Count the certificates of each station that has any, by state of the chain, with the last to arrive."""
    found: dict[str, dict[str, Any]] = {}
    counted = select(CERTIFICATE.c.station, CERTIFICATE.c.chain, func.count(), func.max(CERTIFICATE.c.arrival))
    for station, chain, count, last in connection.execute(counted.group_by(CERTIFICATE.c.station, CERTIFICATE.c.chain)):
        one = found.setdefault(station, {"ok": 0, "gap": 0, "known": 0, "fork": 0, "last": 0})
        one[chain] = count
        one["last"] = max(one["last"], last)
    return found


def told_gaps(connection: Connection) -> Mapping[str, list[dict[str, Any]]]:
    """List for each station the numbers that it told to be missing.

    The newest first, at most MOST_GAPS of each.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(select(TOLD_GAP).order_by(TOLD_GAP.c.station, TOLD_GAP.c.first.desc())):
        of_station = found.setdefault(row.station, [])
        if len(of_station) < MOST_GAPS:
            of_station.append({"first": row.first, "last": row.last, "why": row.why})
    return found


def quarantined(connection: Connection) -> int:
    """Count the messages that stand in quarantine."""
    return connection.execute(select(func.count()).select_from(QUARANTINE)).scalar_one()


def _conditions(search: Search) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for word in search.q.replace("\x00", " ").casefold().split():
        part = CERTIFICATE.c.search.contains(word, autoescape=True)
        is_id = len(word) >= 4 and HEX.issuperset(word)
        found.append(or_(part, CERTIFICATE.c.id.startswith(word)) if is_id else part)
    for column, wanted in (
        (CERTIFICATE.c.outcome, search.outcome),
        (CERTIFICATE.c.station, search.station),
        (CERTIFICATE.c.chain, search.chain),
    ):
        if wanted:
            found.append(column == wanted.replace("\x00", " "))
    return found


def _page(connection: Connection, query: Select[Any], table: Table, page: int, per_page: int) -> Page:
    per_page = min(max(per_page, 1), MOST_PER_PAGE)
    total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    pages = max(1, -(-total // per_page))
    page = min(max(page, 1), pages)
    ordered = query.order_by(table.c.arrival.desc()).offset((page - 1) * per_page).limit(per_page)
    return Page(connection.execute(ordered).all(), total, page, pages)
