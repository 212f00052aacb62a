"""Text from the network, made safe to store and to log: it may hold NUL, lone surrogates and megabytes. Pure."""

from __future__ import annotations

import re
import unicodedata

STATION_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_STATION = re.compile(STATION_ID)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LONGEST = 300  # characters of one fact in a column or a log line; the certificate's own bytes hold all of it


def clean(text: str, longest: int = LONGEST) -> str:
    """Make one line of at most `longest` characters that any database and any terminal takes."""
    if len(text) <= longest and text.isascii() and text.isprintable():  # most are; the intake waits for thirty of each
        return text
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    printable = _CONTROL.sub("\ufffd", cut)
    return printable.encode("utf-8", "replace").decode("utf-8")


def is_station_id(text: str) -> bool:
    """Say whether this may name a station: letters, digits, dot, dash, underscore; at most 64."""
    return _STATION.fullmatch(text) is not None


def visible(text: str, longest: int = LONGEST) -> str:
    """Make one line in which everything can be seen: what steers a terminal, turns or hides text stands as its escape.

    Control and format characters (escape sequences, bidi overrides, zero width), surrogates, private and unassigned
    ones, and separators of lines.
    """
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return cut if cut.isprintable() else "".join(_escape(c) if _steers(c) else c for c in cut)


def _steers(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp")


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def number(text: str, otherwise: int) -> int:
    """Read a number of a page or a row as it stands in an address; for nonsense return the other one.

    Also for "²", which str.isdigit takes and int does not, and for more than a database's column holds.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise
