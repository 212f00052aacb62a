"""What happens in the simulated year, worked out from a seed: the same day gives the same year. Pure.

A year is the three quarters before this one, which can be closed, and this one up to today, which cannot. Everything
here is what files and stations say; what it comes to is for the collector to work out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count

COMPUTERS, TABLETS, PHONES = ("laptop", "desktop"), ("tablet",), ("phone",)
GRADES = ("A", "B", "C")
HANDSETS = frozenset((*TABLETS, *PHONES))
MODELS = {
    "laptop": (("Lenovo", "ThinkPad T14"), ("HP", "EliteBook 840"), ("Dell", "Latitude 5420")),
    "desktop": (("Dell", "OptiPlex 7080"), ("HP", "EliteDesk 800")),
    "tablet": (("Apple", "iPad 9"), ("Samsung", "Galaxy Tab A8")),
    "phone": (("Apple", "iPhone 12"), ("Samsung", "Galaxy A52")),
    "printer": (("Brother", "HL-L2350"),),
}
PRICE_ORE = {"laptop": 165_000, "desktop": 98_000, "tablet": 74_950, "phone": 61_295}
WORTH = {"A": 100, "B": 82, "C": 55}
"""Percent of the price that a grade fetches."""
UNSOLD, MISSING, FAILED, ABROAD = 5, 1, 2, 3
"""Of a hundred devices: never sold; not handed over; computers whose drive fails; and of orders: to outside the EU."""
REFUNDED, RETURNED = 2, 2
SMALL_KINDS = 20
"""Pieces of small kinds that each quarter sells without numbers of their own."""


@dataclass(frozen=True)
class Quarter:
    """A quarter of the year, as far as it has gone."""

    name: str
    first: date
    last: date
    over: bool


@dataclass(frozen=True)
class Town:
    """A municipality, who works for it, and how much it hands over."""

    name: str
    short: str
    seller: str
    seller_kind: str
    operator: str
    title: str
    computers: int
    tablets: int
    phones: int
    terms: tuple[str, str]
    """The agreement's first version, and the one that is in force from the third quarter on (TOML)."""

    @property
    def devices(self) -> int:
        """How many there are."""
        return self.computers + self.tablets + self.phones


@dataclass(frozen=True)
class Device:
    """A device, and what becomes of it."""

    tag: str
    serial: str
    imei: str
    kind: str
    maker: str
    model: str
    quarter: int
    lot: str
    drives: int
    erased_on: date
    fate: str
    """sold, stock, missing, failed."""
    grade: str


@dataclass(frozen=True)
class SaleRow:
    """A row of a seller's sales file."""

    reference: str
    line: str
    sold_on: date
    identifier: str = ""
    event: str = "sale"
    channel: str = "web"
    external_id: str = ""
    buyer: str = ""
    country: str = "DK"
    kind: str = ""
    grade: str = ""
    quantity: int = 1
    price_ore: int | None = None
    vat_mode: str = "margin"


@dataclass
class Year:
    """A town's year: its devices, and a sales file for each quarter."""

    town: Town
    quarters: tuple[Quarter, ...]
    devices: list[Device] = field(default_factory=list)
    printers: list[Device] = field(default_factory=list)
    """What a school puts on the lorry that no register names."""
    sales: list[list[SaleRow]] = field(default_factory=list)

    def of_quarter(self, place: int) -> list[Device]:
        """List what was handed over in a quarter."""
        return [one for one in self.devices if one.quarter == place]


def quarters(today: date) -> tuple[Quarter, ...]:
    """List the three quarters before today's, and today's."""
    year, place = today.year, (today.month - 1) // 3
    found = []
    for back in (3, 2, 1, 0):
        at = year * 4 + place - back
        first, after = date(at // 4, at % 4 * 3 + 1, 1), date((at + 1) // 4, (at + 1) % 4 * 3 + 1, 1)
        last = after - timedelta(days=1)
        found.append(Quarter(f"{at // 4}-Q{at % 4 + 1}", first, min(last, today), over=back > 0))
    return tuple(found)


def plan(town: Town, today: date, seed: int = 1) -> Year:
    """Work a town's year out."""
    dice = random.Random(f"{seed} {town.short}")
    year = Year(town, quarters(today))
    kinds = [*_kinds(dice, town.computers), *["tablet"] * town.tablets, *["phone"] * town.phones]
    dice.shuffle(kinds)
    fates = _fates(dice, kinds)
    for number, (kind, fate) in enumerate(zip(kinds, fates, strict=True), 1):
        year.devices.append(_device(dice, year, number, kind, fate))
    year.printers = [_printer(year, number) for number in range(1, 4)]
    year.sales = [[] for _ in year.quarters]
    _sell(dice, year)
    return year


def _kinds(dice: random.Random, computers: int) -> list[str]:
    return [dice.choices(COMPUTERS, (4, 1))[0] for _ in range(computers)]


def _fates(dice: random.Random, kinds: list[str]) -> list[str]:
    """Deal out what becomes of each: so many missing, so many computers whose drive fails, so many unsold."""
    fates = ["sold"] * len(kinds)
    computers = [place for place, kind in enumerate(kinds) if kind in COMPUTERS]
    for place in dice.sample(computers, max(1, len(kinds) * FAILED // 100)):
        fates[place] = "failed"
    for fate, part in (("missing", MISSING), ("stock", UNSOLD)):
        left = [place for place, told in enumerate(fates) if told == "sold"]
        for place in dice.sample(left, max(1, len(kinds) * part // 100)):
            fates[place] = fate
    return fates


def _printer(year: Year, number: int) -> Device:
    short, first = year.town.short, year.quarters[0]
    maker, model = MODELS["printer"][0]
    lot, serial = f"{short}-{first.name}", f"{short}PRN{number:05}"
    return Device(f"{short}-P{number:03}", serial, "", "printer", maker, model, 0, lot, 0, first.first, "stock", "")


def _device(dice: random.Random, year: Year, number: int, kind: str, fate: str) -> Device:
    town, place = year.town, (number - 1) * len(year.quarters) // year.town.devices
    quarter = year.quarters[place]
    maker, model = dice.choice(MODELS[kind])
    days = (quarter.last - quarter.first).days
    return Device(
        tag=f"{town.short}-{number:05}",
        serial=f"{town.short}{kind[:2].upper()}{number:06}",
        imei=imei(35_000_000 + sum(town.short.encode()), number) if kind in HANDSETS else "",
        kind=kind,
        maker=maker,
        model=model,
        quarter=place,
        lot=f"{town.short}-{quarter.name}",
        drives=0 if kind in HANDSETS else 2 if kind == "desktop" and dice.randrange(10) == 0 else 1,
        erased_on=quarter.first + timedelta(days=dice.randint(0, days // 2)),
        fate=fate,
        grade=dice.choices(GRADES, (5, 3, 2))[0],
    )


def imei(office: int, number: int) -> str:
    """Write an IMEI: type 8 digits, number 6, and the check digit over both (3GPP TS 23.003, annex B)."""
    body = f"{office:08}{number:06}"
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(body))
    return body + str(-sum(n // 10 + n % 10 for n in doubled) % 10)


def _sell(dice: random.Random, year: Year) -> None:
    """Write the sales files: web orders of one unit, brokers' orders of many, one bulk sale, and what comes after."""
    numbers = count(1)
    for place in range(len(year.quarters)):
        sold = [one for one in year.of_quarter(place) if one.fate == "sold"]
        bulk = [one for one in sold if one.kind in TABLETS][: max(3, len(sold) // 40)] if place == 1 else []
        if bulk:
            year.sales[place] += _bulk(dice, year, place, bulk)
        rest = [one for one in sold if one not in bulk]
        for order in _orders(dice, rest):
            year.sales[place] += _order(dice, year, place, order, f"{year.town.short}-{next(numbers):06}")
        year.sales[place].append(_small(dice, year, place))
    for place in range(len(year.quarters) - 1):
        _afterwards(dice, year, place)


def _orders(dice: random.Random, devices: list[Device]) -> Iterator[list[Device]]:
    left = list(devices)
    while left:
        size = 1 if dice.randrange(10) else min(len(left), dice.randint(2, 25))
        yield left[:size]
        left = left[size:]


def _order(dice: random.Random, year: Year, place: int, order: list[Device], reference: str) -> Iterator[SaleRow]:
    last = year.quarters[place].last
    abroad = dice.randrange(100) < ABROAD
    country = "NO" if abroad else dice.choices(("DK", "DE", "SE"), (90, 5, 5))[0]
    mode = "export" if abroad else dice.choices(("margin", "standard"), (9, 1))[0]
    channel = "web" if len(order) == 1 else "broker"
    earliest = max(one.erased_on for one in order)
    day = earliest + timedelta(days=dice.randint(0, (last - earliest).days))
    for number, one in enumerate(order, 1):
        price = PRICE_ORE[one.kind] * WORTH[one.grade] // 100 + dice.randrange(-9_999, 9_999)
        yield SaleRow(
            reference=reference, line=str(number), sold_on=day, identifier=one.serial, channel=channel,
            buyer="" if channel == "web" else "Nordic Broker ApS", country=country, grade=one.grade, price_ore=price,
            vat_mode=mode,
        )  # fmt: skip


def _bulk(dice: random.Random, year: Year, place: int, devices: list[Device]) -> Iterator[SaleRow]:
    """One price for all: a row with it, then the units with none."""
    day, reference = year.quarters[place].last, f"{year.town.short}-BULK"
    price = sum(PRICE_ORE[one.kind] for one in devices) // 3 + dice.randrange(1, 97)
    facts = {"reference": reference, "sold_on": day, "channel": "broker", "buyer": "Nordic Broker ApS"}
    yield SaleRow(line="bulk", price_ore=price, **facts)  # type: ignore[arg-type]
    for number, one in enumerate(devices, 1):
        yield SaleRow(line=str(number), identifier=one.serial, grade=one.grade, **facts)  # type: ignore[arg-type]


def _small(dice: random.Random, year: Year, place: int) -> SaleRow:
    quarter = year.quarters[place]
    return SaleRow(
        reference=f"{year.town.short}-S{place + 1}", line="1", sold_on=quarter.last, channel="shop", kind="other",
        quantity=SMALL_KINDS, price_ore=SMALL_KINDS * 2_500 + dice.randrange(99), vat_mode="standard",
    )  # fmt: skip


def _afterwards(dice: random.Random, year: Year, place: int) -> None:
    """Refunds and returns, told in the next quarter's file; one refund is of the first quarter, and comes late."""
    after = place + 1
    quarter = year.quarters[after]
    single = [row for row in year.sales[place] if row.price_ore and row.identifier and row.event == "sale"]
    some = dice.sample(single, max(2, len(single) * (REFUNDED + RETURNED) // 100))
    for number, row in enumerate(some):
        day = quarter.first + timedelta(days=min(dice.randint(0, 9), (quarter.last - quarter.first).days))
        assert row.price_ore is not None
        if number % 2:
            year.sales[after].append(_event(row, "refund", day, -(row.price_ore // 10)))
            continue
        year.sales[after].append(_event(row, "return", day, -row.price_ore))
        if number % 4 == 0:
            year.sales[after].append(_again(row, day))
    if place == 0:
        late = next(row for row in single if row not in some)
        assert late.price_ore is not None
        year.sales[2].append(_event(late, "refund", year.quarters[0].last, -(late.price_ore // 7)))


def _event(row: SaleRow, event: str, day: date, price: int) -> SaleRow:
    return SaleRow(
        reference=row.reference, line=row.line, sold_on=day, event=event, channel=row.channel,
        external_id=f"{event}-{row.reference}-{row.line}", country=row.country, price_ore=price, vat_mode=row.vat_mode,
    )  # fmt: skip


def _again(row: SaleRow, day: date) -> SaleRow:
    """The unit that came back is sold once more, for less."""
    assert row.price_ore is not None
    return SaleRow(
        reference=f"{row.reference}-{row.line}-2", line="1", sold_on=day, identifier=row.identifier, country="DK",
        grade=row.grade, price_ore=row.price_ore * 8 // 10, vat_mode="margin",
    )  # fmt: skip
