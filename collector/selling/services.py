"""What happens at the till and in the store: sold, taken back, scrapped, given back, priced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from collector.parties.models import Organisation
from collector.parties.roles import ADMINISTRATOR, FINANCE, TEAM_LEAD
from collector.parties.services import Actor, note
from collector.selling import rules
from collector.selling.errors import SellingProblem
from collector.selling.models import ListPrice
from collector.selling.rules import NoPrice, Typed
from collector.statements import kinds
from collector.statements.services import About, say, speaker
from collector.trade import sales
from collector.trade.lookup import units_by_number
from collector.trade.models import Sale, SaleLine
from collector.trade.sale_rows import Taken
from collector.trade.sales_file import BULK
from collector.units import changing, lots, moving
from collector.units import vocabulary as words
from collector.units.errors import UnitProblem
from collector.units.models import Unit

LEAVES = ("scrapped", "given_back", "own_use")
NO_DATA = frozenset({words.NONE, words.ERASED, words.ATTESTED, words.DESTROYED})
"""What may leave to where nobody answers for the data on it. Only its owner takes back what is not erased."""
MOST = 500


@dataclass(frozen=True)
class Asked:
    """A sale as it was typed. `each_ore`: one price for each; `all_ore`: one for all of them together."""

    channel: str
    reference: str
    sold_on: date
    units: Sequence[Typed]
    each_ore: int | None = None
    all_ore: int | None = None
    paid_on: date | None = None
    buyer: str = ""
    country: str = "DK"
    currency: str = "DKK"
    vat_mode: str = "margin"


def sell(actor: Actor, seller: Organisation, asked: Asked) -> Taken:
    """Sell what was scanned, by the one way in that sales have. What may not be sold says why; the rest is sold."""
    speaker(actor, (FINANCE,), seller)
    if not asked.units:
        raise SellingProblem(problem="nothing was scanned")
    units, known = (
        list(asked.units),
        Sale.objects.filter(seller=seller, channel=asked.channel, reference=asked.reference).first(),
    )
    if asked.all_ore is not None:
        if known is not None:
            raise SellingProblem(problem=f"{asked.reference}: there is a sale of this reference already")
        units = _by_tag_and_serial(units)
    common = {
        "channel": asked.channel, "reference": asked.reference, "sold_on": str(asked.sold_on),
        "paid_on": str(asked.paid_on or ""), "buyer": asked.buyer, "country": asked.country,
        "currency": asked.currency, "vat_mode": asked.vat_mode,
    }  # fmt: skip
    try:
        rows = rules.sale_rows(common, units, first=_next_line(known), each_ore=asked.each_ore, all_ore=asked.all_ore)
    except NoPrice as problem:
        raise SellingProblem(problem=problem) from None
    return sales.import_sales(actor, seller, rules.sales_file(rows), where="the page")


def take_back(
    actor: Actor, seller: Organisation, *, event: str, channel: str, reference: str, line: str, external_id: str,
    price_ore: int, day: date,
) -> Taken:  # fmt: skip
    """Give money back, take a unit back, or cancel a line: an event of its own, never a change of the sale."""
    speaker(actor, (FINANCE,), seller)
    row = {
        "event": event, "channel": channel, "reference": reference, "line": line, "external_id": external_id,
        "sold_on": str(day), "price_ore": str(-price_ore),
    }  # fmt: skip
    return sales.import_sales(actor, seller, rules.sales_file([row]), where="the page")


def leave(actor: Actor, numbers: Sequence[str], where: str, to: str, reason: str) -> str:
    """Scrap units, give them back, or keep them in use: all of them or none, signed. The statement's hash.

    Raise SellingProblem where one of them is not in stock, or still holds data and does not go back to its owner.
    """
    who = speaker(actor, (TEAM_LEAD, ADMINISTRATOR))
    wanted = list(dict.fromkeys(number.strip() for number in numbers if number.strip()))
    if where not in LEAVES or not 0 < len(wanted) <= MOST:
        raise SellingProblem(problem=f"name between 1 and {MOST} units, and where they go: {', '.join(LEAVES)}")
    if not reason.strip():
        raise SellingProblem(problem="a reason is needed: who reads it later was not there")
    with transaction.atomic():
        units = [_in_stock(number, where) for number in wanted]
        owners = {unit.customer_id for unit in units}
        if len(owners) > 1:
            raise SellingProblem(problem="these units belong to several customers: one of them at a time")
        told = {"step": where, "to": to.strip(), "reason": reason.strip(), "units": _listed(units)}
        about = [About("unit", str(unit.pk), where) for unit in units]
        row = say(kinds.CUSTODY, about, told, who, customer=units[0].customer, word=where)
        for unit in units:
            moving.move(actor, unit, where, at=row.said_at, statement=row.sha256, reason=reason.strip())
    return row.sha256


@transaction.atomic
def set_prices(actor: Actor, seller: Organisation, text: str, valid_from: date) -> int:
    """Take a price list in, a line each: kind; grade; price. How many. Raise SellingProblem: then none is taken."""
    speaker(actor, (FINANCE,), seller)
    rows = []
    for number, line in enumerate((one for one in text.splitlines() if one.strip()), 1):
        parts = [part.strip() for part in line.replace("\t", ";").split(";")]
        if len(parts) != 3 or parts[0] not in words.KINDS or not 0 < len(parts[1]) <= 20:
            raise SellingProblem(problem=f"line {number}: write kind; grade; price (laptop; A; 1.500,00)")
        try:
            price = rules.ore(parts[2])
        except NoPrice as problem:
            raise SellingProblem(problem=f"line {number}: {problem}") from None
        rows.append(
            ListPrice(
                seller=seller,
                kind=parts[0],
                grade=parts[1].upper(),
                price_ore=price,
                valid_from=valid_from,
                who=actor.who,
            )
        )
    if not 0 < len(rows) <= MOST:
        raise SellingProblem(problem=f"a price list has 1 to {MOST} lines")
    ListPrice.objects.bulk_create(rows)
    note(actor, "prices.set", seller.name, lines=len(rows), valid_from=str(valid_from))
    return len(rows)


def _in_stock(number: str, where: str) -> Unit:
    try:
        unit = changing.unit_named(number)
    except UnitProblem as problem:
        raise SellingProblem(problem=problem.fields["problem"]) from None
    if unit.disposal != words.STOCK:
        raise SellingProblem(problem=f"{number!r} is not in stock")
    if where != "given_back" and unit.data not in NO_DATA:
        raise SellingProblem(problem=f"{number!r} may hold data still ({unit.data}): erase or destroy it first")
    return unit


def _listed(units: Sequence[Unit]) -> list[dict[str, object]]:
    numbers = lots.numbers_of([unit.pk for unit in units])
    return [{"unit": unit.pk, "kind": unit.kind, "numbers": numbers.get(unit.pk, {})} for unit in units]


def _next_line(known: Sale | None) -> int:
    if known is None:
        return 1
    lines = SaleLine.unfiltered.filter(sale=known).exclude(line=BULK).values_list("line", flat=True)
    return 1 + max((int(line) for line in lines if line.isascii() and line.isdigit()), default=len(lines))


def _by_tag_and_serial(units: Sequence[Typed]) -> list[Typed]:
    """The order of a bulk sale on a page, so that a rest of an øre falls alike however they were scanned."""
    customers = list(Organisation.objects.filter(kind="customer").values_list("pk", flat=True))
    found = units_by_number([one.identifier for one in units], customers)
    numbers = lots.numbers_of([unit.pk for some in found.values() for unit in some])

    def key(one: Typed) -> tuple[str, str, str]:
        named = found.get(one.identifier, [])
        told = numbers.get(named[0].pk, {}) if named else {}
        return (told.get("asset_tag") or [""])[0], (told.get("serial") or [""])[0], one.identifier

    return sorted(units, key=key)
