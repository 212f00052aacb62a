"""What is typed becomes exact normal forms, beginnings and parts, and each means itself in a real SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.certificates import identifiers
from collector.certificates.code_text import certificate_id_in
from collector.certificates.search_text import (
    LONGEST,
    MOST_WORDS,
    Question,
    Term,
    Wanted,
    after_prefix,
    fold,
    fts5_phrase,
    like_pattern,
    read,
)

ID = "3f" * 32
anything = st.text(st.characters(exclude_categories=[]), max_size=60)
storable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
quick = settings(max_examples=150, deadline=None)


def whole(text: str) -> Term:
    found = read(text).whole
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("wd-wx31 a12", Wanted("drive_serial", "WDWX31A12")),
        ("pf-0xyz12", Wanted("serial", "PF0XYZ12")),
        ("1S20XWCTO1WWPF0XYZ12", Wanted("serial", "PF0XYZ12")),
        ("0x5000c500a1b2c3d4", Wanted("wwn", "5000C500A1B2C3D4")),
        ("kk-4711", Wanted("asset_tag", "KK-4711")),
        ("49-015420-323751-8", Wanted("imei14", "49015420323751")),
        ("4901542032375101", Wanted("imei14", "49015420323751")),
        ("AF0123450ABCDE", Wanted("meid14", "AF0123450ABCDE")),
        ("Bench-01-000123", Wanted("number", "bench-01-000123")),
        ("bench-01-123", Wanted("number", "bench-01-000123")),
        ("LOT 7", Wanted("lot", "lot 7")),
        ("  Kolding   Kommune ", Wanted("customer", "kolding kommune")),
        ("op-17", Wanted("operator", "op-17")),
        (ID.upper(), Wanted("id", ID)),
        (f"https://collector.example/check/{ID}", Wanted("id", ID)),
    ],
)
def test_every_kind_of_number_is_asked_for_in_its_normal_form(typed: str, wanted: Wanted) -> None:
    assert wanted in whole(typed).exact


def test_the_id_of_a_certificate_asks_for_nothing_else() -> None:
    assert whole(f"benchwipe:{ID}").exact == (Wanted("id", ID),)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("wd-wx", Wanted("drive_serial", "WDWX")),
        ("4901542", Wanted("imei14", "4901542")),
        ("bench-01", Wanted("number", "bench-01")),
        ("5000c5", Wanted("wwn", "5000C5")),
        ("kold", Wanted("customer", "kold")),
        ("3f3f", Wanted("id", "3f3f")),
    ],
)
def test_the_beginning_of_a_number_is_asked_for_as_a_beginning(typed: str, wanted: Wanted) -> None:
    assert wanted in whole(typed).prefix


def test_each_word_must_be_found_and_the_whole_is_asked_for_too() -> None:
    question = read("Kolding LOT-7")
    assert [term.part for term in question.words] == ["kolding", "lot-7"]
    assert Wanted("drive_serial", "KOLDINGLOT7") in whole("Kolding LOT-7").exact
    assert read("") == read(" \t\u200b ") == Question()


def test_what_cannot_be_asked_is_said_in_one_line() -> None:
    assert str(LONGEST) in read("x" * (LONGEST + 1)).problem
    assert str(MOST_WORDS) in read("word " * (MOST_WORDS + 1)).problem
    assert read("a" * LONGEST).problem == read("word " * MOST_WORDS).problem == ""


@given(text=anything)
@quick
def test_nothing_typed_raises_and_everything_asked_can_be_stored(text: str) -> None:
    question = read(text)
    for term in (*question.words, *([question.whole] if question.whole else [])):
        for wanted in (*term.exact, *term.prefix):
            assert wanted.norm
            assert "\x00" not in wanted.norm
            wanted.norm.encode()
        assert term.part == "" or len(term.part) >= 3
    assert "\n" not in question.problem


@given(serial=st.text("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", min_size=6, max_size=20), length=st.integers(2, 20))
@quick
def test_the_beginning_of_any_serial_number_finds_it(serial: str, length: int) -> None:
    norm = identifiers.serial(serial)
    if norm and len(norm) > length:
        prefixes = [w.norm for w in whole(serial[:length].lower()).prefix if w.column == "drive_serial"]
        assert any(norm.startswith(prefix) for prefix in prefixes)


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("CREATE TABLE plain (text TEXT)")
        made.execute("CREATE VIRTUAL TABLE parts USING fts5 (text, tokenize = 'trigram')")
        yield made


@given(part=storable, before=storable, after=storable)
@settings(max_examples=80, deadline=None)
def test_a_part_with_any_signs_in_it_is_found_by_like_and_by_trigrams(
    database: sqlite3.Connection, part: str, before: str, after: str
) -> None:
    part = fold(part)
    if len(part) < 3:
        return
    database.execute("DELETE FROM plain")
    database.execute("DELETE FROM parts")
    for table in ("plain", "parts"):
        database.execute(f"INSERT INTO {table} (text) VALUES (?)", (f"{before}{part}{after}",))
        database.execute(f"INSERT INTO {table} (text) VALUES ('another row')")
    asked = "SELECT count(*) FROM plain WHERE text LIKE ? ESCAPE '\\'"
    found = database.execute(asked, (like_pattern(part, anywhere=True),)).fetchone()[0]
    assert found == 1 + (part in "another row")
    asked = "SELECT count(*) FROM parts WHERE parts MATCH ?"
    assert database.execute(asked, (fts5_phrase(part),)).fetchone()[0] >= 1


@pytest.mark.parametrize("part", ['abc"', "abc OR xyz", "NEAR(abc)", "abc*", "-abc", "text:abc", "abc\x00def", "'; --"])
def test_words_of_the_search_language_are_only_text(database: sqlite3.Connection, part: str) -> None:
    database.execute("SELECT count(*) FROM parts WHERE parts MATCH ?", (fts5_phrase(part),)).fetchone()


@pytest.mark.parametrize("part", ["100%", "a_b", "back\\slash", "%", "_"])
def test_signs_of_like_mean_themselves(database: sqlite3.Connection, part: str) -> None:
    asked = "SELECT ? LIKE ? ESCAPE '\\'"
    pattern = like_pattern(part, anywhere=False)
    assert database.execute(asked, (f"{part} and more", pattern)).fetchone()[0] == 1
    assert database.execute(asked, ("x" * len(part), pattern)).fetchone()[0] == 0


@given(prefix=storable, rest=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10), other=storable)
@quick
def test_a_range_holds_every_text_with_this_beginning_and_no_other(prefix: str, rest: str, other: str) -> None:
    end = after_prefix(prefix)
    assert prefix <= prefix + rest
    assert not end or prefix + rest < end
    if not other.startswith(prefix):
        assert not (prefix <= other and (not end or other < end))


def test_the_end_of_a_range_can_always_be_stored() -> None:
    assert after_prefix("a\ud7ff") == "a\ue000"
    assert after_prefix("a\U0010ffff") == "b"
    assert after_prefix("\U0010ffff") == after_prefix("") == ""


@pytest.mark.parametrize(
    "text",
    [
        ID,
        ID.upper(),
        f" {ID}\r\n",
        f"benchwipe:{ID}",
        f"BENCHWIPE:{ID.upper()}",
        f"https://collector.example/certificates/{ID}",
        f"https://collector.example/check/{ID}?from=label#top",
        f"https://collector.example/certificates/{ID}.jws",
        f"{ID}.jws",
        f"bench-01-000123 WD-WX31A12 ERASED {ID}",
        f"bench-01-000123, WD-WX31A12, SLETTET, {ID}",
        f"bench-01-000123\nWD-WX31A12\nERASED\n{ID}\n",
        f"benchwipeæ{ID}",
        f"{ID} {ID.upper()}",
    ],
)
def test_every_form_of_a_label_names_its_certificate(text: str) -> None:
    assert certificate_id_in(text) == ID


@pytest.mark.parametrize(
    "text",
    ["", "bench-01-000123", ID[:-1], ID + "0", "x" + ID, f"{ID} {'4e' * 32}", "g" * 64, "٣" * 64,
     ID + " " * 5000, "a" * 128],
)  # fmt: skip
def test_what_names_no_certificate_or_two_names_none(text: str) -> None:
    assert certificate_id_in(text) is None


@given(text=anything)
@quick
def test_no_text_of_a_code_raises(text: str) -> None:
    assert certificate_id_in(text) is None
    assert certificate_id_in(f"{text} {ID}") == ID
