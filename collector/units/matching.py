"""Whose numbers are these? A thing that was seen, and the units of one customer -> the unit that it is. Pure.

The first rule that hits decides; what contradicts it becomes a question, which a person answers:

1. the device's serial number, and the same maker    2. an IMEI or MEID    3. the serial number alone
4. the asset tag, unless the serial numbers contradict: stickers move, boards are exchanged
5. nothing: what is nearly the same is only suggested
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from collector.certificates import identifiers
from collector.certificates.identifiers import Identifier

SERIAL, TAG = "serial", "asset_tag"
RADIO = ("imei14", "meid14")
OTHERS = ("uuid", "eid")
LAST = 8
"""Characters: Lenovo's own people ask for the last eight of a serial number."""
MOST_SUGGESTIONS = 3
FAMILIES = {
    "HEWLETT": "HP", "HP": "HP", "HEWLETTPACKARD": "HP", "HPINC": "HP", "HPE": "HP", "COMPAQ": "HP",
    "LENOVO": "LENOVO", "IBM": "LENOVO", "MOTOROLA": "LENOVO",
    "DELL": "DELL", "ALIENWARE": "DELL", "APPLE": "APPLE", "MICROSOFT": "MICROSOFT", "SAMSUNG": "SAMSUNG",
    "FUJITSU": "FUJITSU", "FUJITSUSIEMENS": "FUJITSU", "ACER": "ACER", "PACKARDBELL": "ACER", "ASUS": "ASUS",
    "ASUSTEK": "ASUS", "TOSHIBA": "TOSHIBA", "DYNABOOK": "TOSHIBA",
}  # fmt: skip


def family(manufacturer: str) -> str:
    """Name the maker whatever its name was in that year; empty if none is told."""
    bare = "".join(c for c in manufacturer.upper() if c.isalnum())
    first = "".join(c for c in (manufacturer.upper().split() or [""])[0] if c.isalnum())
    return FAMILIES.get(bare) or FAMILIES.get(first) or first


@dataclass(frozen=True)
class Seen:
    """A thing as it was scanned, listed or certified: its numbers, and who made it."""

    numbers: tuple[Identifier, ...]
    manufacturer: str = ""

    def norms(self, *kinds: str) -> list[tuple[str, str]]:
        """List its numbers of these kinds, as they are looked up."""
        return [(one.kind, one.norm) for one in self.numbers if one.kind in kinds]


@dataclass(frozen=True)
class Match:
    """What was found. `unit`: None where nothing is. `against`: other units that share a number with it."""

    unit: int | None = None
    rule: str = ""
    conflict: int | None = None
    """The unit of which the tag was seen on a thing with another serial number."""
    against: tuple[int, ...] = ()


@dataclass
class Index:
    """The numbers of a customer's units, as far as they are needed."""

    by_number: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    serials: dict[int, set[str]] = field(default_factory=dict)
    makers: dict[int, str] = field(default_factory=dict)

    def add(self, unit: int, kind: str, norm: str, manufacturer: str = "") -> None:
        """Take in a number of a unit."""
        self.by_number.setdefault((kind, norm), set()).add(unit)
        if kind == SERIAL:
            self.serials.setdefault(unit, set()).add(norm)
        if manufacturer and unit not in self.makers:
            self.makers[unit] = family(manufacturer)

    def units(self, numbers: Iterable[tuple[str, str]]) -> list[int]:
        """Find the units that have one of these numbers, the oldest first."""
        return sorted({unit for number in numbers for unit in self.by_number.get(number, ())})

    def contradicts(self, unit: int, serials: Iterable[str]) -> bool:
        """Say whether a unit has serial numbers, and none of these, of which there are some."""
        own, told = self.serials.get(unit), set(serials)
        return bool(own) and bool(told) and own is not None and own.isdisjoint(told)


def match(seen: Seen, index: Index) -> Match:
    """Find the unit that a thing is."""
    serials = seen.norms(SERIAL)
    by_serial, by_radio = index.units(serials), index.units(seen.norms(*RADIO))
    by_tag = index.units(seen.norms(TAG))
    maker = family(seen.manufacturer)
    same_maker = [unit for unit in by_serial if maker and index.makers.get(unit) == maker]
    told = [norm for _, norm in serials]
    for rule, found in (("serial_and_maker", same_maker), ("imei", by_radio), ("serial", by_serial)):
        if found:
            others = sorted({*by_serial, *by_radio, *by_tag} - {found[0]})
            moved = next((unit for unit in by_tag if unit in others and index.contradicts(unit, told)), None)
            return Match(found[0], rule, moved, tuple(unit for unit in others if unit != moved))
    fitting = [unit for unit in by_tag if not index.contradicts(unit, told)]
    if fitting:
        return Match(fitting[0], "tag", None, tuple(fitting[1:]))
    if by_tag:
        return Match(conflict=by_tag[0])
    known = index.units(seen.norms(*OTHERS))
    return Match(known[0], "uuid", None, tuple(known[1:])) if known else Match()


def suggestions(seen: Seen, index: Index) -> list[int]:
    """Offer units that it may be: a person confirms, or says no."""
    told = [norm for _, norm in seen.norms(SERIAL)]
    near = {c for one in seen.numbers if one.kind == SERIAL for c in identifiers.serial_candidates(one.seen_as)}
    tags = {c for one in seen.numbers if one.kind == TAG for c in identifiers.asset_tag_suggestions(one.seen_as)}
    found = index.units([*((SERIAL, c) for c in sorted(near)), *((TAG, c) for c in sorted(tags))])
    found += [unit for kind, norm, unit in _numbers(index) if _is_near(kind, norm, told, seen)]
    return list(dict.fromkeys(found))[:MOST_SUGGESTIONS]


def _numbers(index: Index) -> Iterator[tuple[str, str, int]]:
    for (kind, norm), units in index.by_number.items():
        if kind in (SERIAL, TAG):
            for unit in units:
                yield kind, norm, unit


def _is_near(kind: str, norm: str, serials: list[str], seen: Seen) -> bool:
    if kind == TAG:
        bare = norm.lstrip("0")
        return bare != norm and any(tag == bare for _, tag in seen.norms(TAG))
    for own in serials:
        if len(own) >= LAST < len(norm) and (own[-LAST:] == norm[-LAST:]):
            return True
        if one_apart(own, norm) or own in identifiers.serial_candidates(norm):
            return True
    return False


def one_apart(one: str, other: str) -> bool:
    """Say whether two texts differ in one place: a character more, less or another."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one, other), key=len)
    place = next((n for n, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return short[place + (len(one) == len(other)) :] == long[place + 1 :]
