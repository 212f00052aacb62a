"""Headings of registers -> what their columns are. Pure.

Known are the headings of Intune, Snipe-IT, GLPI, Jamf and ServiceNow, those that people write in Danish, and our own.
Whatever names persons is not kept, and neither is what nobody knows: both are said.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from collector.certificates.identifiers import name
from collector.text import visible

CANONICAL = (
    "serial", "asset_tag", "imei", "imei2", "meid", "eid", "kind", "manufacturer", "model", "location", "department",
    "state", "encrypted", "last_seen", "device_id",
)  # fmt: skip
IDENTIFYING = ("serial", "asset_tag", "imei", "imei2", "meid")
MOST_HEADINGS = 200
LOOK_FOR_HEADINGS = 10
"""Rows at a file's beginning in which its headings may stand: registers begin with a title."""
ALIKE = 0.5
"""A heading row that has half of a remembered one's headings is that file, changed."""

# Each canonical column: the headings that are known for it, the surest first.
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "serial": (
        "serial", "serial number", "serialnumber", "serial no", "serial no.", "device serial", "serienummer", "serienr",
        "serienr.", "serie nr", "serie nr.", "s/n", "sn", "numéro de série", "seriennummer", "service tag",
    ),
    "asset_tag": (
        "asset tag", "asset_tag", "assettag", "asset number", "inventory number", "inventarnummer", "inventarnr",
        "inventarnr.", "inventar nr", "inventar nr.", "aktivnummer", "aktivnr", "aktivnr.", "mærkenummer",
        "numéro d'inventaire", "inventory/asset number", "otherserial",
    ),
    "imei": ("imei", "imei1", "imei 1", "imei nummer", "imei-nummer", "imei number", "imei nr", "imei nr."),
    "imei2": ("imei2", "imei 2", "anden imei", "second imei"),
    "meid": ("meid",),
    "eid": ("eid",),
    "kind": (
        "kind", "type", "device type", "devicetype", "category", "kategori", "enhedstype", "udstyrstype", "art",
        "asset type", "computertype",
    ),
    "manufacturer": ("manufacturer", "make", "producent", "fabrikat", "mærke", "brand", "fabricant", "vendor"),
    "model": ("model", "model name", "modelnavn", "modèle", "modell", "model number"),
    "location": ("location", "lokation", "placering", "sted", "lieu", "building", "bygning", "site"),
    "department": ("department", "afdeling", "forvaltning", "enhed", "entity", "company", "skole", "institution"),
    "state": (
        "state", "status", "device state", "install_status", "install status", "tilstand", "statut", "kasseret",
    ),
    "encrypted": ("encrypted", "isencrypted", "krypteret", "encryption", "kryptering", "bitlocker", "filevault"),
    "last_seen": (
        "last check-in", "last checkin", "lastcontact", "last contact", "last seen", "last_seen", "sidst set",
        "sidste kontakt", "last inventory update", "last inventory date",
    ),
    "device_id": ("device id", "deviceid", "intune device id"),
}  # fmt: skip
SYSTEMS: Mapping[str, frozenset[str]] = {
    "intune": frozenset({"last check-in", "device id", "enrollment date", "ownership"}),
    "snipe-it": frozenset({"asset name", "checked out to", "purchase cost", "asset notes", "checkout type"}),
    "glpi": frozenset({"entity", "inventory number", "inventarnummer", "otherserial"}),
    "servicenow": frozenset({"install_status", "substatus", "assigned_to"}),
    "jamf": frozenset({"jamf pro id", "last inventory update", "managed"}),
}
_PERSON = re.compile(
    r"user|upn\b|e-?mail|phone|telefon|mobilnummer|owner\b|ejer\b|bruger|medarbejder|initial|cpr|assigned|checked out"
    r"|ansvarlig|employee|login|account|kontakt(?!.*kontakt)|contact(?!.*last)|imsi|iccid|subscriber|utilisateur"
    r"|\btlf\b|telefonnr|\bmobil(?:nr|tlf|telefon)?\b|\badresse\b|home address|cprnr|personnummer"
    r"|\b(?:for|efter|elev|låner|lærer|borger|person)navne?\b|\b(?:fulde|fuldt) navn\b|\bsurname\b"
    r"|\b(?:first|last|full|given|family|display) name\b|\b(?:borrower|student|teacher|technician|person)s?\b"
    r"|\b(?:elev|låner|lærer|borger|tekniker|modtager|person)(?:en|er|ens|s)?\b"
)


@dataclass(frozen=True)
class Columns:
    """What a file's columns are. `places`: canonical name -> column; `kept`: the columns that are kept, in order."""

    system: str
    headings: tuple[str, ...]
    places: Mapping[str, int]
    kept: tuple[int, ...]
    persons: tuple[str, ...]
    unknown: tuple[str, ...]
    title_rows: int = 0

    @property
    def fingerprint(self) -> str:
        """Name the heading row, whatever its capitals and spaces."""
        return fingerprint(self.headings)

    @property
    def named(self) -> dict[str, str]:
        """Canonical name -> heading, as a mapping is remembered."""
        return {name_: self.headings[place] for name_, place in self.places.items()}


class NoColumns(Exception):
    """No row of headings was found that tells which unit a row is of."""


def fold(heading: str) -> str:
    """Fold a heading, to compare it: no capitals, single spaces."""
    return name(heading.replace("\ufeff", ""))


def fingerprint(headings: Iterable[str]) -> str:
    """Name a heading row by its SHA-256."""
    return hashlib.sha256("\x1f".join(fold(heading) for heading in headings).encode()).hexdigest()


def names_person(heading: str) -> bool:
    """Say whether a column of this heading names somebody."""
    folded = fold(heading)
    known = any(folded in headings for headings in HEADINGS.values())
    return not known and _PERSON.search(folded) is not None


def find(rows: Sequence[Sequence[str]]) -> Columns:
    """Find the heading row among the first ones, and what its columns are. Raise NoColumns."""
    best: Columns | None = None
    for number, row in enumerate(rows[:LOOK_FOR_HEADINGS]):
        found = known(row, number)
        if any(one in found.places for one in IDENTIFYING) and (best is None or len(found.places) > len(best.places)):
            best = found
    if best is None:
        raise NoColumns("no column is known that tells a serial number, an asset tag or an IMEI")
    return best


def known(row: Sequence[str], number: int = 0) -> Columns:
    """Read a row as headings that are known."""
    folded = [fold(cell) for cell in row]
    places: dict[str, int] = {}
    for canonical, headings in HEADINGS.items():
        place = next((folded.index(heading) for heading in headings if heading in folded), None)
        if place is not None:
            places[canonical] = place
    told = frozenset(folded)
    most = max(SYSTEMS, key=lambda system: len(SYSTEMS[system] & told))
    return _columns(most if SYSTEMS[most] & told else "headings", row, places, number)


def mapped(rows: Sequence[Sequence[str]], wanted: Mapping[str, str], system: str = "mapping") -> Columns:
    """Find the heading row that holds all of these: canonical name -> heading. Raise NoColumns, which names one."""
    missing = ""
    for number, row in enumerate(rows[:LOOK_FOR_HEADINGS]):
        folded = [fold(cell) for cell in row]
        gone = [heading for heading in wanted.values() if fold(heading) not in folded]
        if not gone:
            return _columns(system, row, {k: folded.index(fold(v)) for k, v in wanted.items()}, number)
        missing = missing or visible(gone[0], 60)
        if len(gone) < len(wanted):
            missing = visible(gone[0], 60)
    raise NoColumns(f"no heading {missing!r} in the first {LOOK_FOR_HEADINGS} rows")


def lost(found: Columns, remembered: Iterable[tuple[Sequence[str], Mapping[str, str]]]) -> str:
    """Name what a file told before and tells no more, although it is the same one but for some headings; else empty."""
    told = {fold(heading) for heading in found.headings}
    for headings, columns in remembered:
        before = {fold(heading) for heading in headings}
        if before and len(before & told) / len(before) >= ALIKE:
            gone = [one for one in IDENTIFYING if one in columns and one not in found.places]
            if gone:
                return gone[0]
    return ""


def twice(row: Sequence[str]) -> str:
    """Name a heading that stands there twice; empty if none does."""
    folded = [fold(cell) for cell in row if fold(cell)]
    return next((heading for heading in folded if folded.count(heading) > 1), "")


def _columns(system: str, row: Sequence[str], places: Mapping[str, int], number: int) -> Columns:
    kept = tuple(sorted(set(places.values())))
    others = [cell for place, cell in enumerate(row) if place not in kept and fold(cell)]
    return Columns(
        system,
        tuple(row),
        dict(places),
        kept,
        tuple(cell for cell in others if names_person(cell)),
        tuple(cell for cell in others if not names_person(cell)),
        number,
    )
