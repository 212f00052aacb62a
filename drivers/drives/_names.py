"""Serial numbers and world wide names out of what a drive tells: VPD pages, IDENTIFY words, a wwid. Pure."""

from __future__ import annotations

import re

from drivers.drives._identities import believable, wwn_names_a_drive


def vpd_text(page: bytes) -> str:
    """Read the unit serial number, VPD page 80h (SPC-4, 7.8.15), as it is told. Empty where there is none."""
    return printable(page[4 : 4 + int.from_bytes(page[2:4], "big")]) if page[1:2] == b"\x80" else ""


def vpd_serial(page: bytes) -> str | None:
    """Read the same serial number as `vpd_text`. None where it names no drive."""
    return believable(vpd_text(page))


def vpd_wwn(page: bytes) -> str | None:
    """Find the NAA designator of the logical unit, VPD page 83h (SPC-4, 7.8.6)."""
    at, end = 4, 4 + int.from_bytes(page[2:4], "big")
    while page[1:2] == b"\x83" and at + 4 <= min(end, len(page)):
        kind, size = page[at + 1], page[at + 3]
        if kind & 0x3F == 0x03:  # association 0: the logical unit; designator type 3: NAA
            return naa("naa." + page[at + 4 : at + 4 + size].hex())
        at += 4 + size
    return None


def naa(wwid: str) -> str | None:
    """Write `naa.5000c500..` as lsblk and the label print it: `0x5000c500..`. None for another form."""
    found = re.fullmatch(r"naa\.([0-9a-f]{16}|[0-9a-f]{32})", wwid.lower())
    return named_wwn("0x" + found[1]) if found else None


def wwn_of(number: int) -> str | None:
    """Write words 108 to 111 of IDENTIFY DEVICE in the same form."""
    return naa(f"naa.{number:016x}")


def named_wwn(wwn: str) -> str | None:
    """Keep a world wide name that names one drive. None for any other."""
    return wwn if wwn_names_a_drive(wwn) else None


def printable(raw: bytes) -> str:
    """Keep the printable part, without surrounding blanks."""
    return "".join(chr(b) for b in raw if 0x20 <= b < 0x7F).strip()
