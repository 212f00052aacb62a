"""Identifiers in a normal form: what two people and two programs wrote otherwise compares equal. Pure.

Each keeps `seen_as`, the text as it was read. The empty text is no identifier: nothing compares equal to it.

Facts: an IMEI is eight digits of type, six of serial number, and a Luhn digit over these fourteen; an IMEISV has two
digits of software version in its place and no check digit (3GPP TS 23.003, section 6.2 and annex B). So the first
fourteen are compared. A MEID is fourteen hexadecimal digits, written in decimal as ten and eight.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agent.certificates.record import Record
from collector.text import clean

Kind = Literal["serial", "asset_tag", "imei14", "meid14", "eid", "uuid", "drive_serial", "wwn"]

MOST_ROUNDS = 5
LONGEST = 128  # characters: what is longer is a text and no identifier
SHORTEST_SERIAL = 4
# What boards and bridges tell where nobody gave them a number.
NO_NUMBERS = (
    "To be filled by O.E.M.", "Default string", "System Serial Number", "Chassis Serial Number",
    "Base Board Serial Number", "Serial Number", "Not Specified", "Not Applicable", "Not Available", "None", "N/A",
    "Unknown", "INVALID", "Empty", "0123456789", "123456789",
)  # fmt: skip
NO_UUID = "03000200040005000006000700080009"  # AMI's default, on many boards
_LABELLED_IMEI = re.compile(r"^IMEI(?:SV)?[ ]?(?:[12](?=[ ]?[:#]))?[ ]?[:#]?")
_LABELLED_WWN = re.compile(r"^(?:LU )?(?:WWN|WWID|EUI64|EUI|NAA|NGUID)[ .:-]*")
MACHINE_TYPE_LENGTHS = (7, 10)  # of Lenovo, between 1S and the serial number
# Default-ignorable characters that are letters or marks by category: fillers, joiners, variation selectors.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800") | {chr(c) for c in range(0xFE00, 0xFE10)}


@dataclass(frozen=True)
class Identifier:
    """One number of a thing. `norm` is compared, `seen_as` is shown."""

    kind: Kind
    norm: str
    seen_as: str


def serial(text: str) -> str:
    """Strip a serial number to what is compared: NFKC, capitals, no space, dash, zero-width or control character.

    Empty for what stands there where no number was given, for one character repeated, and for less than four.
    """
    found = _squeezed(text, dashes=False)
    return "" if len(found) < SHORTEST_SERIAL or len(set(found)) == 1 or found in _NONE else found


def serial_candidates(text: str) -> tuple[str, ...]:
    """Offer what a label's scanner may have put before a serial number, taken off; never the number itself.

    ANSI MH10.8.2 writes `S` before a serial number, and `1S` before a supplier's; Lenovo's `1S` is followed by a
    machine type and model of seven or ten characters. They are candidates: such letters may belong to the number.
    """
    whole = serial(text)
    cut = [whole.removeprefix("S"), bare := whole.removeprefix("1S")]
    if bare != whole:
        cut += [bare[length:] for length in MACHINE_TYPE_LENGTHS]
    return tuple(dict.fromkeys(c for c in map(serial, cut) if c and c != whole))


def asset_tag(text: str, prefix: re.Pattern[str] | None = None) -> str:
    """Strip an asset tag to what is compared: capitals, no spaces, no prefix of its customer's. Digits stay a text."""
    found = _squeezed(text, dashes=True)
    bare = prefix.sub("", found, count=1) if prefix is not None and prefix.match(found) else found
    return bare or found


def asset_tag_suggestions(text: str) -> tuple[str, ...]:
    """Offer a tag of digits without its leading zeros, which spreadsheets lose. Only a person may take it."""
    tag = asset_tag(text)
    bare = tag.lstrip("0")
    return (bare,) if tag.isascii() and tag.isdigit() and bare and bare != tag else ()


def imei(text: str) -> str:
    """Read the fourteen digits of an IMEI (14, 15 or 16 digits: without check digit, with, IMEISV). Empty if none."""
    digits = _LABELLED_IMEI.sub("", _folded(text).strip())
    digits = re.sub(r"[\s./-]", "", digits)
    if not re.fullmatch(r"[0-9]{14,16}", digits) or len(set(digits[:14])) == 1:
        return ""
    return "" if len(digits) == 15 and luhn(digits[:14], 10) != int(digits[14]) else digits[:14]


def meid(text: str) -> str:
    """Read the fourteen hexadecimal digits of a MEID, with or without its check digit, or from its decimal form.

    Only what contains A to F or begins with 99: every valid IMEI would pass for a MEID otherwise.
    """
    found = re.sub(r"[\s./:-]", "", _folded(text)).removeprefix("MEID")
    if re.fullmatch(r"[0-9]{18}", found):
        head, tail = int(found[:10]), int(found[10:])
        found = f"{head:08X}{tail:06X}" if head < 16**8 and tail < 16**6 else ""
    if not re.fullmatch(r"[0-9A-F]{14,15}", found) or len(set(found[:14])) == 1:
        return ""
    base = 16 if re.search("[A-F]", found[:14]) else 10
    if base == 10 and not found.startswith("99"):
        return ""
    return "" if len(found) == 15 and luhn(found[:14], base) != int(found[14], 16) else found[:14]


def eid(text: str) -> str:
    """Read an eSIM's EID: 32 digits whose number modulo 97 is 1 (GSMA SGP.29). Empty if it is none."""
    digits = re.sub(r"[\s-]", "", _folded(text)).removeprefix("EID").removeprefix(":")
    return digits if re.fullmatch(r"[0-9]{32}", digits) and int(digits) % 97 == 1 else ""


def uuid(text: str) -> str:
    """Read a machine's UUID: 32 hexadecimal digits, without braces and dashes. Empty for the makers' defaults."""
    found = re.sub(r"[\s{}-]", "", _folded(text).removeprefix("URN:UUID:"))
    known = re.fullmatch(r"[0-9A-F]{32}", found) and len(set(found)) > 1 and found != NO_UUID
    return found if known else ""


def wwn(text: str) -> str:
    """Read a world wide name: 16 or 32 hexadecimal digits, without prefix and colons. Empty if it is none."""
    found = _LABELLED_WWN.sub("", _folded(text).strip())
    found = re.sub(r"[\s:.-]", "", found).removeprefix("0X")
    return found if re.fullmatch(r"[0-9A-F]{16}(?:[0-9A-F]{16})?", found) and len(set(found)) > 1 else ""


def name(text: str) -> str:
    """Fold a name (customer, lot, operator, certificate number): NFKC, no capitals, single spaces, nothing unseen."""
    if text.isascii() and text.isprintable():  # most are; the intake waits for each
        return " ".join(text.lower().split())

    def once(part: str) -> str:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", part).casefold())
        return " ".join("".join(c for c in folded if c.isspace() or not _is_unseen(c)).split())

    return _settled(text, once)


NORMAL_FORMS: Mapping[Kind, Callable[[str], str]] = {
    "serial": serial,
    "asset_tag": asset_tag,
    "imei14": imei,
    "meid14": meid,
    "eid": eid,
    "uuid": uuid,
    "drive_serial": serial,
    "wwn": wwn,
}


def identify(kind: Kind, text: str) -> Identifier | None:
    """Make an identifier of a text. None where it is none of that kind."""
    norm = NORMAL_FORMS[kind](text) if len(text) <= LONGEST else ""
    return Identifier(kind, norm, clean(text, LONGEST)) if norm else None


def phone_identifiers(text: str) -> tuple[Identifier, ...]:
    """Read a phone's number. An IMEI that begins with 99 is the same phone's MEID too: it is both."""
    return tuple(found for kind in _PHONE if (found := identify(kind, text)) is not None)


def identifiers_of(record: Record) -> tuple[Identifier, ...]:
    """List every identifier on a certificate, each once: of the drive, and of the device that it came in."""
    return tuple(dict.fromkeys(_stated(record)))


def norms_of(identifiers: Iterable[Identifier]) -> dict[str, str]:
    """List the columns that a search compares with; empty where a certificate's identifiers have none of that kind."""
    found: dict[str, str] = {}
    for one in identifiers:
        found.setdefault(one.kind, one.norm)
    return {
        "drive_serial_norm": found.get("drive_serial", ""),
        "wwn_norm": found.get("wwn", ""),
        "asset_serial_norm": found.get("serial", ""),
        "asset_tag_norm": found.get("asset_tag", ""),
        "imei14": found.get("imei14", ""),
        "meid14": found.get("meid14", ""),
    }


def squeezed(text: str) -> str:
    """Strip the beginning of a serial number as the whole is stripped; of any length, and no default is left out."""
    return _squeezed(text, dashes=False)


def luhn(digits: str, base: int) -> int:
    """Compute the check digit of these digits: every second one, from the last, counts double (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit, base) * (2 - place % 2)
        total += doubled // base + doubled % base
    return -total % base


def _stated(record: Record) -> Iterator[Identifier]:
    drive, asset = record.drive, record.asset
    told: list[tuple[Kind, str | None]] = [("wwn", drive.wwn)]
    if drive.identity_source != "scanned":
        told += [("drive_serial", drive.serial)]
    elif phones := phone_identifiers(drive.serial or ""):  # a phone has no drive that could tell a number of its own
        yield from phones
    else:
        told += [("serial", drive.serial)]
    if asset is not None:
        told += [("asset_tag", asset.tag), ("serial", asset.serial)]
        told += [pair for one in getattr(asset, "identifiers", ()) for pair in _typed(one)]
    for kind, text in told:
        if text and (found := identify(kind, text)) is not None:
            yield found


def _typed(one: Any) -> Iterator[tuple[Kind, str]]:  # noqa: ANN401 - a field of the record's later versions
    kinds: Mapping[str, tuple[Kind, ...]] = {
        "serial": ("serial",), "imei": ("imei14", "meid14"), "meid": ("meid14",), "eid": ("eid",), "uuid": ("uuid",),
    }  # fmt: skip
    for kind in kinds.get(str(one.kind), ()):
        yield kind, str(one.value)


_PHONE: tuple[Kind, ...] = ("imei14", "meid14")


def _folded(text: str) -> str:
    """Capitals, in one form, with nothing in it that cannot be seen; spaces stay."""
    if text.isascii() and text.isprintable():
        return text.upper()
    found = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
    return "".join(c for c in found if c == " " or not _is_unseen(c))


def _squeezed(text: str, *, dashes: bool) -> str:
    """Capitals without spaces, and without dashes unless they are kept."""
    if len(text) > LONGEST:
        return ""
    if text.isascii() and text.isprintable():
        bare = text.upper().replace(" ", "")
        return bare if dashes else bare.replace("-", "")

    def once(part: str) -> str:
        found = _folded(part).replace(" ", "")
        return found if dashes else "".join(c for c in found if unicodedata.category(c) != "Pd")

    return _settled(text, once)


def _settled(text: str, once: Callable[[str], str]) -> str:
    """Repeated until nothing changes: what is left out may part a letter from its accent, which then are one again."""
    for _ in range(MOST_ROUNDS):
        before, text = text, once(text)
        if text == before:
            break
    return text


def _is_unseen(character: str) -> bool:
    """Space, control, format, surrogate, unassigned: what no label shows."""
    return character in _UNSEEN or unicodedata.category(character)[0] in "CZ"


_NONE = frozenset(_squeezed(text, dashes=False) for text in NO_NUMBERS)
