"""What technicians read, in Danish and English: gettext catalogues, one short sentence a key, the same keys in both.

People edit locale/<language>/LC_MESSAGES/benchwipe.po; benchwipe.mo is read here; `python -m agent.phrases` makes it.
Keys and not English sentences are the msgids: a key stays when its wording changes, and a hint is found by its error's
code. docs/labels.md says how to add a sentence or a language.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Mapping
from functools import cache

from agent.phrases import po

LANGUAGES = ("da", "en")
FALLBACK = "en"

Spoken = tuple[str, Mapping[str, str]]
"""A sentence before its language is known: its key, and the values that fill it in."""


def phrase(language: str, key: str, **values: object) -> str:
    """Say the sentence of that key with its values filled in.

    A command word ({yes}, {reprint}) that is not given is the catalogue's own. Words must never stop an erasure: an
    unknown language reads English, an unknown key itself, any other value not given "?".
    """
    template = _sentence(language, "phrases", key) or _sentence(FALLBACK, "phrases", key)
    return key if template is None else template.format_map(_Values(language, values))


def hint(language: str, code: str, otherwise: str = "", **values: object) -> str:
    """Say what to do about an error code (BW-...); `otherwise` is the English hint that the error itself carries.

    `values`: the bench's own command words, where they are not the catalogue's.
    """
    template = _sentence(language, "hints", code)
    return otherwise if template is None else template.format_map(_Values(language, values))


def reason(language: str, code: str, otherwise: str = "") -> str:
    """Say why, in one short sentence, by its code; `otherwise` is the English one that the error itself carries."""
    return _sentence(language, "reasons", code) or otherwise


def keys(table: str = "phrases", language: str = FALLBACK) -> Mapping[str, str]:
    """List all sentences of a table ("phrases", "hints", "reasons", "pdf"), without their values."""
    return _catalogue(language).tables[table]


def _sentence(language: str, table: str, key: str) -> str | None:
    found = _catalogue(language).pgettext(table, key)
    return None if found == key else found


class _Values(dict[str, object]):
    def __init__(self, language: str, given: Mapping[str, object]) -> None:
        super().__init__(given)
        self._language = language

    def __missing__(self, key: str) -> str:
        return _sentence(self._language, "phrases", f"command_{key}") or "?"


class _Catalogue(gettext.GNUTranslations):
    """A language's sentences; `tables` lists them."""

    _catalog: dict[object, str]

    @property
    def tables(self) -> dict[str, dict[str, str]]:
        """Table -> key -> sentence."""
        found: dict[str, dict[str, str]] = {}
        for name, sentence in self._catalog.items():
            table, end, key = str(name).partition(po.CONTEXT_END)
            if end:
                found.setdefault(table, {})[key] = sentence
        return found


@cache
def _catalogue(language: str) -> _Catalogue:
    """From the compiled catalogue; where that is missing, or older than its text, from the text."""
    name = language if language in LANGUAGES else FALLBACK
    compiled, text = po.place(name, "mo"), po.place(name, "po")
    if compiled.exists() and (not text.exists() or compiled.stat().st_mtime >= text.stat().st_mtime):
        return _Catalogue(io.BytesIO(compiled.read_bytes()))
    return _Catalogue(io.BytesIO(po.mo_bytes(po.read_po(text.read_text("utf-8")))))
