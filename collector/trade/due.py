"""What is due under an agreement as of a day: shares of what was sold, fees of what was erased, scrapped units.

Worked out anew each time from the sales, the certificates and the agreement's versions. What was booked before is
another question (settling.py): the difference is what is settled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Literal

from collector.trade import agreements, facts
from collector.trade.models import Agreement, AgreementVersion, LedgerEntry, SaleEvent, SaleLine
from collector.trade.rules import days, drives, shares, terms
from collector.trade.rules.drives import Accounted
from collector.trade.rules.shares import Sold
from collector.trade.rules.terms import Rate, Terms
from collector.units.models import Identifier, Unit

Kind = Literal["share", "fee", "scrap_fee"]


@dataclass(frozen=True)
class Due:
    """What is due for one thing. `stands`: it is to be printed even where it comes to nothing."""

    kind: Kind
    subject: str
    day: date
    version: AgreementVersion
    amount_ore: int
    vat_bp: int
    base_ore: int = 0
    rate_bp: int | None = None
    unit: int | None = None
    unit_kind: str = ""
    grade: str = ""
    itemised: bool = True
    certificate: str = ""
    sold_on: date | None = None
    channel: str = ""
    price_ore: int | None = None
    outcome: str = ""
    statement: str = ""
    stands: bool = False


@dataclass(frozen=True)
class InStock:
    """A unit that was not sold, and how long it has been here."""

    unit: int
    kind: str
    grade: str
    since: date


class Reckoning:
    """Everything that an agreement's sums are worked out from, read once."""

    def __init__(self, agreement: Agreement) -> None:
        self.agreement = agreement
        self.versions = agreements.binding(agreement)
        self._terms = [told for _, told in self.versions.values()]
        lines = SaleLine.unfiltered.filter(agreement=agreement).select_related("sale").order_by("id")
        self._lines = list(lines.only(*LINE_COLUMNS))
        self._events: defaultdict[int, list[SaleEvent]] = defaultdict(list)
        for event in SaleEvent.unfiltered.filter(line__agreement=agreement).order_by("id"):
            self._events[event.line_id].append(event)
        units = Unit.unfiltered.filter(customer=agreement.customer, received_at__isnull=False, merged_into__isnull=True)
        self._units = list(units.order_by("id"))
        self._known = facts.of_customer(agreement.customer_id, self._units)
        self._others = self._other_books()
        lots = Unit.unfiltered.filter(customer=agreement.customer).values_list("pk", "lot")
        self._lots = {f"{unit}:{lot}" for unit, lot in lots}

    def due(self, until: date) -> dict[str, Due]:
        """Work out what is due as of the end of a day: subject -> what is due for it."""
        found = [*self._shares(until), *self._fees(until), *self._scrapped(until)]
        return {one.subject: one for one in found}

    def first_day(self) -> date | None:
        """Tell the first day on which anything counts; None where nothing does."""
        return min((one.day for one in self.due(date.max).values()), default=None)

    def is_gone(self, subject: str) -> bool:
        """Say whether a fee that was booked is due no more: its certificate was taken away, or refused.

        A unit that came again in another lot keeps the fee of the lot before.
        """
        kind, _, rest = subject.partition(":")
        place = ":".join(rest.split(":")[:2])
        return kind != "sale_line" and place in self._lots and subject not in self._ever

    @cached_property
    def _ever(self) -> frozenset[str]:
        return frozenset(self.due(date.max))

    def in_stock(self, until: date) -> list[InStock]:
        """List the units that were not sold by the end of a day, the oldest first."""
        sold = {
            line.unit_id
            for line in self._lines
            if line.unit_id is not None and line.sold_on <= until and not self._now(line, until).reversed_
        }
        rows = []
        for unit in self._units if self._is_first else ():
            since = days.local_day(unit.received_at) if unit.received_at else date.max
            gone = self._known.went_on(unit.pk, until) or (
                unit.destroyed_at and days.local_day(unit.destroyed_at) <= until
            )
            if since <= until and unit.pk not in sold and not gone:
                rows.append(InStock(unit.pk, unit.kind, self._known.grade_on(unit.pk, until), since))
        return sorted(rows, key=lambda one: (one.since, one.unit))

    def numbers(self) -> dict[int, dict[str, str]]:
        """Read the numbers by which units are shown: unit -> its asset tag and its serial number or IMEI."""
        found: defaultdict[int, dict[str, str]] = defaultdict(dict)
        rows = Identifier.objects.filter(customer=self.agreement.customer, retired_at__isnull=True)
        for unit, kind, seen in rows.order_by("id").values_list("unit_id", "kind", "seen_as"):
            found[unit].setdefault(kind, seen)
        return found

    def ruling(self, day: date) -> tuple[AgreementVersion, Terms] | None:
        """Choose the version that rules a day."""
        told = terms.ruling(self._terms, day)
        return None if told is None else self.versions[told.valid_from]

    def _now(self, line: SaleLine, until: date) -> Sold:
        """What a line comes to with what happened until the end of a day."""
        told = [one for one in self._events[line.pk] if one.kind != "paid" and one.occurred_on <= until]
        return Sold(
            price_ore=line.price_ore + sum(one.price_ore for one in told),
            vat_mode=next(mode for mode in terms.VAT_MODES if mode == line.vat_mode),
            costs_ore=line.costs_ore,
            quantity=line.quantity,
            adjusted=bool(told),
            reversed_=any(one.kind in ("return", "cancel") for one in told),
        )

    def _shares(self, until: date) -> Iterator[Due]:
        for line in self._lines:
            rule = self.ruling(line.sold_on)
            rate = None if rule is None else terms.rate_for(rule[1].rate, line.kind, line.grade)
            if rule is None or rate is None:
                continue
            paid = line.paid_on or next((e.occurred_on for e in self._events[line.pk] if e.kind == "paid"), None)
            day = days.recognised_on(rule[1].recognise, line.sold_on, paid, rule[1].return_days)
            if day is None or day > until:
                continue
            sold = self._now(line, until)
            share = shares.share_of(sold, rule[1].share_base, rate)
            yield Due(
                kind="share",
                subject=f"sale_line:{line.pk}",
                day=day,
                version=rule[0],
                amount_ore=share.amount_ore,
                vat_bp=rule[1].share_vat_bp,
                base_ore=share.base_ore,
                rate_bp=None if rule[1].share_base == "fixed" else rate.share_bp,
                unit=line.unit_id,
                unit_kind=line.kind,
                grade=line.grade,
                itemised=rate.itemised,
                certificate=line.certificate,
                sold_on=line.sold_on,
                channel=line.sale.channel,
                price_ore=sold.price_ore,
                stands=not sold.reversed_,
            )

    def _fees(self, until: date) -> Iterator[Due]:
        for unit in self._units:
            known = self._known.facts[unit.pk]
            last = max([known.destroyed_on or date.min, *(one.destroyed_on or one.day for one in known.drives)])
            rule = self.ruling(last)
            if rule is None or last == date.min:
                continue
            rate = terms.rate_for(rule[1].rate, unit.kind, self._known.first_grade(unit.pk, last))
            if rate is None:
                continue
            for suffix, found in self._accounted(known, rule[1], rate):
                day = max(one.day for one in found)
                subject = f"fee:{unit.pk}:{unit.lot_id}{suffix}"
                if day <= until and subject not in self._others:
                    yield self._fee(unit, rule, rate, subject, drives.dearest(found, rate), day)

    @staticmethod
    def _accounted(known: drives.UnitFacts, told: Terms, rate: Rate) -> Iterator[tuple[str, Sequence[Accounted]]]:
        """What fees are for: the whole unit, or each of its drives by itself."""
        if told.fee_per == "unit" or known.destroyed_on is not None:
            whole = drives.account_unit(known, told)
            if isinstance(whole, tuple) and whole:
                yield "", whole
            return
        for drive in known.drives:
            one = drives.account(drive, told)
            if isinstance(one, Accounted):
                yield f":{drive.drive}"[:60], (one,)

    def _fee(
        self, unit: Unit, rule: tuple[AgreementVersion, Terms], rate: Rate, subject: str, paid: Accounted, day: date
    ) -> Due:
        fee = drives.fee_ore(paid.came, rate)
        return Due(
            kind="fee",
            subject=subject,
            day=day,
            version=rule[0],
            amount_ore=-fee,
            vat_bp=rule[1].fee_vat_bp,
            base_ore=fee,
            unit=unit.pk,
            unit_kind=unit.kind,
            itemised=rate.itemised,
            certificate=paid.certificate,
            outcome=paid.came,
        )

    def _scrapped(self, until: date) -> Iterator[Due]:
        for unit in self._units:
            went = self._known.went_on(unit.pk, until)
            rule = None if went is None else self.ruling(went[0])
            if went is None or went[1] != "scrapped" or rule is None or not self._is_first:
                continue
            rate = terms.rate_for(rule[1].rate, unit.kind, self._known.grade_on(unit.pk, went[0]))
            fee = 0 if rate is None else rate.scrap_fee_ore
            yield replace(
                self._fee(unit, rule, rate or Rate(kind="*"), f"scrap:{unit.pk}:{unit.lot_id}", NO_DRIVE, went[0]),
                kind="scrap_fee",
                amount_ore=-fee,
                base_ore=fee,
                outcome="scrapped",
                statement=went[2],
                stands=True,
            )

    @cached_property
    def _is_first(self) -> bool:
        """Units that were not sold stand in one settlement: of the customer's oldest agreement that binds."""
        rows = AgreementVersion.unfiltered.filter(agreement__customer=self.agreement.customer, binding_at__isnull=False)
        return self.agreement.pk == min(rows.values_list("agreement", flat=True), default=self.agreement.pk)

    def _other_books(self) -> frozenset[str]:
        """Fees that were booked under another agreement of this customer: nothing is charged twice."""
        booked = LedgerEntry.unfiltered.filter(kind="fee", agreement__customer=self.agreement.customer)
        return frozenset(booked.exclude(agreement=self.agreement).values_list("subject", flat=True))


NO_DRIVE = Accounted("destroyed", date.min, "", date.min)
LINE_COLUMNS = (
    "line", "agreement", "unit", "kind", "grade", "quantity", "price_ore", "vat_mode", "costs_ore", "sold_on",
    "paid_on", "certificate", "sale__channel",
)  # fmt: skip
