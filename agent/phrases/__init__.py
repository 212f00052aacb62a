"""What technicians read, in Danish and English: en.toml and da.toml, one short sentence a key, the same keys in both.

Plain tables and not gettext catalogues: a key stays when its wording changes, hints are found by error code, nothing is
compiled, and a test holds keys and placeholders of both languages equal. docs/labels.md says how to add a language.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = ("da", "en")
FALLBACK = "en"


def phrase(language: str, key: str, **values: object) -> str:
    """The sentence of that key with its values filled in.

    Words must never stop an erasure: an unknown language reads English, an unknown key itself, a value not given "?".
    """
    texts = _catalogue(language)["phrases"]
    template = texts.get(key) or _catalogue(FALLBACK)["phrases"].get(key)
    return key if template is None else template.format_map(_Values(values))


def hint(language: str, code: str, otherwise: str = "") -> str:
    """What to do about an error code (BW-...); `otherwise` is the English hint that the error itself carries."""
    return _catalogue(language)["hints"].get(code, otherwise)


def reason(language: str, code: str, otherwise: str = "") -> str:
    """Why, in one short sentence, by its code; `otherwise` is the English one that the error itself carries."""
    return _catalogue(language)["reasons"].get(code, otherwise)


def keys(table: str = "phrases", language: str = FALLBACK) -> Mapping[str, str]:
    """All sentences of a table, "phrases" or "hints", without their values."""
    return dict(_catalogue(language)[table])


class _Values(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


@cache
def _catalogue(language: str) -> Mapping[str, Mapping[str, str]]:
    name = language if language in LANGUAGES else FALLBACK
    found: Mapping[str, Mapping[str, str]] = tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text("utf-8"))
    return found
