"""Danish and English say the same things, shortly, and never stop the station."""

from __future__ import annotations

import gettext
import io
import re
import string
from pathlib import Path

import pytest

import agent
from agent.certificates.outcome import CANCELLED, INCOMPLETE, MISMATCH, NOT_VERIFIED, UNREACHED
from agent.jobs.bay import BayState
from agent.phrases import LANGUAGES, hint, keys, phrase, po

ROOT = Path(agent.__file__).parents[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_says_what_the_text_says(language: str) -> None:
    entries = po.read_po(po.place(language, "po").read_text("utf-8"))
    compiled = gettext.GNUTranslations(io.BytesIO(po.mo_bytes(entries)))
    assert {name: compiled.pgettext(*name) for name in entries} == entries
    assert compiled.charset() == "UTF-8"
    for table in ("phrases", "hints", "reasons", "pdf"):
        assert keys(table, language) == {key: text for (where, key), text in entries.items() if where == table}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_stands_in_a_table(language: str) -> None:
    entries = po.read_po(po.place(language, "po").read_text("utf-8"))
    assert {table for table, _ in entries} == {"phrases", "hints", "reasons", "pdf"}


def test_a_text_with_quotes_and_several_lines_is_read_and_one_that_is_none_is_refused() -> None:
    text = '# c\n\nmsgctxt "t"\nmsgid "k"\nmsgstr "a \\"b\\" "\n"\\\\ \\nÆØÅ"\n'
    assert po.read_po(text) == {("t", "k"): 'a "b" \\ \nÆØÅ'}
    for wrong in ("nonsense", 'msgid "k"', text + "\n" + text):
        with pytest.raises(ValueError, match=r"PO file|msgstr"):
            po.read_po(wrong)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("table", ["phrases", "hints", "reasons"])
def test_both_languages_have_the_same_keys_and_placeholders(table: str) -> None:
    english, danish = keys(table, "en"), keys(table, "da")
    assert list(english) == list(danish)
    for key in english:
        assert placeholders(english[key]) == placeholders(danish[key]), key


OTHER_WORDS = re.compile(
    r"label|skilt|karakter|\bparti|\bkald |tilkald|\bse (til|efter) |\bdock\b|docken|annuller|optaget|destru"
)
"""Second words for what has one in Danish: mærkat, ID-kort, stand, levering, hent, tjek, dockingstation, stoppe."""


@pytest.mark.parametrize("table", ["phrases", "hints", "reasons"])
def test_one_thing_has_one_word_in_danish(table: str) -> None:
    told = {key: re.sub(r"\{\w+\}|DESTRUER", "", text) for key, text in keys(table, "da").items()}
    assert [(key, text) for key, text in told.items() if OTHER_WORDS.search(text.lower())] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_short_and_calm(language: str) -> None:
    for table in ("phrases", "hints", "reasons"):
        for key, text in keys(table, language).items():
            assert 0 < len(text) <= 60, key
            assert "!" not in text, key
            if key.startswith(("label_", "word_", "command_", "uplink_")) and key != "label_not_printed":
                assert len(text) <= 36, key
            else:
                assert text[-1] in ".?", key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_of_a_bay_and_every_outcome_has_a_sentence(language: str) -> None:
    for state in BayState:
        assert f"bay_{state.value}" in keys("phrases", language)
    for outcome in ("erased", "failed", "aborted", "refused", "cancelled"):
        assert f"done_{outcome}" in keys("phrases", language)


def test_every_phrase_that_the_station_says_exists() -> None:
    said: set[str] = set()
    answers = ("scan_desk.py", "device_desk.py", "reception.py")
    for path in (ROOT / "agent").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        said |= set(re.findall(r'(?:\.say|\.report|phrase)\(\s*(?:\w+,\s*)?"([a-z_]+)"', source))
        said |= set(re.findall(r'return "([a-z]+_[a-z_]+)"', source)) if path.name in answers else set()
    assert {"bay_interrupted", "nothing_to_undo"} <= said
    assert said <= set(keys())


def test_values_are_filled_in_and_never_read_as_a_template() -> None:
    assert phrase("en", "scan_bay", asset="KK-004711") == "KK-004711: now scan the bay."
    assert phrase("da", "scan_bay", asset="{bay.__class__}") == "{bay.__class__}: scan nu båsen."


def test_what_is_missing_never_stops_the_station() -> None:
    assert phrase("xx", "station_ready") == phrase("en", "station_ready")
    assert phrase("da", "no_such_key", bay="1") == "no_such_key"
    assert phrase("en", "bay_empty") == "Bay ?: empty."


def test_a_hint_is_found_by_its_code_in_the_language_or_is_the_errors_own() -> None:
    assert hint("da", "BW-E03", "Destroy it.") == "Læg drevet i kassen DESTRUER."
    assert hint("da", "BW-X99", "Ask somebody.") == "Ask somebody."


def test_every_way_to_end_without_success_has_a_hint_in_both_languages() -> None:
    for reason in (INCOMPLETE, UNREACHED, MISMATCH, NOT_VERIFIED, CANCELLED):
        for language in LANGUAGES:
            assert reason.code in keys("hints", language)


def test_no_hint_is_for_a_code_that_does_not_exist() -> None:
    sources = [p for room in ("agent", "drivers", "firmware_bridge", "collector") for p in (ROOT / room).rglob("*.py")]
    known = {code for path in sources for code in re.findall(r'"(BW-[A-Z]\d\d)"', path.read_text(encoding="utf-8"))}
    assert set(keys("hints")) <= known
