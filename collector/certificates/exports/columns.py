"""What stands in which column, for whom, and under which heading. Pure.

Programs get names and values as they were signed; people get words of their language. Prices are in none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from agent.certificates.record import Record
from collector.certificates.rules import Shown

Language = Literal["da", "en"]
Cell = str | int | float | datetime | None
Audience = Literal["full", "buyer", "finance"]
"""Who reads it: own staff, and the customer whose certificates they are; a buyer, who learns neither customer nor tag
nor person; those who pay and are paid, who get id and outcome."""


@dataclass(frozen=True)
class Column:
    """One column. `value`: as it was signed; `spoken`: as a person of that language reads it, where that differs."""

    name: str
    da: str
    en: str
    value: Callable[[Shown], Cell]
    spoken: Callable[[Cell, Language], Cell] | None = None
    width: int = 16

    def heading(self, language: Language) -> str:
        """Return its heading."""
        return self.da if language == "da" else self.en


HEADINGS: Mapping[str, tuple[str, str]] = {
    "erased": ("Slettet", "Erased"),
    "unread": ("Slettet, ikke læst tilbage", "Erased, not read back"),
    "attested": ("Attesteret, ikke målt", "Attested, not measured"),
    "again": ("Ikke slettet: slet igen", "Not erased: erase again"),
    "failed": ("Ikke slettet: destruer", "Not erased: destroy"),
    "aborted": ("Afbrudt", "Stopped before its end"),
    "refused": ("Ikke slettet", "Not erased"),
    "does_not_hold": ("Holder ikke", "Does not hold"),
}
READ_BACK = {"full": ("alt", "all of it"), "sample": ("stikprøve", "a sample"), "none": ("intet", "nothing")}


def columns_for(audience: Audience) -> tuple[Column, ...]:
    """Choose the columns that this audience may read."""
    if audience == "full":
        return ALL
    hidden = PERSONAL if audience == "buyer" else frozenset(column.name for column in ALL) - FOR_FINANCE
    return tuple(column for column in ALL if column.name not in hidden)


def moment(text: str) -> datetime | None:
    """Read a time as it was signed. None where it is none."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _of(read: Callable[[Record], Cell]) -> Callable[[Shown], Cell]:
    """A value of the signed record; of one that does not hold there is none."""

    def value(row: Shown) -> Cell:
        return None if row.certificate is None else read(row.certificate.record)

    return value


def _by_key(words: Mapping[str, tuple[str, str]]) -> Callable[[Cell, Language], Cell]:
    def spoken(cell: Cell, language: Language) -> Cell:
        pair = words.get(str(cell))
        return cell if pair is None else pair[language == "en"]

    return spoken


def _gigabytes(cell: Cell, _: Language) -> Cell:
    return round(cell / 1e9, 1) if isinstance(cell, int) else cell


def _moment(cell: Cell, _: Language) -> Cell:
    return moment(cell) or cell if isinstance(cell, str) else cell


def _differences(row: Shown) -> Cell:
    return ", ".join(difference.column for difference in row.differences)


def _operator(record: Record) -> Cell:
    return (record.operator.name or record.operator.id) if record.operator else ""


def _device(record: Record) -> Cell:
    asset = record.asset
    return " ".join(part for part in (asset.manufacturer, asset.model) if part) if asset else ""


def _device_serial(record: Record) -> Cell:
    return record.asset.serial if record.asset else ""


ALL: tuple[Column, ...] = (
    Column("number", "Nummer", "Number", _of(lambda r: r.number), width=20),
    Column("outcome", "Udfald", "Outcome", lambda row: row.heading, _by_key(HEADINGS), 24),
    Column("level", "Niveau", "Level", _of(lambda r: r.sanitization.level)),
    Column("finished_at", "Færdig (UTC)", "Finished (UTC)", _of(lambda r: r.finished_at), _moment, 18),
    Column("clock_synchronised", "Ur stillet", "Clock set", _of(lambda r: int(r.clock.synchronised)), None, 8),
    Column("vendor", "Fabrikat", "Vendor", _of(lambda r: r.drive.vendor)),
    Column("model", "Model", "Model", _of(lambda r: r.drive.model), width=24),
    Column("serial", "Serienummer", "Serial number", _of(lambda r: r.drive.serial), width=20),
    Column("wwn", "WWN", "WWN", _of(lambda r: r.drive.wwn), width=20),
    Column("media", "Medie", "Media", _of(lambda r: r.drive.media), width=8),
    Column("capacity_bytes", "Kapacitet (GB)", "Capacity (GB)", _of(lambda r: r.drive.capacity_bytes), _gigabytes, 12),
    Column("technique", "Teknik", "Technique", _of(lambda r: r.sanitization.technique)),
    Column("method", "Metode", "Method", _of(lambda r: r.sanitization.method)),
    Column("read_back", "Læst tilbage", "Read back", _of(lambda r: r.verification.kind), _by_key(READ_BACK), 12),
    Column("reason", "Årsagskode", "Reason code", _of(lambda r: r.reason.code if r.reason else ""), width=10),
    Column("asset_tag", "Inventarnummer", "Asset tag", _of(lambda r: r.asset.tag if r.asset else "")),
    Column("asset_kind", "Enhed", "Device", _of(lambda r: r.asset.kind if r.asset else ""), width=12),
    Column("asset_model", "Enhedens model", "Device model", _of(_device)),
    Column("asset_serial", "Enhedens serienummer", "Device serial number", _of(_device_serial), width=20),
    Column("customer", "Kunde", "Customer", _of(lambda r: r.customer.name if r.customer else ""), width=24),
    Column("lot", "Parti", "Lot", _of(lambda r: r.customer.lot if r.customer else "")),
    Column("reference", "Reference", "Reference", _of(lambda r: r.customer.reference if r.customer else "")),
    Column("operator", "Udført af", "Operator", _of(_operator)),
    Column("grade", "Karakter", "Grade", _of(lambda r: r.disposition.grade if r.disposition else ""), width=8),
    Column("station", "Station", "Station", _of(lambda r: r.station.id)),
    Column("location", "Sted", "Location", _of(lambda r: r.station.location)),
    Column("certificate", "Certifikat-id", "Certificate id", lambda row: row.id, width=66),
    Column("key", "Nøgle", "Key", lambda row: row.examined.key_id, width=46),
    Column("problem", "Holder ikke, fordi", "Does not hold because", lambda row: row.problem, width=30),
    Column("row_differs", "Rækken siger andet om", "Row differs in", _differences, width=20),
)
PERSONAL = frozenset({"asset_tag", "customer", "lot", "reference", "operator", "location", "row_differs"})
FOR_FINANCE = frozenset({"number", "outcome", "certificate", "problem"})
