"""Fonts of the machine, to embed. PDF/A asks for embedded fonts; benchwipe ships none.

Liberation comes first because it has the widths of the fonts that every PDF reader brings (Helvetica, Courier):
without any of these files the page looks the same, and is an ordinary PDF.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
PACKAGE = "fonts-liberation"
# sans, sans bold, one width, one width bold
FAMILIES = (
    ("LiberationSans-Regular", "LiberationSans-Bold", "LiberationMono-Regular", "LiberationMono-Bold"),
    ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSansMono-Bold"),
    ("NotoSans-Regular", "NotoSans-Bold", "NotoSansMono-Regular", "NotoSansMono-Bold"),
)
LATIN_1 = frozenset((*range(0x20, 0x7F), *range(0xA0, 0x100)))


@dataclass(frozen=True)
class Faces:
    """The files of one family."""

    sans: Path
    sans_bold: Path
    exact: Path
    exact_bold: Path


def find(folders: Iterable[Path] = FOLDERS) -> Faces | None:
    """Find the first family of which all four files are there."""
    there = {path.stem: path for folder in folders for path in sorted(folder.rglob("*.ttf"))}
    for family in FAMILIES:
        if all(name in there for name in family):
            return Faces(*(there[name] for name in family))
    return None


def shown(text: str, glyphs: Container[int]) -> str:
    r"""Show text that stays where it is put: what has no glyph, steers or stacks becomes its escape, as in \u202e.

    A drive may call itself anything. An escape and not a question mark: two serials never look the same.
    """
    composed = unicodedata.normalize("NFC", text)
    return "".join(c if _harmless(c) and ord(c) in glyphs else _escape(c) for c in composed)


def _harmless(character: str) -> bool:
    if character == "\N{NO-BREAK SPACE}":
        return True
    return character.isprintable() and unicodedata.category(character)[0] != "M"


def _escape(character: str) -> str:
    if character == "\x7f" or character < " ":
        return f"\\x{ord(character):02x}"
    return character.encode("ascii", "backslashreplace").decode()
