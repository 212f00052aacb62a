"""What the collector writes: certificates and statements with their exact bytes, quarantine, events.

One transaction a batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Engine, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from agent.certificates.jws import MAX_BYTES
from collector.intake import chain, rows
from collector.intake.chain import ChainState, Gap, Link
from collector.intake.gaps import TYPE as GAP_TYPE
from collector.intake.gaps import ToldGap, told_by_certificate, told_by_statement
from collector.intake.judge import Rejected, Stated, Verdict, Verified
from collector.moments import now_text
from collector.old.schema import (
    CERTIFICATE,
    CERTIFICATE_BYTES,
    EVENT,
    QUARANTINE,
    STATEMENT,
    STATION,
    STATION_KEY,
    TOLD_GAP,
    migrate,
)
from collector.text import clean

CHAIN_STATES: tuple[ChainState, ...] = ("ok", "gap", "known", "fork")
EVENTS_KEPT = 100_000
MAX_TOPIC = 1000
Result = Literal["stored", "duplicate", "rejected"]


@dataclass(frozen=True)
class Stored:
    """What became of one delivery, to be said in its receipt."""

    verdict: Verdict
    result: Result
    stored_at: str = ""

    @property
    def reason(self) -> str:
        """Why it was rejected; empty otherwise."""
        return self.verdict.reason if isinstance(self.verdict, Rejected) else ""


@dataclass(frozen=True)
class EventRow:
    """One event of a station, as it came."""

    station: str
    boot_id: str
    seq: int
    event: str
    payload: bytes


class Store:
    """Writes. Every method is one transaction; SQLAlchemyError means that nothing of it was kept."""

    def __init__(self, engine: Engine, *, most: int = 10_000, most_per_station: int = 1_000) -> None:
        self._engine = engine
        self._most = most
        self._most_per_station = most_per_station

    def prepare(self) -> None:
        """Make or migrate the tables. SchemaTooNew for a newer program's database."""
        with self._engine.begin() as connection:
            migrate(connection)

    def keep(self, verdicts: Sequence[Verdict], keys: Mapping[str, str]) -> list[Stored]:
        """Store or quarantine each; what became of them, in the same order. `keys`: thumbprint -> the JWK's x."""
        now = now_text()
        good = [v for v in verdicts if isinstance(v, Verified)]
        stated = [v for v in verdicts if isinstance(v, Stated)]
        bad = [v for v in verdicts if isinstance(v, Rejected)]
        results: dict[str, tuple[Result, str]] = {}
        with self._engine.begin() as connection:
            believed: list[Verified | Stated] = [*good, *stated]
            if believed:
                _lock_stations(connection, {v.delivery.station for v in believed}, now)
                results = _keep_certificates(connection, good, now) | _keep_statements(connection, stated, now)
                _keep_keys(connection, believed, keys, now)
                _release(connection, believed)
            if bad:
                _quarantine(connection, bad, now)
                self._trim(connection, {station_column(v) for v in bad})
        return [_result(verdict, results, now) for verdict in verdicts]

    def keep_events(self, events: Sequence[EventRow], gaps: Sequence[ToldGap] = ()) -> None:
        """Store events once each; only the newest EVENTS_KEPT stay. `gaps`: what is told in them, and verified."""
        now = now_text()
        values = [
            {
                "station": e.station,
                "boot_id": e.boot_id,
                "seq": e.seq,
                "event": e.event,
                "payload": e.payload,
                "received_at": now,
            }
            for e in events
        ]
        with self._engine.begin() as connection:
            insert_new(connection, EVENT, values)
            newest = connection.execute(select(func.max(EVENT.c.arrival))).scalar() or 0
            connection.execute(delete(EVENT).where(EVENT.c.arrival <= newest - EVENTS_KEPT))
            if gaps:
                _lock_stations(connection, {gap.station for gap in gaps}, now)
                _keep_gaps(connection, gaps, now)

    def _trim(self, connection: Connection, stations: Iterable[str]) -> None:
        for station in sorted(stations):
            _drop_oldest(connection, self._most_per_station, station)
        _drop_oldest(connection, self._most, None)


def _result(verdict: Verdict, results: dict[str, tuple[Result, str]], now: str) -> Stored:
    """The first of several copies in one batch is the one that was stored; the others are its duplicates."""
    if isinstance(verdict, Rejected):
        return Stored(verdict, "rejected", now)
    result, at = results[verdict.delivery.name]
    results[verdict.delivery.name] = ("duplicate", at)
    return Stored(verdict, result, at)


def _keep_certificates(connection: Connection, good: Sequence[Verified], now: str) -> dict[str, tuple[Result, str]]:
    """Insert what is new and put its chain right. Certificate id -> (result, when it was stored)."""
    if not good:
        return {}
    wanted = {v.certificate.id: v.certificate for v in good}
    query = select(CERTIFICATE.c.id, CERTIFICATE.c.received_at).where(CERTIFICATE.c.id.in_(list(wanted)))
    known = {row.id: row.received_at for row in connection.execute(query)}
    new = [c for c in wanted.values() if c.id not in known]
    _keep_gaps(connection, [gap for c in new if (gap := told_by_certificate(c)) is not None], now)
    states: dict[str, ChainState] = {}
    for station in {c.record.station.id for c in new}:
        states |= _states_around(connection, station, [rows.link(c) for c in new if c.record.station.id == station])
    insert_new(connection, CERTIFICATE, [rows.certificate_row(c, states[c.id], now) for c in new])
    insert_new(connection, CERTIFICATE_BYTES, [{"id": c.id, "compact": c.compact} for c in new])
    fresh = {c.id for c in new}
    _heal(connection, {i: s for i, s in states.items() if i not in fresh})
    return {i: ("duplicate", known[i]) if i in known else ("stored", now) for i in wanted}


def _keep_statements(connection: Connection, stated: Sequence[Stated], now: str) -> dict[str, tuple[Result, str]]:
    """Insert what is new. SHA-256 -> (result, when it was stored)."""
    if not stated:
        return {}
    wanted = {v.delivery.name: v for v in stated}
    query = select(STATEMENT.c.sha256, STATEMENT.c.received_at).where(STATEMENT.c.sha256.in_(list(wanted)))
    known = {row.sha256: row.received_at for row in connection.execute(query)}
    last = connection.execute(select(func.max(STATEMENT.c.arrival))).scalar() or 0
    new = [v for v in wanted.values() if v.delivery.name not in known]
    insert_new(connection, STATEMENT, [_statement_row(v, last + i, now) for i, v in enumerate(new, start=1)])
    _keep_gaps(connection, [gap for v in new if (gap := _gap(v)) is not None], now)
    return {name: ("duplicate", known[name]) if name in known else ("stored", now) for name in wanted}


def _gap(verdict: Stated) -> ToldGap | None:
    said = verdict.statement
    return told_by_statement(verdict.delivery.station, said.signed.payload) if said.typ == GAP_TYPE else None


def _statement_row(verdict: Stated, arrival: int, now: str) -> dict[str, object]:
    said = verdict.statement
    return {
        "sha256": verdict.delivery.name,
        "arrival": arrival,
        "station": verdict.delivery.station,
        "key_id": said.signed.key_id,
        "typ": said.typ,
        "certificate": said.certificate,
        "body": verdict.delivery.payload,
        "received_at": now,
    }


def _lock_stations(connection: Connection, stations: set[str], now: str) -> None:
    """From here on no other collector judges or changes these chains. In one order, so that nobody waits in a ring."""
    insert_new(connection, STATION, [{"id": station, "first_seen": now} for station in sorted(stations)])
    query = select(STATION.c.id).where(STATION.c.id.in_(sorted(stations))).order_by(STATION.c.id)
    connection.execute(query.with_for_update()).all()


def _states_around(connection: Connection, station: str, new: Sequence[Link]) -> dict[str, ChainState]:
    """The states of the new links and of those stored ones that they change: of the same sequence and of the next."""
    gaps = _gaps(connection, station)
    places = {link.sequence for link in new}
    changed = places | {place + 1 for place in places} | {gap.last + 1 for gap in gaps if gap.first - 1 in places}
    needed = changed | {place - 1 for place in changed}
    needed |= {gap.first - 1 for place in changed if (gap := chain.around(place, gaps)) is not None}
    query = select(CERTIFICATE.c.id, CERTIFICATE.c.sequence, CERTIFICATE.c.previous).where(
        CERTIFICATE.c.station == station, CERTIFICATE.c.sequence.in_(sorted(needed))
    )
    stored = [Link(row.id, row.sequence, row.previous) for row in connection.execute(query)]
    near = chain.by_sequence({link.id: link for link in [*stored, *new]}.values())
    return {link.id: chain.state(link, near, gaps) for sequence in changed for link in near.get(sequence, ())}


def _gaps(connection: Connection, station: str) -> list[Gap]:
    query = select(TOLD_GAP.c.first, TOLD_GAP.c.last).where(TOLD_GAP.c.station == station).order_by(TOLD_GAP.c.first)
    return [Gap(row.first, row.last) for row in connection.execute(query)]


def _keep_gaps(connection: Connection, told: Sequence[ToldGap], now: str) -> None:
    """Remember what stations told, and see the certificates behind and in these gaps with other eyes."""
    insert_new(
        connection,
        TOLD_GAP,
        [{"station": g.station, "first": g.first, "last": g.last, "why": g.why, "received_at": now} for g in told],
    )
    for gap in told:
        query = select(CERTIFICATE.c.id, CERTIFICATE.c.sequence, CERTIFICATE.c.previous).where(
            CERTIFICATE.c.station == gap.station, CERTIFICATE.c.sequence.between(gap.first, gap.last + 1)
        )
        stored = [Link(row.id, row.sequence, row.previous) for row in connection.execute(query)]
        if stored:
            _heal(connection, _states_around(connection, gap.station, stored))


def _heal(connection: Connection, states: Mapping[str, ChainState]) -> None:
    for wanted in CHAIN_STATES:
        ids = [i for i, state in states.items() if state == wanted]
        if ids:
            changed = CERTIFICATE.c.id.in_(ids) & (CERTIFICATE.c.chain != wanted)
            connection.execute(update(CERTIFICATE).where(changed).values(chain=wanted))


def _keep_keys(connection: Connection, good: Sequence[Verified | Stated], keys: Mapping[str, str], now: str) -> None:
    used = sorted({(v.delivery.station, _key_id(v)) for v in good})
    values = [{"station": s, "key_id": k, "x": keys[k], "first_seen": now} for s, k in used]
    insert_new(connection, STATION_KEY, values)


def _key_id(verdict: Verified | Stated) -> str:
    return verdict.certificate.key_id if isinstance(verdict, Verified) else verdict.statement.signed.key_id


def _release(connection: Connection, good: Sequence[Verified | Stated]) -> None:
    """What stood in quarantine under this very topic, and verifies now, is no longer a problem."""
    topics = sorted({v.delivery.topic for v in good})
    ids = sorted({v.delivery.name for v in good})
    connection.execute(delete(QUARANTINE).where(QUARANTINE.c.topic.in_(topics), QUARANTINE.c.digest.in_(ids)))


def _quarantine(connection: Connection, bad: Sequence[Rejected], now: str) -> None:
    for verdict in bad:
        message = verdict.delivery
        topic = clean(message.topic, MAX_TOPIC)
        again = (
            update(QUARANTINE)
            .where(QUARANTINE.c.topic == topic, QUARANTINE.c.digest == message.digest)
            .values(times=QUARANTINE.c.times + 1, last_at=now, reason=verdict.reason)
        )
        if connection.execute(again).rowcount == 0:
            insert_new(connection, QUARANTINE, [_quarantine_row(verdict, topic, now)])


def _quarantine_row(verdict: Rejected, topic: str, now: str) -> dict[str, object]:
    payload = verdict.delivery.payload
    return {
        "digest": verdict.delivery.digest,
        "topic": topic,
        "station": station_column(verdict),
        "reason": verdict.reason,
        "payload": payload[:MAX_BYTES],
        "size": len(payload),
        "times": 1,
        "received_at": now,
        "last_at": now,
    }


def station_column(verdict: Verdict) -> str:
    """Clean the topic's station: for a rejected message it may be anything."""
    return clean(verdict.delivery.station)


def _drop_oldest(connection: Connection, keep: int, station: str | None) -> None:
    query = select(QUARANTINE.c.arrival).order_by(QUARANTINE.c.arrival.desc()).offset(keep).limit(1)
    if station is not None:
        query = query.where(QUARANTINE.c.station == station)
    last = connection.execute(query).scalar()
    if last is not None:
        old = delete(QUARANTINE).where(QUARANTINE.c.arrival <= last)
        connection.execute(old if station is None else old.where(QUARANTINE.c.station == station))


def insert_new(connection: Connection, table: Table, values: Sequence[Mapping[str, object]]) -> None:
    """Run INSERT ... ON CONFLICT DO NOTHING, in both dialects."""
    if values:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), list(values))
