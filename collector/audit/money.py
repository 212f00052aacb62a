"""Sums, entries, shares, allocations, balances: I1, I2, I3, I9, I11."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Sum

from collector.audit import due
from collector.trade.models import (
    Agreement,
    AgreementVersion,
    LedgerEntry,
    Sale,
    SaleEvent,
    SaleLine,
    SettledEntry,
    Settlement,
    SettlementLine,
)


def name_of(row: Settlement) -> str:
    """Name a settlement as people know it."""
    return f"settlement {row.number} of {row.seller.name}"


def sums(rows: Any, by: str) -> dict[Any, tuple[int, int]]:  # noqa: ANN401 - a query of any table
    """Sum amounts and count rows by a column."""
    told = rows.values_list(by).annotate(Sum("amount_ore"), Count("pk")).order_by()
    return {key: (total or 0, count) for key, total, count in told}


def lines_are_the_total() -> Iterator[str]:
    """Find settlements whose lines do not sum up to share and fees, or are not as many as it says (I1)."""
    printed = sums(SettlementLine.unfiltered.all(), "settlement")
    for row in Settlement.unfiltered.select_related("seller").order_by("pk"):
        total, count = printed.get(row.pk, (0, 0))
        if total != row.share_ore + row.fees_ore:
            yield f"{name_of(row)}: its lines come to {total} øre, its share and fees to {row.share_ore + row.fees_ore}"
        if count != row.lines_count:
            yield f"{name_of(row)}: {count} lines are there, and it says {row.lines_count}"


def entries_are_settled_once() -> Iterator[str]:
    """Find entries that stand in no settlement or in two, and lines that are not the sum of their entries (I2)."""
    twice = SettledEntry.objects.values("entry").annotate(times=Count("settlement")).filter(times__gt=1)
    yield from (f"entry {row['entry']} stands in {row['times']} settlements" for row in twice.order_by("entry"))
    for entry in LedgerEntry.unfiltered.filter(settled__isnull=True).order_by("pk"):
        yield f"entry {entry.pk} ({entry.subject}) was booked, and stands in no settlement"
    held: defaultdict[tuple[int, int], int] = defaultdict(int)
    rows = SettledEntry.objects.values_list("settlement_id", "line", "entry__amount_ore", "entry__agreement_id",
                                            "settlement__period__agreement_id", "entry_id")  # fmt: skip
    for settlement, line, amount, of_entry, of_settlement, entry_id in rows.order_by("pk"):
        held[settlement, line] += amount
        if of_entry != of_settlement:
            yield f"entry {entry_id} is of another agreement than the settlement that it stands in"
    lines = SettlementLine.unfiltered.values_list("settlement_id", "line", "amount_ore").order_by("pk")
    printed = {(settlement, line): amount for settlement, line, amount in lines}
    for place in sorted(held.keys() | printed.keys()):
        if held.get(place, 0) != printed.get(place, 0):
            told = f"settlement of period {place[0]}, line {place[1]}"
            yield f"{told}: printed are {printed.get(place, 0)} øre, its entries come to {held.get(place, 0)}"


def shares_are_what_is_due() -> Iterator[str]:
    """Find what was booked otherwise than it comes to when it is worked out anew (I3)."""
    for agreement in Agreement.unfiltered.order_by("pk"):
        last = Settlement.unfiltered.filter(period__agreement=agreement).order_by("-period__first_day").first()
        if last is not None:
            yield from _shares(agreement, last.issued_at, last.period.last_day)
            yield from _fees(agreement)


def _shares(agreement: Agreement, known_at: datetime, until: date) -> Iterator[str]:
    """As it was known when the last period was closed: what was told later is the next one's."""
    booked = {key: total for key, (total, _) in sums(
        LedgerEntry.unfiltered.filter(agreement=agreement, kind="share"), "subject").items()}  # fmt: skip
    events: defaultdict[int, list[SaleEvent]] = defaultdict(list)
    for event in SaleEvent.unfiltered.filter(line__agreement=agreement, recorded_at__lte=known_at).order_by("pk"):
        events[event.line_id].append(event)
    versions = _versions(agreement, known_at)
    lines = SaleLine.unfiltered.filter(agreement=agreement, recorded_at__lte=known_at).select_related("sale")
    wanted = {f"sale_line:{line.pk}": _share(line, events[line.pk], versions, until) for line in lines.order_by("pk")}
    for subject in sorted(booked.keys() | wanted.keys()):
        if booked.get(subject, 0) != (wanted.get(subject) or 0):
            yield f"{agreement.code}, {subject}: booked {booked.get(subject, 0)} øre, due {wanted.get(subject) or 0}"


def _share(
    line: SaleLine, events: list[SaleEvent], versions: list[tuple[AgreementVersion, list[Any]]], until: date
) -> int | None:
    ruling = next(((version, rates) for version, rates in versions if version.valid_from <= line.sold_on), None)
    rate = None if ruling is None else due.rate_of(ruling[1], line.kind, line.grade)
    if ruling is None or rate is None or not _recognised(ruling[0], line, events, until):
        return None
    told = [one for one in events if one.kind != "paid" and one.occurred_on <= until]
    sold = due.Line(
        price_ore=line.price_ore + sum(one.price_ore for one in told),
        costs_ore=line.costs_ore,
        vat_mode=line.vat_mode,
        quantity=line.quantity,
        changed=bool(told),
        came_back=any(one.kind in ("return", "cancel") for one in told),
    )
    return due.share_ore(sold, due.Terms(ruling[0].share_base, rate["share_bp"], rate["fixed_ore"], rate["floor_ore"]))


def _recognised(version: AgreementVersion, line: SaleLine, events: list[SaleEvent], until: date) -> bool:
    if version.recognise == "sold":
        return line.sold_on <= until
    if version.recognise == "return_window":
        return line.sold_on + timedelta(days=version.return_days + 1) <= until
    paid = line.paid_on or next((one.occurred_on for one in events if one.kind == "paid"), None)
    return paid is not None and paid <= until


def _versions(agreement: Agreement, known_at: datetime) -> list[tuple[AgreementVersion, list[Any]]]:
    """The versions that bound then, the newest first, with their rates."""
    found = []
    rows = AgreementVersion.unfiltered.filter(agreement=agreement, binding_at__lte=known_at).order_by("-valid_from")
    for version in rows.prefetch_related("rates"):
        rates = [(one.kind, one.grade, vars(one)) for one in version.rates.all()]
        found.append((version, rates))
    return found


def _fees(agreement: Agreement) -> Iterator[str]:
    """A fee is one that the version that it names asks for what became of the drive, or it was taken back wholly."""
    entries = LedgerEntry.unfiltered.filter(agreement=agreement, kind__in=("fee", "scrap_fee"), corrects__isnull=True)
    asked: dict[int, set[tuple[str, int]]] = {}
    for entry in entries.select_related("version").prefetch_related("version__rates").order_by("pk"):
        version = entry.version
        if version.pk not in asked:
            asked[version.pk] = {(name, -getattr(rate, f"fee_{name}_ore")) for rate in version.rates.all()
                                 for name in ("erased", "attested", "destroyed")}  # fmt: skip
            asked[version.pk] |= {("scrapped", -rate.scrap_fee_ore) for rate in version.rates.all()} | {("scrapped", 0)}
        if (entry.why, entry.amount_ore) not in asked[version.pk]:
            told = f"{agreement.code}, {entry.subject}: booked {entry.amount_ore} øre for {entry.why!r}"
            yield f"{told}, which the version of {version.valid_from} does not ask"
    for subject, (total, _) in sums(LedgerEntry.unfiltered.filter(agreement=agreement, kind="fee"), "subject").items():
        if total > 0:
            yield f"{agreement.code}, {subject}: more was given back than was asked ({total} øre)"


def allocations_are_the_price() -> Iterator[str]:
    """Find bulk sales whose lines do not sum up to their one price (I9)."""
    told = SaleLine.unfiltered.filter(allocated=True).values_list("sale").annotate(Sum("price_ore")).order_by()
    allocated = dict(told)
    for sale in Sale.objects.filter(bulk_ore__isnull=False).order_by("pk"):
        parts = allocated.get(sale.pk, 0)
        if parts != sale.bulk_ore:
            yield f"bulk sale {sale.reference}: sold for {sale.bulk_ore} øre, its lines hold {parts}"
    for sale in Sale.objects.filter(bulk_ore__isnull=True, pk__in=allocated).order_by("pk"):
        yield f"sale {sale.reference}: its lines were allocated, and it has no one price"


def balances_are_carried() -> Iterator[str]:
    """Find settlements that do not begin with what the one before was left with, or whose balance is another (I11)."""
    for agreement in Agreement.unfiltered.order_by("pk"):
        before = 0
        rows = Settlement.unfiltered.filter(period__agreement=agreement).select_related("seller")
        for row in rows.order_by("period__first_day"):
            if row.opening_ore != before:
                yield f"{name_of(row)}: begins with {row.opening_ore} øre, the one before ended with {before}"
            if row.payable_ore and row.closing_ore:
                yield f"{name_of(row)}: pays {row.payable_ore} øre and carries {row.closing_ore} on"
            share = row.opening_ore + row.share_ore + row.share_vat_ore
            both = (share, share + row.fees_ore + row.fees_vat_ore)
            balance = row.payable_ore + row.closing_ore
            if balance not in both:
                yield f"{name_of(row)}: its balance is {balance} øre, which its sums do not give"
            before = row.closing_ore
