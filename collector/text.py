"""Text from the network, made safe to store and to log: it may hold NUL, lone surrogates and megabytes. Pure."""

from __future__ import annotations

import re

STATION_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_STATION = re.compile(STATION_ID)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LONGEST = 300  # characters of one fact in a column or a log line; the certificate's own bytes hold all of it


def clean(text: str, longest: int = LONGEST) -> str:
    """Make one line of at most `longest` characters that any database and any terminal takes."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    printable = _CONTROL.sub("\ufffd", cut)
    return printable.encode("utf-8", "replace").decode("utf-8")


def is_station_id(text: str) -> bool:
    """Say whether this may name a station: letters, digits, dot, dash, underscore; at most 64."""
    return _STATION.fullmatch(text) is not None
