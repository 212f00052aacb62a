"""What people type at a till -> the rows of a sales file, and prices as people write them -> øre. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from collector.trade.sales_file import BULK, COLUMNS

_PRICE = re.compile(r"(\d{1,3}(?:[.\u00a0 ]\d{3})+|\d{1,10})(?:,(\d{2}))?|(\d{1,10})\.(\d{2})")
MOST_LINES = 1000


class NoPrice(ValueError):
    """A price that cannot be read."""


@dataclass(frozen=True)
class Typed:
    """A unit that was scanned, and its own price where one was typed behind it."""

    identifier: str
    price_ore: int | None


def ore(text: str) -> int:
    """Read 1.500,00 or 1500 or 1500.00 kroner as øre. Raise NoPrice."""
    found = _PRICE.fullmatch(text.strip())
    if found is None:
        raise NoPrice(f"{text.strip()[:20]!r} is no price: write 1500 or 1.500,00")
    if found[3] is not None:
        return int(found[3]) * 100 + int(found[4])
    return int(re.sub(r"\D", "", found[1])) * 100 + int(found[2] or 0)


def lines(text: str) -> list[Typed]:
    """Read what was scanned: a line each, a price behind a semicolon or a tab where there is one. Raise NoPrice."""
    found = []
    for line in text.splitlines():
        identifier, mark, price = (part.strip() for part in re.split("([;\t])", f"{line};", maxsplit=1))
        price = price.rstrip(";\t ").strip()
        if identifier:
            found.append(Typed(identifier, ore(price) if mark and price else None))
    if len(found) > MOST_LINES:
        raise NoPrice(f"at most {MOST_LINES} units at once")
    if twice := [one.identifier for one in found if [o.identifier for o in found].count(one.identifier) > 1]:
        raise NoPrice(f"{twice[0]!r} was scanned twice")
    return found


def sale_rows(
    common: Mapping[str, str], units: Sequence[Typed], *, first: int, each_ore: int | None, all_ore: int | None
) -> list[dict[str, str]]:
    """Write the rows of a sale, numbered from `first`; with one price for all of them it is a bulk sale."""
    if all_ore is not None:
        head = {**common, "line": BULK, "price_ore": str(all_ore)}
        return [head, *({**common, "line": str(n), "identifier": u.identifier} for n, u in enumerate(units, first))]
    found = []
    for number, unit in enumerate(units, first):
        price = unit.price_ore if unit.price_ore is not None else each_ore
        if price is None:
            raise NoPrice(f"{unit.identifier!r} has no price: write one behind it, or one for each")
        found.append({**common, "line": str(number), "identifier": unit.identifier, "price_ore": str(price)})
    return found


def sales_file(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Write rows as the file that sales are taken in from: one way in, with one set of checks."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
