"""Printer languages: a Label -> the bytes that make a printer print it. Pure; one file a language.

Every language draws the same layout (layout.py), so that a label looks the same whatever prints it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drivers.printers.languages.dialogue import Dialogue
from drivers.printers.languages.errors import UnknownLanguage
from drivers.printers.languages.label import Label, Media


def _as_it_is(media: Media) -> Media:
    return media


@dataclass(frozen=True)
class Language:
    """One printer language. `adapted`: the label as its printers print it, where they have one resolution only."""

    name: str
    extension: str
    render: Callable[[Label, Media], bytes]
    dialogue: Dialogue | None
    adapted: Callable[[Media], Media] = _as_it_is


MODULES: Mapping[str, str] = {
    "brother-ql": "brother_ql",
    "epl": "epl",
    "escpos": "escpos",
    "tspl": "tspl",
    "zpl": "zpl",
}
"""Language -> its module in this package, imported when it is first asked for."""


def language(name: str) -> Language:
    """Load the language of that name. UnknownLanguage lists the known."""
    if name not in MODULES:
        raise UnknownLanguage(name=name, known=", ".join(sorted(MODULES)))
    found = importlib.import_module(f"{__name__}.{MODULES[name]}").LANGUAGE
    assert isinstance(found, Language)
    return found


def render(label: Label, media: Media) -> bytes:
    """Render the bytes that make a printer print this label.

    May raise UnknownLanguage, LabelDoesNotFit.
    """
    return language(media.language).render(label, media)
