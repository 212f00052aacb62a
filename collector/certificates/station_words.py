"""A statement of a station -> what its page says of it, in the reader's language, from its signed bytes alone. Pure.

A later station may state what this program does not know: its fields are then shown under their own names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from collector.certificates.facts import Fact
from collector.certificates.words import exact, moment
from collector.intake.statements import Read
from collector.text import clean, visible

TITLES: Mapping[str, str] = {
    "benchwipe-disposition+jws": "Grade and destination",
    "benchwipe-box+jws": "Put into the box",
    "benchwipe-no-drive+jws": "A device without a drive",
    "benchwipe-drive-count+jws": "Drives counted in a device",
    "benchwipe-gap+jws": "Numbers that the station does not know",
    "benchwipe-key-replaced+jws": "A new key signs from now on",
}
MOST = 40  # fields of a type that this program does not know
Told = Mapping[str, Any]


@dataclass(frozen=True)
class Words:
    """What a statement says: over it, line by line, by whom and when it was said."""

    title: str
    facts: Sequence[Fact]
    by: str
    at: str


def words_of(read: Read) -> Words:
    """Write a statement that verified. Whatever a field holds, one line comes of it."""
    told: Told = msgspec.json.decode(read.signed.payload, type=dict[str, Any])
    by = told.get("operator")
    who = _text(by.get("name") or by.get("id")) if isinstance(by, dict) else ""
    title = _(TITLES[read.typ]) if read.typ in TITLES else visible(clean(read.typ))
    facts = [fact for fact in _FACTS.get(read.typ, _unknown)(told) if fact.value]
    return Words(title, facts, who, moment(_text(told.get("at"))))


def _disposition(told: Told) -> Iterator[Fact]:
    given = _part(told, "disposition")
    yield Fact(_("Asset tag"), _text(told.get("asset")), code=True)
    yield Fact(_("Grade"), _text(given.get("grade")))
    yield Fact(_("Destination"), _text(given.get("destination")))
    yield Fact(_("Notes"), _text(given.get("notes")))


def _box(told: Told) -> Iterator[Fact]:
    drive = _part(told, "drive")
    yield Fact(_("Box"), _text(told.get("box")), code=True)
    yield Fact(_("Certificate's number"), _text(told.get("number")), code=True)
    yield Fact(_("Drive"), " ".join(filter(None, (_text(drive.get("vendor")), _text(drive.get("model"))))))
    yield Fact(_("Serial number"), _text(drive.get("serial")), code=True)
    yield Fact(_("World wide name"), _text(drive.get("wwn")), code=True)
    if isinstance(size := drive.get("capacity_bytes"), int) and not isinstance(size, bool):
        yield Fact(_("Capacity"), exact(size))
    if not drive:
        yield Fact(_("Drive"), _("it does not say who it is"))
    yield from _device(told)


def _no_drive(told: Told) -> Iterator[Fact]:
    yield from _device(told)


def _drive_count(told: Told) -> Iterator[Fact]:
    yield Fact(_("Asset tag"), _text(told.get("asset")), code=True)
    yield Fact(_("Drives"), _text(told.get("drives")))


def _gap(told: Told) -> Iterator[Fact]:
    yield Fact(_("From number"), _text(told.get("first")))
    yield Fact(_("To number"), _text(told.get("last")))
    yield Fact(_("Why"), _text(told.get("why")))


def _key_replaced(told: Told) -> Iterator[Fact]:
    yield Fact(_("New key"), _text(told.get("key")), code=True)
    yield Fact(_("It replaces"), _text(told.get("replaces")), code=True)
    yield Fact(_("Last certificate of the old one"), _text(told.get("last")) or _("none"), code=True)


def _device(told: Told) -> Iterator[Fact]:
    customer = _part(told, "customer")
    yield Fact(_("Asset tag"), _text(told.get("asset")), code=True)
    yield Fact(_("Customer"), _text(customer.get("name")))
    yield Fact(_("Lot"), _text(customer.get("lot")))


def _unknown(told: Told) -> Iterator[Fact]:
    for name in list(told)[:MOST]:
        if name not in ("station", "operator", "at"):
            yield Fact(visible(clean(name, 80)), _text(told[name]), code=True)


_FACTS: Mapping[str, Callable[[Told], Iterator[Fact]]] = {
    "benchwipe-disposition+jws": _disposition,
    "benchwipe-box+jws": _box,
    "benchwipe-no-drive+jws": _no_drive,
    "benchwipe-drive-count+jws": _drive_count,
    "benchwipe-gap+jws": _gap,
    "benchwipe-key-replaced+jws": _key_replaced,
}


def _part(told: Told, name: str) -> Told:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    """One visible line of whatever stands there; nothing of null."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode("utf-8", "replace")
    return visible(clean(text))
