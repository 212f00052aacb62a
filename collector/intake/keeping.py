"""What the intake writes: certificates and statements with their exact bytes, quarantine, events.

One transaction a batch. Its hot statements, those that each certificate passes, go past the ORM to the driver:
building model objects and look-ups of 200 values costs more processor time than storing them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import connection, transaction
from django.db.models import F, Max
from django.dispatch import Signal

from agent.certificates.certificate import Certificate as Signed
from agent.certificates.jws import MAX_BYTES
from collector import moments
from collector.intake import chain, rows
from collector.intake.book import Enrolled
from collector.intake.chain import STATES, ChainState, Gap, Link
from collector.intake.gaps import TYPE as GAP_TYPE
from collector.intake.gaps import ToldGap as Told
from collector.intake.gaps import told_by_certificate, told_by_statement
from collector.intake.judge import Rejected, Stated, Verdict, Verified
from collector.intake.models import Certificate, Event, Quarantine, Statement, Station, ToldGap
from collector.parties.models import CustomerName
from collector.text import clean

certificates_stored = Signal()
"""Sent in the transaction that stores them, with `new`. A receipt waits for whatever a room does there; what can be
done after it is done at collector.intake.taking.moment_to_spare."""
statements_stored = Signal()
"""Sent likewise for what stations say of certificates, with `certificates`: their ids."""
EVENTS_KEPT = 100_000
MAX_TOPIC = 1000
Result = Literal["stored", "duplicate", "rejected"]
COLUMNS = (
    "id", "signed_by_id", "station_id", "sequence", "previous", "chain", "number", "outcome", "serial", "model",
    "asset_tag", "customer_name", "customer_id", "lot", "operator", "finished_at", "clock_synchronised", "received_at",
    "search",
)  # fmt: skip
INSERT = f"INSERT INTO intake_certificate ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"
INSERT_BYTES = "INSERT INTO intake_certificatebytes (id, compact) VALUES (%s, %s)"
KNOWN = "SELECT id FROM intake_certificate WHERE id IN ({})"
NEAR = "SELECT id, sequence, previous FROM intake_certificate WHERE station_id = %s AND sequence IN ({})"
RELEASE = "DELETE FROM intake_quarantine WHERE digest IN ({}) AND topic IN ({})"


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


@dataclass(frozen=True)
class Limits:
    """How much of what does not verify is kept."""

    most: int = 10_000
    most_per_station: int = 1_000


def keep(verdicts: Sequence[Verdict], book: Enrolled, limits: Limits = Limits()) -> list[Stored]:
    """Store or quarantine each; what became of them, in the same order. A database error: nothing of it was kept."""
    now = moments.now()
    good = [v for v in verdicts if isinstance(v, Verified)]
    stated = [v for v in verdicts if isinstance(v, Stated)]
    bad = [v for v in verdicts if isinstance(v, Rejected)]
    results: dict[str, tuple[Result, datetime]] = {}
    with transaction.atomic():
        believed: list[Verified | Stated] = [*good, *stated]
        if believed:
            _lock({v.delivery.station for v in believed})
            results = _keep_certificates(good, book, now) | _keep_statements(stated, book, now)
            _release(believed)
        if bad:
            _quarantine(bad, now)
            for station in sorted({station_column(v) for v in bad}):
                _drop_oldest(limits.most_per_station, station)
            _drop_oldest(limits.most, None)
    return [_result(verdict, results, now) for verdict in verdicts]


def keep_events(events: Sequence[EventRow], gaps: Sequence[Told] = ()) -> None:
    """Store events once each; only the newest EVENTS_KEPT stay. `gaps`: what is told in them, and verified."""
    now = moments.now()
    made = [
        Event(station=e.station, boot_id=e.boot_id, seq=e.seq, event=e.event, payload=e.payload, received_at=now)
        for e in events
    ]
    with transaction.atomic():
        Event.objects.bulk_create(made, ignore_conflicts=True)
        newest = Event.objects.aggregate(newest=Max("arrival"))["newest"] or 0
        Event.objects.filter(arrival__lte=newest - EVENTS_KEPT).delete()
        if gaps:
            _lock({gap.station for gap in gaps})
            _keep_gaps(gaps, now)


def _lock(stations: Iterable[str]) -> None:
    """Put the transactions of these stations' chains in a line. SQLite has one writer at any time."""
    if connection.features.has_select_for_update:
        list(Station.objects.select_for_update().filter(id__in=stations).order_by("id"))


def _result(verdict: Verdict, results: dict[str, tuple[Result, datetime]], now: datetime) -> Stored:
    """The first of several copies in one batch is the one that was stored; the others are its duplicates."""
    if isinstance(verdict, Rejected):
        return Stored(verdict, "rejected", moments.text(now))
    result, at = results[verdict.delivery.name]
    results[verdict.delivery.name] = ("duplicate", at)
    return Stored(verdict, result, moments.text(at))


def _keep_certificates(good: Sequence[Verified], book: Enrolled, now: datetime) -> dict[str, tuple[Result, datetime]]:
    """Insert what is new and put its chain right. Certificate id -> (result, when it was stored)."""
    if not good:
        return {}
    wanted = {v.certificate.id: v.certificate for v in good}
    there = [row[0] for row in _fetch(KNOWN, wanted)]
    known = dict(Certificate.unfiltered.filter(id__in=there).values_list("id", "received_at")) if there else {}
    new = [c for c in wanted.values() if c.id not in known]
    _keep_gaps([gap for c in new if (gap := told_by_certificate(c)) is not None], now)
    states: dict[str, ChainState] = {}
    links: dict[str, list[Link]] = {}
    for one in new:
        links.setdefault(one.record.station.id, []).append(rows.link(one))
    gaps = _gaps(links)
    for station, own in links.items():
        states |= _states_around(station, own, gaps.get(station, ()))
    _insert(new, states, book, now)
    fresh = {c.id for c in new}
    _heal({i: s for i, s in states.items() if i not in fresh})
    return {i: ("duplicate", known[i]) if i in known else ("stored", now) for i in wanted}


def _insert(new: Sequence[Signed], states: Mapping[str, ChainState], book: Enrolled, now: datetime) -> None:
    if not new:
        return
    found = [rows.certificate_row(c, states[c.id]) for c in new]
    names = {row["customer_name"] for row in found} - {""}
    customers = dict(CustomerName.objects.filter(name__in=names).values_list("name", "organisation_id"))
    at = connection.ops.adapt_datetimefield_value(now)
    values = []
    for certificate, row in zip(new, found, strict=True):
        row["signed_by_id"] = book.rows[row["station_id"], certificate.key_id]
        row["customer_id"], row["received_at"] = customers.get(row["customer_name"]), at
        values.append([row[name] for name in COLUMNS])
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, values)
        cursor.executemany(INSERT_BYTES, [(c.id, c.compact) for c in new])
    certificates_stored.send(sender=None, new=new)


def _keep_statements(stated: Sequence[Stated], book: Enrolled, now: datetime) -> dict[str, tuple[Result, datetime]]:
    """Insert what is new. SHA-256 -> (result, when it was stored)."""
    if not stated:
        return {}
    wanted = {v.delivery.name: v for v in stated}
    known = dict(Statement.objects.filter(sha256__in=list(wanted)).values_list("sha256", "received_at"))
    new = [v for v in wanted.values() if v.delivery.name not in known]
    Statement.objects.bulk_create([_statement(v, book, now) for v in new])
    if named := [v.statement.certificate for v in new if v.statement.certificate is not None]:
        statements_stored.send(sender=None, certificates=named)
    _keep_gaps([gap for v in new if (gap := _gap(v)) is not None], now)
    return {name: ("duplicate", known[name]) if name in known else ("stored", now) for name in wanted}


def _statement(verdict: Stated, book: Enrolled, now: datetime) -> Statement:
    said, station = verdict.statement, verdict.delivery.station
    return Statement(
        sha256=verdict.delivery.name,
        station_id=station,
        signed_by_id=book.rows[station, said.signed.key_id],
        typ=said.typ,
        certificate=said.certificate,
        body=verdict.delivery.payload,
        received_at=now,
    )


def _gap(verdict: Stated) -> Told | None:
    said = verdict.statement
    return told_by_statement(verdict.delivery.station, said.signed.payload) if said.typ == GAP_TYPE else None


def _states_around(station: str, new: Sequence[Link], gaps: Sequence[Gap]) -> dict[str, ChainState]:
    """The states of the new links and of those stored ones that they change: of the same sequence and of the next."""
    places = {link.sequence for link in new}
    changed = places | {place + 1 for place in places} | {gap.last + 1 for gap in gaps if gap.first - 1 in places}
    needed = changed | {place - 1 for place in changed}
    needed |= {gap.first - 1 for place in changed if (gap := chain.around(place, gaps)) is not None}
    stored = [Link(*row) for row in _fetch(NEAR, sorted(needed), first=(station,))]
    near = chain.by_sequence({link.id: link for link in [*stored, *new]}.values())
    return {link.id: chain.state(link, near, gaps) for sequence in changed for link in near.get(sequence, ())}


def _fetch(query: str, *values: Collection[Any], first: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run a query with lists in the places of its braces. SQLite takes 250,000 values, and a batch has 200."""
    with connection.cursor() as cursor:
        cursor.execute(
            query.format(*(", ".join(["%s"] * len(some)) for some in values)), [*first, *(v for s in values for v in s)]
        )
        return cursor.fetchall() if cursor.description else []


def _gaps(stations: Collection[str]) -> dict[str, list[Gap]]:
    found: dict[str, list[Gap]] = {}
    rows_ = ToldGap.objects.filter(station__in=stations).order_by("first").values_list("station_id", "first", "last")
    for station, first, last in rows_:
        found.setdefault(station, []).append(Gap(first, last))
    return found


def _keep_gaps(told: Sequence[Told], now: datetime) -> None:
    """Remember what stations told, and see the certificates behind and in these gaps with other eyes."""
    made = [ToldGap(station_id=g.station, first=g.first, last=g.last, why=g.why, received_at=now) for g in told]
    if not made:
        return
    ToldGap.objects.bulk_create(made, ignore_conflicts=True)
    gaps = _gaps({gap.station for gap in told})
    for gap in told:
        inside = Certificate.unfiltered.filter(station=gap.station, sequence__range=(gap.first, gap.last + 1))
        stored = [Link(*row) for row in inside.values_list("id", "sequence", "previous")]
        if stored:
            _heal(_states_around(gap.station, stored, gaps[gap.station]))


def _heal(states: Mapping[str, ChainState]) -> None:
    for wanted in STATES:
        ids = [i for i, state in states.items() if state == wanted]
        if ids:
            Certificate.unfiltered.filter(id__in=ids).exclude(chain=wanted).update(chain=wanted)


def _release(good: Sequence[Verified | Stated]) -> None:
    """What stood in quarantine under this very topic, and verifies now, is no longer a problem."""
    topics = sorted({v.delivery.topic for v in good})
    ids = sorted({v.delivery.name for v in good})
    _fetch(RELEASE, ids, topics)


def _quarantine(bad: Sequence[Rejected], now: datetime) -> None:
    for verdict in bad:
        message = verdict.delivery
        topic, digest = clean(message.topic, MAX_TOPIC), message.digest
        again = Quarantine.objects.filter(topic=topic, digest=digest)
        if not again.update(times=F("times") + 1, last_at=now, reason=verdict.reason):
            Quarantine.objects.bulk_create([_put_aside(verdict, topic, digest, now)], ignore_conflicts=True)


def _put_aside(verdict: Rejected, topic: str, digest: str, now: datetime) -> Quarantine:
    payload = verdict.delivery.payload
    return Quarantine(
        digest=digest,
        topic=topic,
        station=station_column(verdict),
        reason=verdict.reason,
        payload=payload[:MAX_BYTES],
        size=len(payload),
        received_at=now,
        last_at=now,
    )


def station_column(verdict: Verdict) -> str:
    """Clean the topic's station: for a rejected message it may be anything."""
    return clean(verdict.delivery.station)


def _drop_oldest(most: int, station: str | None) -> None:
    rows_ = Quarantine.objects.all() if station is None else Quarantine.objects.filter(station=station)
    last = rows_.order_by("-arrival").values_list("arrival", flat=True)[most : most + 1].first()
    if last is not None:
        rows_.filter(arrival__lte=last).delete()
