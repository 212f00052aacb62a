"""A terminal's cells: text that moves nothing, wrapped between words, cut and padded to the size. Pure."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Style = Literal["", "title", "good", "bad", "busy", "hand", "faint"]
Cell = tuple[str, Style]
Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Size:
    """Of the terminal, or of a part of it, in characters."""

    columns: int
    rows: int


def cells(words: str, style: Style = "") -> Row:
    """Give each character a cell of its own."""
    return tuple((c, style) for c in narrow(words))


def wrapped(words: str, width: int) -> list[str]:
    """Break the text between words into lines of at most that width. An empty text has none.

    A number with hyphens stays on one line, as it is on the label that it is compared with.
    """
    return textwrap.wrap(narrow(words), max(1, width), break_on_hyphens=False)


def narrow(words: str) -> str:
    """Keep one cell a character: what steers a terminal, joins its neighbour or is two cells wide becomes "?"."""
    clean = unicodedata.normalize("NFC", words)
    return "".join(
        c if c.isprintable() and not unicodedata.combining(c) and unicodedata.east_asian_width(c) not in "WF" else "?"
        for c in clean
    )


def filled(rows: Sequence[Row], size: Size) -> tuple[Row, ...]:
    """Cut and pad the rows to the size."""
    blank: Cell = (" ", "")
    cut = [(*row[: size.columns], *[blank] * (size.columns - len(row))) for row in rows[: size.rows]]
    return (*cut, *[(blank,) * size.columns] * (size.rows - len(cut)))
