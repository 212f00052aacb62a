"""What the technicians' pages let the screen say, it says; what they name is there; both languages say the same."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from agent.phrases import LANGUAGES, keys
from agent.settings import Scanning

DOCS = Path(__file__).resolve().parents[1] / "docs"


def page(language: str) -> str:
    return (DOCS / f"technician.{language}.md").read_text("utf-8")


def quoted(language: str) -> list[str]:
    return re.findall(r"(?m)^> (.+)$", page(language))


def said_by(language: str, line: str) -> set[str]:
    """The keys of the sentences that can read so."""
    found = set()
    for table in ("phrases", "hints"):
        for key, template in keys(table, language).items():
            parts = [
                re.escape(text) + (".+" if name else "") for text, name, _, _ in string.Formatter().parse(template)
            ]
            if re.fullmatch("".join(parts), line):
                found.add(key)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_of_the_screen_is_one_of_the_stations_sentences(language: str) -> None:
    assert len(quoted(language)) > 15
    assert [line for line in quoted(language) if not said_by(language, line)] == []


def test_both_pages_show_the_same_sentences_in_the_same_order() -> None:
    danish, english = quoted("da"), quoted("en")
    assert len(danish) == len(english)
    pairs = zip(danish, english, strict=True)
    assert [pair for pair in pairs if not said_by("da", pair[0]) & said_by("en", pair[1])] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_picture_is_there(language: str) -> None:
    pictures = re.findall(r"\]\((pictures/[^)]+)\)", page(language))
    assert len(pictures) >= 3
    assert [name for name in pictures if not (DOCS / name).is_file()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_command_words_are_the_stations_own(language: str) -> None:
    patterns = [value for value in vars_of(Scanning()) if isinstance(value, str)]
    words = set(re.findall(r"`([A-Z]{2,})`", page(language)))
    assert words >= {"YES", "NO", "UNDO", "CANCEL", "REPRINT"}
    assert [word for word in words if not any(re.fullmatch(pattern, word) for pattern in patterns)] == []


def vars_of(scanning: Scanning) -> list[object]:
    return [getattr(scanning, name) for name in scanning.__struct_fields__]
