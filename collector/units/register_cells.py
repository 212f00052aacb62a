"""Cells of a register -> what a row says of a unit, or why it cannot be believed. Pure.

Spreadsheets harm identifiers silently: an IMEI becomes 3,53879E+14, whose last digits are gone for good; a number of
more than fifteen digits is rounded; leading zeros are lost. What is destroyed is refused, never guessed at.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import msgspec

from collector.certificates import identifiers
from collector.certificates.identifiers import Identifier, Kind
from collector.tables.rows import Row
from collector.text import clean
from collector.units import vocabulary as words
from collector.units.register_columns import Columns

LONGEST_CELL = 500
NOTHING = frozenset({"", "-", "--", "n/a", "na", "none", "null", "nan", "0", "ukendt", "unknown", "ingen"})
TRUE = frozenset({"true", "yes", "ja", "1", "encrypted", "krypteret", "sand", "oui", "on"})
FALSE = frozenset({"false", "no", "nej", "0", "not encrypted", "ikke krypteret", "falsk", "non", "off"})
KIND_WORDS: Mapping[str, str] = {
    **{kind: kind for kind in words.KINDS},
    **dict.fromkeys(
        ("notebook", "ultrabook", "bærbar", "bærbar pc", "bærbar computer", "laptop computer", "portable", "chromebook",
         "macbook", "bærbare", "laptops", "notebooks", "ordinateur portable", "convertible", "mobil arbejdsstation"),
        words.LAPTOP,
    ),
    **dict.fromkeys(
        ("desktop pc", "desktop computer", "desktops", "stationær", "stationær pc", "stationær computer", "tower",
         "mini tower", "workstation", "arbejdsstation", "all-in-one", "all in one", "mini pc", "imac", "stationære"),
        words.DESKTOP,
    ),
    **dict.fromkeys(("thin client", "thinclient", "tynd klient", "tyndklient", "zero client"), "thin-client"),
    **dict.fromkeys(("servers", "rack server", "blade"), "server"),
    **dict.fromkeys(("tablets", "ipad", "ipads", "tavle-pc", "tabletcomputer"), words.TABLET),
    **dict.fromkeys(
        ("smartphone", "smartphones", "phones", "mobile phone", "mobile", "mobil", "mobiltelefon", "telefon", "iphone",
         "mobiltelefoner", "cell phone", "smarttelefon"),
        words.PHONE,
    ),
    **dict.fromkeys(("skærm", "display", "screen", "monitors", "skærme", "computerskærm"), "monitor"),
    **dict.fromkeys(("printers", "printere", "multifunktionsprinter", "mfp", "kopimaskine", "copier"), "printer"),
    **dict.fromkeys(("harddisk", "drive", "disk", "hard drive", "ssd", "hdd"), words.LOOSE_DRIVE),
}  # fmt: skip
NUMBERS = ("serial", "asset_tag", "imei", "imei2", "meid", "eid")
MODELS = {"ipad": words.TABLET, "iphone": words.PHONE}
"""Products whose name says what they are."""
DESTROYED = (
    "{text!r} is what a spreadsheet left of a longer number: format the column as text, and export the register again"
)
_SCIENTIFIC = re.compile(r"[+-]?[0-9](?:[.,][0-9]*)?E\+?[0-9]{1,3}|[0-9]+E\+[0-9]{1,3}", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,300}>")
_ENTITIES = {"&amp;": "&", "&quot;": '"', "&#039;": "'", "&lt;": "<", "&gt;": ">", "&nbsp;": " "}
_AS_TEXT = re.compile(r'^="(.*)"$')
_WHOLE = re.compile(r"^([0-9]+)[.,]0+$")
_DANISH_DAY = re.compile(r"^([0-3]?[0-9])[-.]([01]?[0-9])[-.]([0-9]{4})")


@dataclass(frozen=True)
class Problem:
    """Why a row is not taken in: the column as it is called in the file, and a sentence."""

    column: str
    problem: str


@dataclass(frozen=True)
class Told:
    """What a row says of a unit."""

    row: int
    numbers: tuple[Identifier, ...]
    kind: str
    manufacturer: str
    model: str
    location: str
    department: str
    state: str
    encrypted: bool | None
    last_seen: date | None
    raw: tuple[str, ...]
    unknown_kind: str = ""
    had_markup: bool = False

    @property
    def fingerprint(self) -> str:
        """Name what the row says by its SHA-256: a later file that says the same changes nothing."""
        facts = (self.kind, self.manufacturer, self.model, self.location, self.department, self.state, self.raw)
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


def read(row: Row, columns: Columns, prefix: re.Pattern[str] | None = None) -> Told | Problem:
    """Read a row. `prefix`: what this customer's tags begin with."""
    texts = {name: _text(_cell(row, place)) for name, place in columns.places.items()}
    for place, problem in row.problems:
        if place in columns.kept:
            return Problem(columns.headings[place], problem)
    for name in NUMBERS:
        if _SCIENTIFIC.fullmatch(texts.get(name, "").replace(" ", "")):
            return Problem(columns.headings[columns.places[name]], DESTROYED.format(text=clean(texts[name], 40)))
    numbers: list[Identifier] = []
    for name in NUMBERS[2:]:
        found = _number(name, texts.get(name, ""))
        if isinstance(found, str):
            return Problem(columns.headings[columns.places[name]], found)
        numbers += found
    numbers += _plain_numbers(texts, prefix)
    if not any(one.kind != "eid" for one in numbers):
        heading = next((columns.headings[columns.places[n]] for n in ("serial", "asset_tag", "imei") if n in texts), "")
        return Problem(heading, "no serial number, no asset tag and no IMEI: which unit it is cannot be known")
    kind, unknown = kind_of(texts.get("kind", ""), texts.get("model", ""))
    raw = tuple(_text(_cell(row, place)) for place in columns.kept)
    return Told(
        row=row.number,
        numbers=tuple(dict.fromkeys(numbers)),
        kind=kind,
        manufacturer=texts.get("manufacturer", ""),
        model=texts.get("model", ""),
        location=texts.get("location", ""),
        department=texts.get("department", ""),
        state=texts.get("state", ""),
        encrypted=_yes_or_no(texts.get("encrypted", "")),
        last_seen=_day(texts.get("last_seen", "")),
        raw=raw,
        unknown_kind=unknown,
        had_markup=any(_TAG.search(_cell(row, place)) for place in columns.kept),
    )


def kind_of(told: str, model: str = "") -> tuple[str, str]:
    """Read what kind of unit it is. Beside it the word that nobody knows, for a person to be asked about."""
    folded = identifiers.name(told)
    if folded in KIND_WORDS:
        return KIND_WORDS[folded], ""
    first = identifiers.name(model).partition(" ")[0]
    if first in MODELS:
        return MODELS[first], ""
    return words.UNKNOWN, clean(told, 60)


def _plain_numbers(texts: Mapping[str, str], prefix: re.Pattern[str] | None) -> list[Identifier]:
    found = []
    serial = identifiers.identify("serial", texts.get("serial", ""))
    if serial is not None:
        found.append(serial)
    tag = identifiers.asset_tag(texts.get("asset_tag", ""), prefix)
    if tag and identifiers.name(tag) not in NOTHING and len(tag) <= identifiers.LONGEST:
        found.append(Identifier("asset_tag", tag, clean(texts["asset_tag"], identifiers.LONGEST)))
    return found


def _number(name: str, text: str) -> list[Identifier] | str:
    """Read a number that can be checked; a text is what is wrong with it."""
    bare = _WHOLE.sub(r"\1", text)
    if identifiers.name(bare) in NOTHING or not bare.strip("0 "):
        return []
    kinds: Mapping[str, tuple[Kind, ...]] = {
        "imei": ("imei14", "meid14"), "imei2": ("imei14", "meid14"), "meid": ("meid14",), "eid": ("eid",),
    }  # fmt: skip
    found = [one for kind in kinds[name] if (one := identifiers.identify(kind, bare)) is not None]
    if found or name == "eid":
        return found
    if name == "meid":
        return [] if identifiers.imei(bare) else f"{bare!r} is no MEID (14 hexadecimal digits)"
    return f"{bare!r} is no IMEI (14 to 16 digits, and the check digit fits)"


def _cell(row: Row, place: int) -> str:
    return row.cells[place] if place < len(row.cells) else ""


def _text(cell: str) -> str:
    """Write a cell as one line of text, without the markup that some exports leave in it."""
    if cell.isalnum() or not cell:  # most are: there is nothing in them to be taken away
        return cell[:LONGEST_CELL]
    text = cell
    if "<" in text or "&" in text:
        text = _TAG.sub(" ", text)
        for entity, character in _ENTITIES.items():
            text = text.replace(entity, character)
    text = " ".join(clean(text, LONGEST_CELL).replace("\ufffd", " ").split())
    text = _AS_TEXT.sub(r"\1", text)
    return text[1:] if text[:1] == "'" and text[1:2] in "=+-@" else text


def _yes_or_no(text: str) -> bool | None:
    folded = identifiers.name(text)
    return True if folded in TRUE else False if folded in FALSE else None


def _day(text: str) -> date | None:
    try:
        if found := _DANISH_DAY.match(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
