"""What happens to sales: a file of them taken in, row by row, each whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max

from collector.parties.models import Organisation
from collector.parties.services import Actor, note
from collector.trade import facts, lookup
from collector.trade.errors import TradeFileProblem
from collector.trade.lookup import Books, Unruled
from collector.trade.models import Consent, Sale, SaleEvent, SaleLine
from collector.trade.rules import drives, shares
from collector.trade.rules.days import begins
from collector.trade.rules.money import shared_out
from collector.trade.sale_rows import Taken, check_event, groups_of
from collector.trade.sale_words import refusal
from collector.trade.sales_file import BULK, LARGEST_BYTES, NoSalesFile, Problem, SaleRow, WrongCell, read
from collector.units import linking, store
from collector.units import vocabulary as words
from collector.units.models import Unit

CHUNK = 200
"""Rows in one transaction: writers of a file-based database wait for each other, and the intake is one of them."""
REVERSALS = {"return": "returned_by_buyer", "cancel": "sale_reversed"}


class _Undo(Exception):
    pass


def import_file(actor: Actor, seller: Organisation, path: Path, *, dry_run: bool = False) -> Taken:
    """Take in a file that is named by its path. Raise TradeFileProblem."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise TradeFileProblem(where=path, problem=error.strerror or error) from None
    return import_sales(actor, seller, data, where=str(path), dry_run=dry_run)


def import_sales(actor: Actor, seller: Organisation, data: bytes, *, where: str, dry_run: bool = False) -> Taken:
    """Take a file of sales in. A row that cannot be taken says why; the others are in. Raise TradeFileProblem."""
    try:
        rows = list(read(data))
    except NoSalesFile as problem:
        raise TradeFileProblem(where=where, problem=problem) from None
    taken = Taken(rows=len(rows), rejected=[row for row in rows if isinstance(row, Problem)])
    linking.follow_all()
    groups = list(groups_of([row for row in rows if isinstance(row, SaleRow)]))
    books = Books(seller)
    if dry_run:
        try:
            with transaction.atomic():
                _take_all(actor, seller, books, groups, taken)
                raise _Undo
        except _Undo:
            return taken
    _take_all(actor, seller, books, groups, taken)
    return taken


def _take_all(actor: Actor, seller: Organisation, books: Books, groups: list[list[SaleRow]], taken: Taken) -> None:
    chunk: list[list[SaleRow]] = []
    for group in [*groups, None]:
        if chunk and (group is None or sum(len(one) for one in chunk) + len(group) > CHUNK):
            with transaction.atomic():
                desk = _Desk(actor, seller, books, chunk)
                before = (taken.new, taken.changed)
                for one in chunk:
                    desk.take(one, taken)
                store.refresh(desk.moved)
                if (taken.new, taken.changed) != before:
                    note(actor, "sales.imported", seller.name, new=taken.new - before[0])
            chunk = []
        if group is not None:
            chunk.append(group)


class _Desk:
    """One chunk's rows beside what the books say: nothing is asked of the database row by row."""

    def __init__(self, actor: Actor, seller: Organisation, books: Books, groups: list[list[SaleRow]]) -> None:
        rows = [row for group in groups for row in group]
        self._actor, self._seller, self._books = actor, seller, books
        self._sales = {
            (sale.channel, sale.reference): sale
            for sale in Sale.objects.filter(seller=seller, reference__in={row.reference for row in rows})
        }
        lines = SaleLine.unfiltered.filter(sale__in=list(self._sales.values())).select_related(
            "unit", "agreement", "sale"
        )
        self._lines = {(line.sale_id, line.line): line for line in lines}
        self._events: dict[int, list[SaleEvent]] = {line.pk: [] for line in self._lines.values()}
        for event in SaleEvent.unfiltered.filter(line__in=list(self._lines.values())).order_by("id"):
            self._events[event.line_id].append(event)
        self._named = lookup.units_by_number([row.identifier for row in rows if row.identifier], books.customers)
        named = {unit.pk: unit for units in self._named.values() for unit in units}
        # In a line with whoever moves units: two files at once cannot sell one unit twice.
        for customer in Organisation.objects.filter(pk__in={unit.customer_id for unit in named.values()}).order_by(
            "pk"
        ):
            store.lock(customer)
        self._units: dict[int, Unit] = {
            unit.pk: unit for unit in Unit.unfiltered.select_for_update().filter(pk__in=list(named))
        }
        self._known = facts.of_units(self._units.values())
        returns = SaleEvent.unfiltered.filter(line__unit__in=list(self._units), kind="return").order_by()
        self._back: dict[int, date] = dict(returns.values_list("line__unit").annotate(Max("occurred_on")))
        self.moved: set[int] = set()

    def take(self, group: list[SaleRow], taken: Taken) -> None:
        """Take a row, or a bulk sale with its units."""
        before = self._remembered()
        try:
            # A savepoint of its own: what was begun for a bulk sale is taken back with its refusal.
            with transaction.atomic():
                if group[0].event != "sale":
                    done = self._event(group[0])
                elif group[0].is_bulk:
                    done = self._bulk(group, taken)
                else:
                    done = self._sale(group[0], taken)
        except WrongCell as wrong:
            self._recall(before)
            taken.rejected.append(Problem(group[0].row, wrong.column, wrong.problem))
            taken.rejected += [
                Problem(row.row, "reference", f"its bulk sale (row {group[0].row}) was rejected") for row in group[1:]
            ]
            return
        setattr(taken, done, getattr(taken, done) + len(group))

    def _remembered(self) -> tuple[Any, ...]:
        events = {line: list(told) for line, told in self._events.items()}
        units = {pk: (unit.disposal, unit.received_at) for pk, unit in self._units.items()}
        return dict(self._sales), dict(self._lines), events, units, set(self.moved), dict(self._back)

    def _recall(self, before: tuple[Any, ...]) -> None:
        """Forget with the database what a refused bulk sale had begun."""
        self._sales, self._lines, self._events, units, self.moved, self._back = before
        for pk, (disposal, received_at) in units.items():
            self._units[pk].disposal, self._units[pk].received_at = disposal, received_at

    def _bulk(self, group: list[SaleRow], taken: Taken) -> str:
        head, units = group[0], group[1:]
        if not units:
            raise WrongCell("reference", "a bulk sale without units: no row follows under its reference")
        if twice := [line for line, n in Counter(row.line for row in units).items() if n > 1]:
            raise WrongCell("line", f"line {twice[0]!r} stands twice in this bulk sale")
        if head.price_ore is None or any(row.price_ore is not None for row in units):
            raise WrongCell("price_ore", "the units of a bulk sale have no price of their own: leave their cells empty")
        known = self._sales.get((head.channel, head.reference))
        if known is not None:
            mine = {line for sale, line in self._lines if sale == known.pk}
            if known.bulk_ore != head.price_ore or mine != {row.line for row in units}:
                raise WrongCell("price_ore", "this bulk sale is known with another price or other units")
        prices, costs = self._shared_out(head, units, known)
        done = {
            self._row_of_bulk(replace(row, price_ore=price, costs_ore=cost), head, taken)
            for row, price, cost in zip(units, prices, costs, strict=True)
        }
        return "new" if "new" in done else "changed" if "changed" in done else "same"

    def _shared_out(
        self, head: SaleRow, units: list[SaleRow], known: Sale | None
    ) -> tuple[Sequence[int], Sequence[int]]:
        """Divide price and costs among the units; of a sale that is known as they were, whatever their order is now."""
        if known is not None:
            lines = [self._lines[known.pk, row.line] for row in units]
            if sum(line.costs_ore for line in lines) == head.costs_ore:
                return [line.price_ore for line in lines], [line.costs_ore for line in lines]
        weights = [row.quantity for row in units]
        return shared_out(head.price_ore or 0, weights), shared_out(head.costs_ore, weights)

    def _row_of_bulk(self, row: SaleRow, head: SaleRow, taken: Taken) -> str:
        told = replace(
            row,
            vat_mode=row.vat_mode or head.vat_mode,
            currency=row.currency or head.currency,
            buyer=row.buyer or head.buyer,
            country=row.country or head.country,
            paid_on=row.paid_on or head.paid_on,
        )
        try:
            return self._sale(told, taken, bulk_ore=head.price_ore)
        except WrongCell as wrong:
            raise WrongCell(wrong.column, f"row {row.row}, {row.identifier or row.kind}: {wrong.problem}") from None

    def _sale(self, row: SaleRow, taken: Taken, *, bulk_ore: int | None = None) -> str:
        if row.price_ore is None:
            raise WrongCell("price_ore", "empty, and no bulk sale has this reference")
        if row.vat_mode is None:
            raise WrongCell("vat_mode", "empty: allowed is one of margin, standard, export, none")
        sale = self._sales.get((row.channel, row.reference))
        known = None if sale is None else self._lines.get((sale.pk, row.line))
        if known is not None:
            return self._again(row, known)
        if row.line == BULK or (sale is not None and sale.bulk_ore != bulk_ore):
            raise WrongCell("reference", f"{row.reference} is known as another sale: a bulk sale has one price")
        unit = self._unit(row)
        kind = self._kind(row, unit)
        signed = "" if unit is None else self._known.grade_on(unit.pk, row.sold_on)
        grade = row.grade or signed
        try:
            ruling = self._books.ruling(self._customer(unit), kind, grade, row.sold_on)
        except Unruled as none:
            raise WrongCell(none.column, none.problem) from None
        self._allowed(row, unit, ruling)
        if row.grade and signed and row.grade != signed:
            taken.questions.append(
                Problem(
                    row.row, "grade", f"sold as {row.grade!r}, and signed as {signed!r}: the share follows {grade!r}"
                )
            )
        if sale is None:
            sale = self._sales[row.channel, row.reference] = self._new_sale(row, ruling.agreement.currency, bulk_ore)
        self._write(row, sale, unit, ruling, kind=kind, grade=grade, signed=signed, allocated=bulk_ore is not None)
        return "new"

    def _again(self, row: SaleRow, known: SaleLine) -> str:
        """A line that is known already: the same, or paid meanwhile; anything else is another sale."""
        told = {
            "price_ore": (row.price_ore, known.price_ore),
            "sold_on": (row.sold_on, known.sold_on),
            "quantity": (row.quantity, known.quantity),
            "vat_mode": (row.vat_mode, known.vat_mode),
            "costs_ore": (row.costs_ore, known.costs_ore),
            "currency": (row.currency or known.sale.currency, known.sale.currency),
            "grade": (row.grade or known.grade, known.grade),
        }
        for column, (now, before) in told.items():
            if now != before:
                raise WrongCell(
                    column, f"line {row.line} of {row.reference} is known with {before}, and {now} stands here"
                )
        if (known.unit_id is None) is bool(row.identifier) or self._names_another(row, known):
            raise WrongCell("identifier", f"line {row.line} of {row.reference} is known for another unit")
        paid = known.paid_on or next((e.occurred_on for e in self._events[known.pk] if e.kind == "paid"), None)
        if row.paid_on is None or row.paid_on == paid:
            return "same"
        if paid is not None:
            raise WrongCell("paid_on", f"line {row.line} of {row.reference} is known as paid on {paid}")
        # No id: those are the file's own, which has one for every event, and calls one "paid" if it likes.
        self._add_event(known, external_id="", kind="paid", price_ore=0, occurred_on=row.paid_on)
        return "changed"

    def _names_another(self, row: SaleRow, known: SaleLine) -> bool:
        named = self._named.get(row.identifier, [])
        return bool(named) and known.unit_id not in {one.pk for one in named}

    def _unit(self, row: SaleRow) -> Unit | None:
        if not row.identifier:
            return None
        found = self._named.get(row.identifier, [])
        if not found:
            raise WrongCell(
                "identifier", f"no unit of a customer of {self._seller.name} has the number {row.identifier!r}"
            )
        if len(found) > 1:
            raise WrongCell(
                "identifier", f"{len(found)} units have the number {row.identifier!r}: a person settles which it is"
            )
        return self._units[found[0].pk]

    def _kind(self, row: SaleRow, unit: Unit | None) -> str:
        kind = row.kind if unit is None or unit.kind == words.UNKNOWN else unit.kind
        if not kind:
            raise WrongCell("kind", "neither the intake nor a register says what kind of unit it is: a person tells it")
        return kind

    def _customer(self, unit: Unit | None) -> int:
        if unit is not None and unit.customer_id is not None:
            return unit.customer_id
        if not self._books.customers:
            raise WrongCell("identifier", "empty, and the seller has no agreement with any customer")
        if len(self._books.customers) != 1:
            raise WrongCell(
                "identifier", "empty, and the seller sells for more than one customer: nobody knows for which"
            )
        return self._books.customers[0]

    def _allowed(self, row: SaleRow, unit: Unit | None, ruling: lookup.Ruling) -> None:
        agreed = ruling.agreement.currency
        if row.currency and row.currency != agreed:
            raise WrongCell(
                "currency", f"{row.currency}: the agreement is in {agreed}; what was paid otherwise is converted before"
            )
        if unit is not None:
            if unit.presence == words.MISSING:
                raise WrongCell("identifier", f"{row.identifier} is missing: it has to be found before")
            if unit.headline == words.CONFLICT:
                raise WrongCell("identifier", f"{row.identifier}: a contradiction waits for a person's answer")
            if unit.disposal not in ("", words.STOCK):
                raise WrongCell("identifier", f"{row.identifier} is not in stock: {unit.disposal.replace('_', ' ')}")
            if row.sold_on < (back := self._back.get(unit.pk, row.sold_on)):
                raise WrongCell("sold_on", f"{row.identifier} was with its buyer before, and came back on {back}")
            if (why := drives.sale_refused(self._known.facts[unit.pk], ruling.terms, row.sold_on)) is not None:
                raise WrongCell("identifier", f"{row.identifier} may not be sold: {refusal(why)}")
        if not shares.asks_for_consent(row.price_ore or 0, row.quantity, ruling.rate) or row.channel == "donation":
            return
        given = Consent.unfiltered.filter(agreement=ruling.agreement, unit=unit, lowest_ore__lte=row.price_ore or 0)
        if unit is None or not given.exists():
            least = ruling.rate.consent_below_ore
            raise WrongCell(
                "price_ore", f"below {least} øre a piece the customer is asked first, and no consent is recorded"
            )

    def _new_sale(self, row: SaleRow, currency: str, bulk_ore: int | None) -> Sale:
        buyer = Organisation.objects.filter(name=row.buyer).first() if row.buyer else None
        return Sale.objects.create(
            seller=self._seller, channel=row.channel, reference=row.reference, buyer=buyer, buyer_name=row.buyer,
            country=row.country, currency=currency, bulk_ore=bulk_ore, who=self._actor.who,
        )  # fmt: skip

    def _write(
        self, row: SaleRow, sale: Sale, unit: Unit | None, ruling: lookup.Ruling, *, kind: str, grade: str, signed: str,
        allocated: bool,
    ) -> None:  # fmt: skip
        line = SaleLine.unfiltered.create(
            sale=sale,
            line=row.line,
            external_id=row.external_id,
            agreement=ruling.agreement,
            unit=unit,
            kind=kind,
            grade=grade,
            graded=signed,
            quantity=row.quantity,
            price_ore=row.price_ore or 0,
            vat_mode=row.vat_mode or "none",
            costs_ore=row.costs_ore,
            allocated=allocated,
            sold_on=row.sold_on,
            paid_on=row.paid_on,
            certificate="" if unit is None else _certificate(self._known.facts[unit.pk]),
            who=self._actor.who,
        )
        self._lines[sale.pk, row.line] = line
        self._events[line.pk] = []
        if unit is not None:
            self._tell(unit, line, "sold", words.SOLD, row)

    def _event(self, row: SaleRow) -> str:
        sale = self._sales.get((row.channel, row.reference))
        line = None if sale is None else self._lines.get((sale.pk, row.line))
        if line is None:
            raise WrongCell("line", f"line {row.line} of {row.reference} was never sold")
        price = row.price_ore or 0
        if self._names_another(row, line):
            raise WrongCell("identifier", f"line {row.line} of {row.reference} is known for another unit")
        for known in self._events[line.pk]:
            if known.external_id == row.external_id:
                if (known.kind, known.price_ore, known.occurred_on) != (row.event, price, row.sold_on):
                    raise WrongCell("external_id", f"{row.external_id} is known as another event of this line")
                return "same"
        left = line.price_ore + sum(one.price_ore for one in self._events[line.pk])
        check_event(row, currency=line.sale.currency, sold_on=line.sold_on, left=left)
        if row.event in REVERSALS and any(one.kind in REVERSALS for one in self._events[line.pk]):
            raise WrongCell("event", f"line {row.line} of {row.reference} was taken back already")
        self._add_event(line, external_id=row.external_id, kind=row.event, price_ore=price, occurred_on=row.sold_on)
        if row.event in REVERSALS and line.unit is not None:
            unit = self._units.setdefault(line.unit_id or 0, line.unit)
            if row.event == "return":
                self._back[unit.pk] = max(row.sold_on, self._back.get(unit.pk, row.sold_on))
            self._tell(unit, line, REVERSALS[row.event], words.STOCK, row)
        return "new"

    def _add_event(self, line: SaleLine, **told: Any) -> None:  # noqa: ANN401 - a row's columns
        self._events[line.pk].append(SaleEvent.unfiltered.create(line=line, who=self._actor.who, **told))

    def _tell(self, unit: Unit, line: SaleLine, kind: str, disposal: str, row: SaleRow) -> None:
        """Write what happened into the unit's own history, and where it is now. What is sold, was here."""
        when = begins(row.sold_on)
        if unit.received_at is None:
            unit.received_at = when
            store.event(unit, "received", self._actor, at=when, because=kind).save()
        told: dict[str, Any] = {"reference": row.reference, "line": row.line, "sale_line": line.pk}
        store.event(unit, kind, self._actor, at=when, place=row.channel, **told).save()
        unit.disposal = disposal
        unit.save(update_fields=["disposal", "received_at"])
        self.moved.add(unit.pk)


def _certificate(known: drives.UnitFacts) -> str:
    return known.drives[-1].certificate if known.drives else ""
