"""One word for one thing: commands are called what the sheet calls them, and each thing of the bench has one name."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from agent.bench.alarms import spoken, warning
from agent.pdf.command_codes import groups
from agent.phrases import LANGUAGES, hint, keys, phrase
from agent.scan.codes import COMMANDS, Kind
from agent.scan.command_words import command_word, command_words
from agent.settings import Scanning
from tests.agent.engine_rig import settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
SAID = ("phrases", "hints", "reasons")
TYPED = {
    "da": r"\b(JA|NEJ|FORTRYD|STOP|PRINT IGEN|LOG UD|TABLET|YES|NO|UNDO|CANCEL|REPRINT|START|LOGOUT)\b",
    "en": r"\b(YES|NO|UNDO|CANCEL|REPRINT|TABLET|START|LOG OUT|LOGOUT)\b",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_has_a_command_word_typed_in(language: str) -> None:
    found = {
        key: text
        for table in SAID
        for key, text in keys(table, language).items()
        if not key.startswith("command_") and re.search(TYPED[language], text)
    }
    assert found == {}


def test_a_danish_screen_says_danish_words_over_the_same_codes() -> None:
    assert "JA eller NEJ" in phrase("da", "scan_yes_or_no", bay="A1", drive="...4711")
    assert "YES or NO" in phrase("en", "scan_yes_or_no", bay="A1", drive="...4711")
    assert "PRINT IGEN" in hint("da", "BW-L02")
    made = {entry.text: entry.word for entry in groups(settings("A1"), "da")[0].entries}
    assert made.items() >= {"YES": "JA", "NO": "NEJ", "CANCEL": "STOP", "REPRINT": "PRINT IGEN"}.items()
    assert "START" not in made


@pytest.mark.parametrize("language", LANGUAGES)
def test_sheet_and_screen_use_the_same_word_whatever_the_configuration_calls_it(language: str) -> None:
    rules = msgspec.structs.replace(Scanning(), yes="OK", reprint=r"IGEN\!")
    own = msgspec.structs.replace(settings("A1"), scanning=rules)
    words = command_words(rules, language)
    entries = {entry.text: entry.word for entry in groups(own, language)[0].entries}
    assert (entries["OK"], entries["IGEN!"]) == (words["yes"], words["reprint"]) == ("OK", "IGEN!")
    assert "OK" in phrase(language, "scan_yes_or_no", **words)
    told = spoken(warning("BW-L02", "x"), "da", words).text
    assert "IGEN!" in told


def test_a_pattern_that_still_takes_the_usual_code_keeps_the_usual_word() -> None:
    assert command_word(msgspec.structs.replace(Scanning(), yes="YES|JA"), Kind.YES, "da") == "JA"
    assert command_word(msgspec.structs.replace(Scanning(), yes="[JO]K+"), Kind.YES, "da") == "JA"
    assert set(command_words(Scanning(), "da")) == {kind.value for kind in COMMANDS}


# Words that stand for something else, or for two things, in what a Danish technician reads.
OUTWORN = (
    r"\b[Ll]abel", r"\b[Ss]kilt", r"\b[Kk]arakter", r"\b[Pp]arti", r"[Kk]ald på", r"[Tt]ilkald", r"\bannuller",
    r"\bDock\b|\bdocken?\b|\bDocken\b", r"\bSe (efter|til)\b", r"husker", r"hvem det er", r"identitet", r"frosset",
    r"\b[Ss]amler", r"\bmærke\b", r"\bciffer", r"\b[Tt]ryk", r"\bfrø\b", r"^Klar\.$",
)  # fmt: skip


def outworn(text: str) -> bool:
    return any(re.search(word, re.sub(r"\{\w+\}", "", text)) for word in OUTWORN)


def test_danish_sentences_have_one_word_for_one_thing_and_no_figures_of_speech() -> None:
    found = {(table, key): text for table in SAID for key, text in keys(table, "da").items() if outworn(text)}
    assert found == {}
    sheet = {key: text for key, text in keys("pdf", "da").items() if key.startswith("sheet_")}
    assert {key: text for key, text in sheet.items() if outworn(text)} == {}


def test_nobody_is_ordered_to_destroy_a_drive() -> None:
    for table in SAID:
        for language, order in (("da", r"[Dd]estruer d|[Dd]estruer$"), ("en", r"\b[Dd]estroy (it|the|this)\b")):
            assert [text for text in keys(table, language).values() if re.search(order, text)] == []
