"""A certificate -> what it is found by. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from agent.certificates.record import Record
from collector.certificates import identifiers
from collector.certificates.search_text import fold
from collector.text import clean

COLUMNS = (
    "number", "drive_serial", "serial", "wwn", "asset_tag", "imei14", "meid14", "lot", "customer_name", "operator",
    "operator_name", "text",
)  # fmt: skip
NORMS = {
    "drive_serial_norm": "drive_serial",
    "asset_serial_norm": "serial",
    "wwn_norm": "wwn",
    "asset_tag_norm": "asset_tag",
    "imei14": "imei14",
    "meid14": "meid14",
}
LONGEST_TEXT = 4000  # characters; a certificate with longer ones is found by its beginning
# A mark is three characters of a private use area, which no folded text holds: one trigram of an index for one row
# filter. Customers have the first area by their number, operators and lots halves of a supplementary one by their hash.
FIRST, BASE = 0xE000, 6400
FIRST_HASHED, HALF = 0xF0000, 32_000


def row_of(record: Record) -> dict[str, str]:
    """Write the columns of a certificate that verified."""
    customer, asset, drive, operator = record.customer, record.asset, record.drive, record.operator
    told = identifiers.identifiers_of(record)
    row = _empty()
    row |= {NORMS[name]: norm for name, norm in identifiers.norms_of(told).items()}
    row |= {
        "number": _name(record.number),
        "lot": _name(customer.lot if customer else ""),
        "customer_name": _name(customer.name if customer else ""),
        "operator": _name(operator.id if operator else ""),
        "operator_name": _name((operator.name if operator else "") or ""),
    }
    seen = [drive.vendor, drive.model, drive.serial, drive.wwn, record.station.id]
    seen += [asset.tag, asset.serial, asset.model, asset.manufacturer] if asset else []
    seen += [customer.reference] if customer else []
    for one in told:
        seen += [one.seen_as, one.norm]
    row["text"] = _lines([*row.values(), *(clean(text) for text in seen if text)])
    return row


def row_of_columns(told: Mapping[str, str]) -> dict[str, str]:
    """Write the columns of one whose bytes are no certificate any more: found by what its row told, to be looked at."""
    row = _empty() | {
        "number": _name(told["number"]),
        "drive_serial": identifiers.serial(told["serial"]),
        "asset_tag": identifiers.asset_tag(told["asset_tag"]),
        "lot": _name(told["lot"]),
        "customer_name": _name(told["customer_name"]),
        "operator": _name(told["operator"]),
    }
    row["text"] = _lines([*row.values(), told["serial"], told["asset_tag"], told["model"]])
    return row


def customer_mark(customer: int) -> str:
    """Write the mark of a customer's rows."""
    return "".join(
        chr(FIRST + digit) for digit in (customer // BASE**2 % BASE, customer // BASE % BASE, customer % BASE)
    )


def operator_mark(operator: str) -> str:
    """Write the mark of an operator's rows."""
    return _hashed(operator, 0)


def lot_mark(lot: str) -> str:
    """Write the mark of a lot's rows."""
    return _hashed(lot, HALF)


def marks_of(customer: int | None, operator: str, lot: str) -> str:
    """Write the marks of a row, each on a line of its own."""
    found = [] if customer is None else [customer_mark(customer)]
    found += [operator_mark(operator)] if operator else []
    return "\n".join(found + ([lot_mark(lot)] if lot else []))


def _hashed(text: str, offset: int) -> str:
    digest = hashlib.blake2s(text.encode("utf-8", "replace"), digest_size=6).digest()
    parts = (int.from_bytes(digest[place : place + 2], "big") % HALF for place in (0, 2, 4))
    return "".join(chr(FIRST_HASHED + offset + part) for part in parts)


def _empty() -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "")


def _name(text: str) -> str:
    return identifiers.name(clean(text))


def _lines(texts: Iterable[str]) -> str:
    once = dict.fromkeys(text for text in texts if text)
    return "\n".join(dict.fromkeys(folded for text in once if (folded := fold(text))))[:LONGEST_TEXT]
