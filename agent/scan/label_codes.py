"""What a label prints for a serial number or a world wide name -> the number itself. Pure.

A label says it with something before it: words ("S/N:", "LU WWN:"), a data identifier of ANSI MH10.8.2 ("S", "1S",
"30S") or the application identifier 21 of GS1, alone or behind a GTIN. Which of them it is cannot be told from a scan:
so all readings are tried, and one counts only if all of it is the number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

GROUP = "\x1d"  # FNC1, as scanners send it: the end of a GS1 element
LEAST_SERIAL = 5  # shorter serials are compared as they are, without looking for something before them
LEAST_BARE = 8  # behind "21" and "30S" alone, which many a number begins with
WWN_DIGITS = (16, 32)
NAMED = re.compile(r"(?:S/?N|SERIAL(?:NO|NUMBER)?|SER(?:NO)?|\(S\)|\(1S\)|\(30S\)|\(21\)|1S|S)[.:#=]*(.+)")
BARE = re.compile(r"(?:21|30S)(.+)")
GTIN = re.compile(r"(?:\(01\)|01)([0-9]{14})(?:\(21\)|21)(.+)")
WWN = re.compile(r"(?:LU|LUN|DEV(?:ICE)?)?(?:WWN|WWID|NAA|EUI(?:-?64)?|NGUID)?(?:DEVICEID|ID)?[.:#=]*(.+)")


def plain(text: str) -> str:
    """Write text without blanks, in capitals."""
    return "".join(text.split()).upper()


def serials_in(text: str) -> Iterator[str]:
    """Find every reading of a scan as a serial number, the whole of it first."""
    for element in (text, *text.split(GROUP)):
        read = plain(element)
        yield read
        for pattern, least in ((NAMED, LEAST_SERIAL), (BARE, LEAST_BARE)):
            if (found := pattern.fullmatch(read)) and len(found[1]) >= least:
                yield found[1]
        if (found := GTIN.fullmatch(read)) and _is_gtin(found[1]):
            yield found[2]


def wwn_in(text: str) -> str | None:
    """Find the digits of a scan that can be a world wide name, as labels group them; None where it is none."""
    found = WWN.fullmatch(plain(text))
    return wwn_digits(found[1]) if found else None


def wwn_digits(wwn: str) -> str | None:
    """Read the digits of a world wide name.

    `0x5000c5..`, `eui.0025..`, `5000C500 57A15E37`, `50:00:c5:..` -> 5000C50057A15E37; None for anything else.
    """
    bare = re.sub(r"^(?:0X|EUI\.|NAA\.)", "", plain(wwn))
    digits = re.sub(r"[:.-]", "", bare)
    return digits if len(digits) in WWN_DIGITS and re.fullmatch(r"[0-9A-F]+", digits) else None


def _is_gtin(digits: str) -> bool:
    """By its check digit (GS1 General Specifications, 7.9)."""
    return sum(int(d) * (3 - 2 * (n % 2)) for n, d in enumerate(digits)) % 10 == 0
