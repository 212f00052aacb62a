"""A customer's units against its register: each with its headline and why, and counts that add up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from collector.parties.models import Organisation
from collector.units import rules, store, words
from collector.units.models import DriveLink, Identifier, Lot, RegisterRow, Unit

FACTS = (
    "id", "kind", "headline", "data", "disposal", "presence", "why", "manufacturer", "model", "lot__code",
    "expected_in__code", "received_at", "accepted", "drives_counted", "grade",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One unit as it is reported."""

    unit: int
    asset_tag: str
    serial: str
    imei: str
    kind: str
    status: str
    data: str
    disposal: str
    presence: str
    manufacturer: str
    model: str
    lot: str
    certificates: tuple[str, ...]
    why: tuple[str, dict[str, int]]

    def document(self) -> dict[str, Any]:
        """Write it as a program reads it."""
        return {
            "unit": self.unit, "asset_tag": self.asset_tag, "serial": self.serial, "imei": self.imei,
            "kind": self.kind, "status": self.status, "data": self.data, "disposal": self.disposal,
            "presence": self.presence, "lot": self.lot, "certificates": list(self.certificates),
            "why": words.why_plain(*self.why),
        }  # fmt: skip


@dataclass(frozen=True)
class Report:
    """A reconciliation. `problems`: what does not add up, which is never so unless rows were changed by hand."""

    counts: dict[str, int]
    sums: rules.Sums
    lines: Sequence[Line]

    @property
    def problems(self) -> list[str]:
        """Say what does not add up."""
        return self.sums.problems

    def document(self) -> dict[str, Any]:
        """Write it as a program reads it."""
        return {
            "counts": self.counts,
            "register_rows": self.sums.rows,
            "received": self.sums.received,
            "disposals": dict(self.sums.disposals),
            "adds_up": not self.problems,
            "units": [line.document() for line in self.lines],
        }


def scope(customer: Organisation, lot: Lot | None = None) -> QuerySet[Unit]:
    """Choose a customer's units, or those that a lot received or expected."""
    rows = Unit.unfiltered.filter(customer=customer)
    return rows if lot is None else rows.filter(Q(lot=lot) | Q(expected_in=lot))


def reconcile(customer: Organisation, lot: Lot | None = None) -> Report:
    """Report on a customer's units, or on a lot's."""
    chosen = scope(customer, lot)
    lines = list(_lines(customer, chosen, lot))
    return Report(rules.counts(line.status for line in lines), sums(customer, chosen), lines)


def sums(customer: Organisation, chosen: QuerySet[Unit]) -> rules.Sums:
    """Count what must add up, each number by a question of its own."""
    rows = RegisterRow.unfiltered.filter(
        customer=customer, unit__merged_into__isnull=True, unit__in=chosen.values("pk")
    )
    headlines = Counter(dict(_counted(chosen, "headline")))
    received = chosen.filter(received_at__isnull=False)
    places = {place: n for place, n in _counted(received, "disposal") if place}
    return rules.Sums(rows.count(), headlines, received.count(), places)


def _counted(rows: QuerySet[Unit], name: str) -> list[tuple[str, int]]:
    return list(rows.order_by().values_list(name).annotate(n=Count("pk")))


def _lines(customer: Organisation, chosen: QuerySet[Unit], lot: Lot | None) -> Iterator[Line]:
    numbers = _numbers(customer, chosen, lot)
    certificates = _certificates(customer, chosen, lot)
    for told in chosen.order_by("pk").values_list(*FACTS).iterator(5000):
        unit = dict(zip(FACTS, told, strict=True))
        own = numbers.get(unit["id"], {})
        yield Line(
            unit=unit["id"],
            asset_tag=own.get("asset_tag", ""),
            serial=own.get("serial", ""),
            imei=own.get("imei14", ""),
            kind=unit["kind"],
            status=unit["headline"],
            data=unit["data"],
            disposal=unit["disposal"],
            presence=unit["presence"],
            manufacturer=unit["manufacturer"],
            model=unit["model"],
            lot=unit["lot__code"] or unit["expected_in__code"] or "",
            certificates=tuple(certificates.get(unit["id"], ())),
            why=why_of(unit["why"]),
        )


def why_of(told: str) -> tuple[str, dict[str, int]]:
    """Read why a unit's headline is no better one."""
    key, numbers = json.loads(told) if told else ("", {})
    return key, numbers


def _numbers(customer: Organisation, chosen: QuerySet[Unit], lot: Lot | None) -> dict[int, dict[str, str]]:
    rows = Identifier.objects.filter(customer=customer, retired_at__isnull=True)
    rows = rows.filter(kind__in=[kind for _, kind in store.SHOWN_NUMBERS])
    if lot is not None:
        rows = rows.filter(unit__in=chosen.values("pk"))
    found: dict[int, dict[str, str]] = {}
    for unit, kind, seen in rows.order_by("id").values_list("unit_id", "kind", "seen_as").iterator(5000):
        found.setdefault(unit, {}).setdefault(kind, seen)
    return found


def _certificates(customer: Organisation, chosen: QuerySet[Unit], lot: Lot | None) -> dict[int, list[str]]:
    rows = DriveLink.objects.filter(unit__customer=customer, ended_at__isnull=True)
    if lot is not None:
        rows = rows.filter(unit__in=chosen.values("pk"))
    found: dict[int, list[str]] = {}
    for unit, name in rows.order_by("finished_at", "id").values_list("unit_id", "certificate_id").iterator(5000):
        found.setdefault(unit, []).append(str(name))
    return found
