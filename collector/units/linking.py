"""Certificates find their units: by tag, serial number, IMEI. What finds none waits, and what contradicts is asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DataError, IntegrityError, connection, transaction

from agent.certificates.certificate import read_unverified
from agent.certificates.record import Record
from agent.errors import CertificateProblem
from collector.certificates import identifiers, search_index
from collector.intake.models import Certificate
from collector.moments import YEARS, parse
from collector.parties.models import Organisation
from collector.parties.services import Actor
from collector.text import clean
from collector.units import matching, receiving, said, station_grades, store
from collector.units import vocabulary as words
from collector.units.matching import Match, Seen
from collector.units.models import DriveLink, Loose, Lot, Unit, UnitEvent, Waiting

LOG = logging.getLogger(__name__)
AT_ONCE = 100
"""Certificates of one transaction: the intake waits no longer than these take."""
DEVICE = ("serial", "asset_tag", "imei14", "meid14", "eid", "uuid")
KINDS = {"tablet": words.TABLET, "phone": words.PHONE, "server": "server", "loose-drive": words.LOOSE_DRIVE}
"""What a certificate says its device is. `computer` may be anything, and says nothing."""


@dataclass(frozen=True)
class Told:
    """What a certificate says, as far as its unit hangs on it."""

    row: Certificate
    record: Record
    seen: Seen


def follow(most: int = AT_ONCE) -> int:
    """Let certificates that wait look for their units: some, in one transaction. How many did.

    A certificate waits from the transaction that stored it on, and stops waiting in the one that writes what came of
    it: whenever this is killed, nothing is lost and nothing is done twice.
    """
    with transaction.atomic():
        waiting = Waiting.objects.order_by("pk").select_related("certificate__bytes", "certificate__station")
        if _locks():
            waiting = waiting.select_for_update(skip_locked=True, of=("self",))
        rows = list(waiting[:most])
        if not rows:
            return 0
        touched = set[int]()
        for row in sorted(rows, key=lambda one: one.certificate.customer_id or 0):
            touched |= _placed(row.certificate)
        store.refresh(touched)
        Waiting.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def follow_all() -> int:
    """Let every certificate that waits look for its unit. How many did."""
    count = 0
    while found := follow():
        count += found
    return count


def follow_for(seconds: float) -> int:
    """Let certificates that wait look for their units for so long, and a batch longer. How many did."""
    end, count = time.monotonic() + seconds, 0
    while found := follow():
        count += found
        if time.monotonic() > end:
            break
    return count


def link(actor: Actor, unit: Unit, certificate: Certificate, rule: str, record: Record | None = None) -> bool:
    """Let a certificate count for a unit, in the caller's transaction. Whether it did not before."""
    record = record or record_of(certificate)
    if record is None or DriveLink.objects.filter(certificate=certificate, ended_at__isnull=True).exists():
        return False
    at = finished(record, certificate)
    decision, destroyed = said.before([certificate.id]).get(certificate.id, ("", None))
    DriveLink.objects.create(
        unit=unit,
        certificate=certificate,
        drive=drive_of(record, certificate),
        outcome=certificate.outcome,
        finished_at=at,
        operator=certificate.operator,
        rule=rule,
        validation=decision,
        destroyed_at=destroyed,
    )
    Loose.unfiltered.filter(certificate=certificate).delete()
    who = Actor(certificate.station_id) if rule != "person" else actor
    events = [store.event(unit, "certificate_linked", who, at=at, certificate=certificate.id, rule=rule)]
    asset = record.asset
    if asset is not None:
        receiving.told_kind(unit, KINDS.get(asset.kind, ""), "certificate")
        if unit.registered is False and not unit.model:
            unit.manufacturer, unit.model = asset.manufacturer[:300], asset.model[:300]
        if asset.drives is not None:
            events += receiving.counted(
                unit, asset.drives.of, who, source="certificate", at=at, certificate=certificate.id
            )
        unit.save(update_fields=["kind", "kind_by", "manufacturer", "model", "drives_counted"])
    UnitEvent.objects.bulk_create(events)
    station_grades.copy(unit, certificate, record, at)
    return True


def record_of(certificate: Certificate) -> Record | None:
    """Read the signed record; None where the stored bytes are no certificate any more."""
    try:
        return read_unverified(bytes(certificate.bytes.compact)).record
    except (CertificateProblem, RecursionError, ValueError):
        return None


def drive_of(record: Record, certificate: Certificate) -> str:
    """Name the drive that it is about; its own id where the drive told nothing of itself."""
    found = {one.kind: one.norm for one in identifiers.identifiers_of(record)}
    names = ("drive_serial", "wwn") if record.drive.identity_source != "scanned" else ("imei14", "meid14", "serial")
    return next((found[name] for name in names if name in found), certificate.id)


def finished(record: Record, certificate: Certificate) -> datetime:
    """Say when: by the station's clock where that was set to a year of ours, else when it arrived."""
    try:
        told = parse(record.finished_at) if record.clock.synchronised else certificate.received_at
    except (ValueError, OverflowError):
        return certificate.received_at
    return told if told.year in YEARS else certificate.received_at


def seen_of(record: Record, prefix: Any = None) -> Seen:  # noqa: ANN401 - a pattern
    """List the numbers of the device on a certificate, not those of its drive."""
    found = [one for one in identifiers.identifiers_of(record) if one.kind in DEVICE]
    if prefix is not None:
        found = [
            identifiers.Identifier(one.kind, identifiers.asset_tag(one.seen_as, prefix), one.seen_as)
            if one.kind == "asset_tag"
            else one
            for one in found
        ]
    return Seen(tuple(dict.fromkeys(found)), record.asset.manufacturer if record.asset else "")


def _placed(certificate: Certificate) -> set[int]:
    """Place one. What cannot be placed is loose, for a person to look at: it holds up no other."""
    try:
        with transaction.atomic():
            return _place(certificate)
    except (DataError, IntegrityError, ValueError, LookupError) as error:
        LOG.error("certificate %s found no unit: %s", certificate.id, clean(str(error)))
        return _loose(certificate, None, "no_record")


def _place(certificate: Certificate) -> set[int]:
    """Find a certificate's customer and its unit. The units that stand otherwise now."""
    record = record_of(certificate)
    if (tie := _tie_of(certificate)) is not None:
        Loose.unfiltered.filter(certificate=certificate).delete()
        if record is not None:
            _told_more(tie, certificate, record)
        return set()
    if record is None:
        return _loose(certificate, None, "no_record")
    customer, why = _customer_of(certificate)
    if customer is None:
        return _loose(certificate, None, why)
    store.lock(customer)
    told = Told(certificate, record, seen_of(record, store.prefix_of(customer)))
    if not told.seen.numbers:
        return _loose(certificate, customer, "no_device")
    index = store.index_of(customer.pk, told.seen.norms(*DEVICE))
    match = matching.match(told.seen, index)
    if match.unit is None:
        return _unplaced(told, customer, match)
    unit = Unit.unfiltered.get(pk=match.unit)
    link(Actor(certificate.station_id), unit, certificate, match.rule, record)
    touched = {unit.pk} | _doubts(told, unit, match, customer)
    if unit.presence == words.MISSING:
        store.ask("not_received", f"{unit.pk}:{certificate.id}", unit, customer=customer.pk, certificate=certificate.id)
    known = {(kind, norm) for (kind, norm), units in index.by_number.items() if units}
    fresh = [n for n in told.seen.numbers if (n.kind, n.norm) not in known]
    if fresh:
        store.give_numbers(unit, fresh, "certificate")
    return touched


def _tie_of(certificate: Certificate) -> DriveLink | None:
    rows = DriveLink.objects.filter(certificate=certificate, ended_at__isnull=True)
    return rows.select_related("unit__customer").first()


def _told_more(tie: DriveLink, certificate: Certificate, record: Record) -> None:
    """Let the unit follow what its station said of the certificate since then."""
    unit = tie.unit
    assert unit.customer is not None
    store.lock(unit.customer)
    unit.refresh_from_db()
    station_grades.copy(unit, certificate, record, tie.finished_at)


def _unplaced(told: Told, customer: Organisation, match: Match) -> set[int]:
    asset = told.record.asset
    if match.conflict is not None:
        other = Unit.unfiltered.get(pk=match.conflict)
        store.ask(
            "tag_and_serial", f"{other.pk}:{told.row.id}", other, customer=customer.pk, certificate=told.row.id,
            seen=[n.seen_as for n in told.seen.numbers],
        )  # fmt: skip
        return _loose(told.row, customer, "conflict") | {other.pk}
    loose = asset is not None and asset.kind == "loose-drive"
    return _loose(told.row, customer, "loose_drive" if loose else "no_unit")


def _doubts(told: Told, unit: Unit, match: Match, customer: Organisation) -> set[int]:
    """Ask about the units that share a number with it."""
    others = {*match.against, *([match.conflict] if match.conflict is not None else [])}
    for number in sorted(others):
        low, high = sorted((unit.pk, number))
        kind = "tag_and_serial" if number == match.conflict else "two_units"
        store.ask(
            kind, f"{low}:{high}", Unit.unfiltered.get(pk=low), customer=customer.pk,
            other=Unit.unfiltered.get(pk=high), certificate=told.row.id, seen=[n.seen_as for n in told.seen.numbers],
        )  # fmt: skip
    return others


def _loose(certificate: Certificate, customer: Organisation | None, why: str) -> set[int]:
    Loose.unfiltered.update_or_create(certificate=certificate, defaults={"customer": customer, "why": why})
    return set()


def _customer_of(certificate: Certificate) -> tuple[Organisation | None, str]:
    """Whose it is: its lot's customer, else the one of its name. Where they disagree, a person says.

    The certificate's own row follows, so that the right customer sees it, and no other.
    """
    named = certificate.customer
    lots = Lot.unfiltered.filter(code=certificate.lot).select_related("customer") if certificate.lot else ()
    owners = {lot.customer for lot in lots if lot.customer is not None}
    if not owners or (named is not None and named in owners):
        return named, "" if named else "no_customer"
    if len(owners) > 1:
        return (named, "") if named is not None else (None, "no_customer")
    owner = next(iter(owners))
    if named is not None or certificate.customer_name:
        _give(certificate, None)
        return None, "customers_disagree"
    _give(certificate, owner)
    return owner, ""


def _give(certificate: Certificate, customer: Organisation | None) -> None:
    if certificate.customer_id != (customer.pk if customer else None):
        Certificate.unfiltered.filter(pk=certificate.pk).update(customer=customer)
        certificate.customer = customer
        transaction.on_commit(lambda: search_index.follow(certificate.customer_name))


def _locks() -> bool:
    return bool(connection.features.has_select_for_update_skip_locked)


def wait(names: Iterable[str]) -> None:
    """Let certificates wait for their units, in the transaction that stores them."""
    ids = list(names)
    marks = ", ".join(["%s"] * len(ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO units_waiting (arrival) SELECT arrival FROM intake_certificate "
            f"WHERE id IN ({marks}) ON CONFLICT DO NOTHING",
            ids,
        )


def of_unit(unit: Unit) -> Sequence[DriveLink]:
    """List the certificates that count for a unit, the oldest first."""
    rows = DriveLink.objects.filter(unit=unit, ended_at__isnull=True).select_related("certificate")
    return list(rows.order_by("finished_at", "pk"))
