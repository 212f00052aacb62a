"""Documents of closed settlements, as they were made when it was closed: read, and written to a file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from agent import files
from agent.certificates import jws
from collector.trade.errors import NoSettlement
from collector.trade.models import Agreement, Settlement, SettlementFile
from collector.trade.rules.days import Period
from collector.trade.statement import LARGEST_BYTES, TYPE

ENDINGS = ("pdf", "csv", "xlsx", "jws", "xml")


def write(seller: str, number: int, out: Path) -> int:
    """Write a document to a file, whole or not at all; how many bytes. Raise NoSettlement."""
    kind = out.suffix.removeprefix(".")
    if kind not in ENDINGS:
        raise NoSettlement(number=number, problem=f"{out.name} ends in none of {', '.join('.' + e for e in ENDINGS)}")
    found = Settlement.unfiltered.filter(seller__name=seller, number=number).first()
    if found is None:
        raise NoSettlement(number=number, problem=f"{seller!r} has none with this number")
    data = document(found, kind)
    try:
        with files.written_whole(out) as file:
            file.write(data)
    except OSError as error:
        raise NoSettlement(number=number, problem=f"{out}: {error.strerror or error}") from None
    return len(data)


def document(settlement: Settlement, kind: str) -> bytes:
    """Read a document. Raise NoSettlement where there is none, or where it is not what was written."""
    row = SettlementFile.unfiltered.filter(settlement=settlement, kind=kind).first()
    if row is None:
        problem = "no invoice was made: there are no services, or a CVR or GLN was missing" if kind == "xml" else "none"
        raise NoSettlement(number=settlement.number, problem=problem)
    data = bytes(row.data)
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise NoSettlement(number=settlement.number, problem=f"its .{kind} was changed since it was made")
    return data


def closed_document(agreement: Agreement, period: Period) -> dict[str, Any] | None:
    """Read a closed period's document out of what was signed; None where it is not closed."""
    rows = Settlement.unfiltered.filter(period__agreement=agreement, period__first_day=period.first)
    found = rows.filter(period__last_day=period.last).first()
    if found is None:
        return None
    payload = jws.read_unverified(document(found, "jws"), typ=TYPE, most=LARGEST_BYTES).payload
    return msgspec.json.decode(payload, type=dict[str, Any])
