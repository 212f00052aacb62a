"""The file of sales: CSV, each row checked by itself. Pure.

What a row says is taken as it stands; whether a unit may be sold, and what stands in the books already, is another
question (sales.py).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeVar

from collector.moments import YEARS
from collector.text import clean
from collector.trade.rules import terms
from collector.trade.rules.money import LARGEST_ORE
from collector.trade.rules.terms import VatMode

COLUMNS = (
    "event", "channel", "reference", "line", "external_id", "sold_on", "paid_on", "buyer", "country", "identifier",
    "kind", "grade", "quantity", "price_ore", "currency", "vat_mode", "costs_ore",
)  # fmt: skip
NEEDED = ("channel", "reference", "line", "sold_on", "price_ore")
CHANNELS = ("web", "broker", "shop", "internal", "donation")
LARGEST_BYTES, MOST_ROWS = 64 << 20, 200_000
BULK = "bulk"
Event = Literal["sale", "refund", "return", "cancel"]
EVENTS: tuple[Event, ...] = ("sale", "refund", "return", "cancel")
_LONGEST = {"reference": 100, "line": 40, "external_id": 100, "grade": 20, "identifier": 128, "buyer": 200}
T = TypeVar("T", bound=str)
_WHOLE = re.compile(r"-?[0-9]{1,16}")


@dataclass(frozen=True)
class Problem:
    """Why a row was not taken."""

    row: int
    column: str
    problem: str


@dataclass(frozen=True)
class SaleRow:
    """A row as it was read. `price_ore` is None where a bulk sale's units have none of their own."""

    row: int
    event: Event
    channel: str
    reference: str
    line: str
    external_id: str
    sold_on: date
    paid_on: date | None
    buyer: str
    country: str
    identifier: str
    kind: str
    grade: str
    quantity: int
    price_ore: int | None
    currency: str
    vat_mode: VatMode | None
    costs_ore: int

    @property
    def is_bulk(self) -> bool:
        """Whether it is the one price of a bulk sale."""
        return self.event == "sale" and self.line == BULK


class WrongCell(ValueError):
    """A cell that says nothing that can be used."""

    def __init__(self, column: str, problem: str) -> None:
        super().__init__(problem)
        self.column, self.problem = column, problem


class NoSalesFile(ValueError):
    """The file as a whole cannot be read."""


def read(data: bytes) -> Iterator[SaleRow | Problem]:
    """Read the rows, in the file's order; row 1 is the first under the headings. Raise NoSalesFile."""
    rows = csv.DictReader(io.StringIO(_text(data), newline=""), delimiter=_delimiter(data), strict=True)
    try:
        headings = [name.strip() for name in rows.fieldnames or ()]
        _check(headings)
        rows.fieldnames = headings
        for number, cells in enumerate(rows, 1):
            if number > MOST_ROWS:
                raise NoSalesFile(f"it has more than {MOST_ROWS} rows")
            yield _row(number, cells)
    except csv.Error as error:
        raise NoSalesFile(f"line {rows.line_num}: it is no CSV: {error}") from None


def _text(data: bytes) -> str:
    if len(data) > LARGEST_BYTES:
        raise NoSalesFile(f"it has more than {LARGEST_BYTES >> 20} MiB")
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise NoSalesFile("it is neither UTF-8 nor UTF-16") from None


def _delimiter(data: bytes) -> str:
    head = data.replace(b"\0", b"").splitlines()[:1] or [b""]
    return max(",;\t", key=lambda one: head[0].count(one.encode()))


def _check(headings: list[str]) -> None:
    missing = [name for name in NEEDED if name not in headings]
    unknown = [name for name in headings if name not in COLUMNS]
    twice = [name for name in dict.fromkeys(headings) if headings.count(name) > 1]
    if missing:
        raise NoSalesFile(f"columns are missing: {', '.join(missing)}")
    if unknown:
        raise NoSalesFile(
            f"columns that nobody knows: {', '.join(clean(n, 40) for n in unknown)}; known: {', '.join(COLUMNS)}"
        )
    if twice:
        raise NoSalesFile(f"columns that stand twice: {', '.join(twice)}")


def _row(number: int, cells: dict[str | None, str | list[str] | None]) -> SaleRow | Problem:
    try:
        if None in cells:
            raise WrongCell("", "it has more cells than there are headings")
        told = {str(name): (value if isinstance(value, str) else "").strip() for name, value in cells.items()}
        return _read(number, told)
    except WrongCell as wrong:
        return Problem(number, wrong.column, wrong.problem)


def _read(number: int, told: dict[str, str]) -> SaleRow:
    for column, longest in _LONGEST.items():
        if len(told.get(column, "")) > longest:
            raise WrongCell(column, f"longer than {longest} characters")
    event = _one_of(told, "event", EVENTS, "sale")
    row = SaleRow(
        row=number,
        event=event,
        channel=_one_of(told, "channel", CHANNELS),
        reference=_filled(told, "reference"),
        line=_filled(told, "line"),
        external_id=told.get("external_id", ""),
        sold_on=_day(told, "sold_on") or _nothing("sold_on", "a day is missing: 2026-01-31"),
        paid_on=_day(told, "paid_on"),
        buyer=clean(told.get("buyer", "")),
        country=_country(told.get("country", "")),
        identifier=told.get("identifier", ""),
        kind=_one_of(told, "kind", (*terms.KINDS, ""), ""),
        grade=told.get("grade", ""),
        quantity=_number(told, "quantity", 1, least=1, most=100_000),
        price_ore=_number(told, "price_ore") if told.get("price_ore") else None,
        currency=told.get("currency", "").upper(),
        vat_mode=_one_of(told, "vat_mode", terms.VAT_MODES) if told.get("vat_mode") else None,
        costs_ore=_number(told, "costs_ore", 0, least=0),
    )
    _fits(row)
    return row


def _fits(row: SaleRow) -> None:
    """What the cells of a row say together."""
    if row.event != "sale":
        if not row.external_id:
            raise WrongCell("external_id", f"a {row.event} needs an id of its own, by which it is taken once")
        if row.price_ore is None or row.price_ore > 0 or (row.price_ore == 0 and row.event == "refund"):
            raise WrongCell("price_ore", f"a {row.event} gives money back: allowed is a number below 0")
        return
    if row.price_ore is not None and row.price_ore < 0:
        raise WrongCell(
            "price_ore", f"{row.price_ore} is below 0; money given back is an event: refund, return, cancel"
        )
    if row.is_bulk and (row.identifier or row.price_ore is None):
        column = "price_ore" if row.price_ore is None else "identifier"
        raise WrongCell(
            column, "a bulk sale's row has its price and no identifier; its units follow in rows of their own"
        )
    if row.identifier and row.quantity != 1:
        raise WrongCell("quantity", f"{row.quantity}: a unit is one piece")
    if not row.is_bulk and not row.identifier and not row.kind:
        raise WrongCell("identifier", "neither an identifier nor a kind: nobody knows what was sold")


def _nothing(column: str, problem: str) -> date:
    raise WrongCell(column, problem)


def _filled(told: dict[str, str], column: str) -> str:
    if not told.get(column):
        raise WrongCell(column, "empty")
    return told[column]


def _one_of(told: dict[str, str], column: str, allowed: tuple[T, ...], otherwise: T | None = None) -> T:
    text = told.get(column, "").lower()
    found = next((one for one in allowed if one == text), None) if text else otherwise
    if found is None:
        raise WrongCell(column, f"{text!r}: allowed is one of {', '.join(one for one in allowed if one)}")
    return found


def _day(told: dict[str, str], column: str) -> date | None:
    text = told.get(column, "")
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            found = date.fromisoformat(text)
            if found.year not in YEARS:
                raise WrongCell(column, f"{text!r}: allowed are the years {YEARS.start} to {YEARS.stop - 1}")
            return found
    except ValueError:
        raise WrongCell(column, f"{text!r}: there is no such day") from None
    if text:
        raise WrongCell(column, f"{text!r}: a day is written 2026-01-31")
    return None


def _number(
    told: dict[str, str],
    column: str,
    otherwise: int | None = None,
    *,
    least: int = -LARGEST_ORE,
    most: int = LARGEST_ORE,
) -> int:
    text = told.get(column, "")
    if not text and otherwise is not None:
        return otherwise
    if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
        what = "a whole number of øre" if column.endswith("_ore") else "a whole number"
        raise WrongCell(column, f"{clean(text, 40)!r}: allowed is {what} from {least} to {most}")
    return int(text)


def _country(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z]{2}", text):
        raise WrongCell("country", f"{text!r}: allowed are the two letters of ISO 3166: DK")
    return text.upper()
