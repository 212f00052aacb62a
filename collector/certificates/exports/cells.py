"""Texts that spreadsheets take for nothing but text. Pure.

Excel and LibreOffice read a cell of a CSV file that begins with = + - or @ as a formula, in full width too, and what
stands before it may be spaces or a quote. A file with semicolons that is opened with commas begins a cell after every
comma within a text. So an apostrophe goes before such a sign, there too. Control characters, tabs and ends of line
among them, and what turns or hides text stand as their escapes.
"""

from __future__ import annotations

import re

from collector.text import visible

LONGEST = 4000  # characters of a cell; Excel takes 32,767, and a certificate has no text that long
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\u2212"
_BEGINS = re.compile(rf"((?:^|[,;|])[\s\"\u201c\u201d]*)(?=[{re.escape(SIGNS)}])")


def shown(text: str) -> str:
    """Make a text of a cell that is text by its type: only what cannot be seen is escaped."""
    return visible(text, LONGEST)


def harmless(text: str) -> str:
    """Make a text of a cell in a file without types, where the reader guesses."""
    return _BEGINS.sub(r"\1'", shown(text))
