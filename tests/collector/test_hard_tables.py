"""Tables that people upload: every way that spreadsheets save them is read, and no file takes more than its part."""

from __future__ import annotations

import io
import resource
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.tables import rows, sheets
from collector.tables.reading import read_file, read_table
from collector.tables.rows import Row, TableProblem
from tests.patience import PROGRAM_S

HEADER = ("Serienummer", "Mærke", "Lokation")
ROWS = (("00123", "Ærø 1", "Kolding; stue"), ("ABC-9", 'Ø "x"', "to\nlinjer"))


def written(delimiter: str, encoding: str, *, end: str = "\r\n", head: str = "") -> bytes:
    """A CSV as a program writes it, everything with a delimiter, a quote or an end of line in quotation marks."""
    lines = [
        delimiter.join('"' + cell.replace('"', '""') + '"' if set(cell) & set('",;\t\n') else cell for cell in row)
        for row in (HEADER, *ROWS)
    ]
    return (head + end.join(lines) + end).encode(encoding)


def workbook(fill: Callable[[Any, Any], None], **options: Any) -> bytes:  # noqa: ANN401
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True, **options}) as book:
        fill(book, book.add_worksheet("Ark1"))
    return data.getvalue()


def archive(parts: dict[str, bytes], base: bytes = b"") -> bytes:
    """A ZIP: the parts, and of `base` those that they do not replace."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as made:
        if base:
            with zipfile.ZipFile(io.BytesIO(base)) as old:
                for name in old.namelist():
                    if name not in parts:
                        made.writestr(name, old.read(name))
        for name, content in parts.items():
            made.writestr(name, content)
    return data.getvalue()


def plain() -> bytes:
    return workbook(lambda _book, sheet: sheet.write_row(0, 0, ("a", "b")))


def refusal(data: bytes) -> str:
    with pytest.raises(TableProblem) as caught:
        read_table(data, "liste.csv")
    told = str(caught.value)
    assert told.startswith("liste.csv: ")
    assert told.isprintable()
    return told.removeprefix("liste.csv: ")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be-bom", "cp1252"])
def test_a_csv_is_read_in_every_way_that_it_is_saved(delimiter: str, encoding: str) -> None:
    data = (
        b"\xfe\xff" + written(delimiter, "utf-16-be") if encoding == "utf-16-be-bom" else written(delimiter, encoding)
    )
    table = read_table(data)
    assert table.header == HEADER
    assert table.rows == (Row(2, ROWS[0]), Row(3, ROWS[1]))


def test_excels_own_first_line_and_empty_lines_count_as_rows_that_people_see() -> None:
    table = read_table(b"sep=;\r\n\r\na;b\r\n;\r\n1;2,5\r\n")
    assert (table.header, table.header_row, table.rows) == (("a", "b"), 3, (Row(5, ("1", "2,5")),))


def test_an_xlsx_is_read_as_people_see_it() -> None:
    def fill(book: Any, sheet: Any) -> None:  # noqa: ANN401
        sheet.write_row(1, 1, ("serial", "imei", "date", "price"))
        sheet.write_string(2, 1, "00123")
        sheet.write_number(2, 2, 123456789012345)
        sheet.write_datetime(2, 3, datetime(2026, 1, 2), book.add_format({"num_format": "d/m/yy"}))
        sheet.write_number(2, 4, 2.5)
        sheet.write_blank(1_048_575, 16_383, None, book.add_format({"bold": True}))  # coloured, and empty

    table = read_table(workbook(fill))
    assert (table.header, table.header_row) == (("", "serial", "imei", "date", "price"), 2)
    assert table.rows == (Row(3, ("", "00123", "123456789012345", "2026-01-02", "2.5")),)


def test_cells_that_cannot_be_believed_are_named_and_the_rest_is_read() -> None:
    def fill(_book: Any, sheet: Any) -> None:  # noqa: ANN401
        sheet.write_row(0, 0, ("a", "b", "c"))
        sheet.write_formula(1, 0, "=1+1", None, "")
        sheet.write_formula(2, 1, "=NA()", None, "#N/A")
        sheet.write_formula(3, 1, "=1+1", None, 2)
        sheet.write_number(4, 2, 12345678901234567)
        sheet.write_string(5, 0, "=HYPERLINK(1)")

    found = {row.number: row for row in read_table(workbook(fill)).rows}
    assert {number: row.problems for number, row in found.items()} == {
        2: ((0, "holds a formula that was never computed"),),
        3: ((1, "holds an error in place of a value"),),
        4: (),
        5: ((2, "a number of more than fifteen digits; format the column as text"),),
        6: (),
    }
    assert found[4].cells == ("", "2", "")
    assert found[6].cells[0] == "=HYPERLINK(1)", "text stays text, and is never computed"


def test_doubts_are_found_on_the_sheet_that_is_read() -> None:
    def fill(book: Any, sheet: Any) -> None:  # noqa: ANN401
        second = book.add_worksheet("Ark2")
        sheet.hide()
        second.activate()
        second.set_first_sheet()
        sheet.write_formula(0, 0, "=NA()", None, "#N/A")
        second.write_row(0, 0, ("a", "b"))
        second.write_row(1, 0, ("x", "y"))
        second.write_formula(1, 1, "=NA()", None, "#N/A")

    assert read_table(workbook(fill)).rows == (Row(2, ("x", ""), ((1, "holds an error in place of a value"),)),)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"\n \r\n", "the file is empty"),
        (b"a;b\n\x00\x01", "no text: it holds zero bytes; allowed are XLSX and CSV"),
        (b"a\n\x81\x8d", "not UTF-8 nor Windows-1252: byte 2 is wrong; save it as CSV UTF-8 or XLSX"),
        (b"\xff\xfea", "not UTF-16: byte 0 is wrong; save it as CSV UTF-8 or XLSX"),
        (b'a,b\n"x,y\n', 'row 2: a quotation mark (") is opened and not closed'),
        (b'a\n"' + b"x" * 200_000 + b'"\n', 'row 2: a quotation mark (") is opened and not closed'),
        (b"a\n" + b"x" * 5_000, "A2 has more than 4000 characters"),
        (b"a\n" + b"x," * 300 + b"x", "row 2 has more than 200 columns"),
        (b"x\n" * 100_003, "more than 100000 rows"),
        (b"x" * (rows.LARGEST + 1), "more than 20 MiB"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 99, "an .xls, or a workbook with a password; save it as .xlsx without one"),
        (b"PK\x03\x04 no zip", sheets.BROKEN),
        (b"a\x1b[31m;b\nx;y", "the heading A1: holds control characters"),
    ],
)
def test_a_file_that_is_no_table_is_one_line(data: bytes, told: str) -> None:
    assert refusal(data) == told


def test_a_cell_in_doubt_does_not_cost_the_others() -> None:
    table = read_table(b"imei;navn\n3,51234E+14;a\n123;b\x1b[2J\n1;2;3\n")
    assert [row.problems for row in table.rows] == [
        ((0, "a spreadsheet has rounded it to 3,51234E+14; format the column as text"),),
        ((1, "holds control characters"),),
        ((2, "more cells than headings"),),
    ]


def sheet_xml(cells: str) -> dict[str, bytes]:
    text = f'<worksheet xmlns="x"><sheetData>{cells}</sheetData></worksheet>'
    return {"xl/worksheets/sheet1.xml": text.encode()}


LAUGHS = '<!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><w>&b;</w>'
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a cell at the far end": (
        lambda: archive(sheet_xml('<row r="1"><c r="A1"><v>1</v></c><c r="XFD1048576"><v>1</v></c></row>'), plain()),
        "XFD1048576 holds something",
    ),
    "the far end of what is allowed": (
        lambda: archive(sheet_xml('<row><c r="A1"><v>1</v></c><c r="GR100000"><v>1</v></c></row>'), plain()),
        "a sheet of more than 4000000 cells",
    ),
    "a row that says so": (
        lambda: archive(sheet_xml('<row r="1048575"><c><v>1</v></c></row>'), plain()),
        "A1048575 holds something",
    ),
    "a part of zeros": (
        lambda: archive({"xl/sharedStrings.xml": b" " * (sheets.LARGEST_UNPACKED + 1)}, plain()),
        "it unpacks to more than 96 MiB",
    ),
    "entities": (lambda: archive({"xl/sharedStrings.xml": LAUGHS.encode()}, plain()), sheets.BROKEN),
    "an entity of a file": (
        lambda: archive(
            {"xl/sharedStrings.xml": b'<!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]><w>&a;</w>'}, plain()
        ),
        sheets.BROKEN,
    ),
    "thousands of parts": (
        lambda: archive({f"xl/worksheets/s{n}.xml": b"<w/>" for n in range(sheets.MOST_PARTS + 1)}, plain()),
        "a ZIP of more than 2000 parts",
    ),
    "a ZIP of something else": (lambda: archive({"word/document.xml": b"<w/>"}), sheets.NO_BOOK),
    "a sheet cut off": (
        lambda: archive({"xl/worksheets/sheet1.xml": b"<worksheet><sheetData><row"}, plain()),
        sheets.BROKEN,
    ),
    "a reference that is none": (
        lambda: archive(sheet_xml('<row><c r="A99999999"><v>1</v></c></row>'), plain()),
        sheets.BROKEN,
    ),
    "a workbook without sheets": (
        lambda: archive({"xl/workbook.xml": b'<workbook xmlns="x"><sheets/></workbook>'}, plain()),
        "no sheet of it holds anything",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_workbook_that_would_take_the_machine_is_refused(name: str) -> None:
    make, told = BOMBS[name]
    assert refusal(make()).startswith(told)


def test_a_part_that_is_not_read_is_not_unpacked() -> None:
    """A picture of a gigabyte costs nothing; the library never sees the archive that was uploaded."""
    data = archive({"xl/media/image1.png": b"\0" * (sheets.LARGEST_UNPACKED * 2)}, plain())
    assert len(data) < 1_000_000
    assert read_table(data).header == ("a", "b")


def test_a_part_that_lies_about_its_size_is_refused() -> None:
    """The archive says ten bytes; what is packed is more."""
    data = bytearray(archive({"xl/sharedStrings.xml": b" " * 100_000}, plain()))
    at = data.rindex(b"xl/sharedStrings.xml") - 46
    assert data[at : at + 4] == b"PK\x01\x02"
    data[at + 24 : at + 28] = struct.pack("<L", 10)
    assert refusal(bytes(data)).startswith(sheets.BROKEN)


def test_the_worst_files_stay_within_half_a_gigabyte(tmp_path: Path) -> None:
    """Each in a process that has no more: Python itself, Django not among it, takes some 100 MiB of addresses."""
    files = []
    for number, (make, _) in enumerate(BOMBS.values()):
        files.append(tmp_path / f"{number}.xlsx")
        files[-1].write_bytes(make())
    files.append(tmp_path / "most.csv")
    files[-1].write_bytes(b"a;b;c\n" + b"12345678;12345678;12345678\n" * 99_000)
    program = (
        "import sys, pathlib\nfrom collector.tables.reading import TableProblem, read_file\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n        print(len(read_file(pathlib.Path(name)).rows))\n"
        "    except TableProblem as problem:\n        print(problem)\n"
    )
    most = 768 * 1024 * 1024
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PROGRAM_S,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(files)
    assert done.stdout.splitlines()[-1] == "99000"


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TableProblem, match="No such file"):
        read_file(tmp_path / "no\x1b[31m.csv")
    with pytest.raises(TableProblem, match="Is a directory"):
        read_file(tmp_path)


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_no_bytes_at_all_break_it(data: bytes) -> None:
    for one in (data, b"PK\x03\x04" + data, b"\xff\xfe" + data):
        try:
            table = read_table(one)
        except TableProblem:
            continue
        assert all(len(row.cells) == len(table.header) for row in table.rows)


@given(st.binary(min_size=1, max_size=40), st.integers(0, 6000))
@settings(max_examples=150, deadline=None)
def test_no_damage_to_a_workbook_breaks_it(damage: bytes, at: int) -> None:
    data = bytearray(plain())
    data[at % len(data) : at % len(data) + len(damage)] = damage
    told = ""
    try:
        read_table(bytes(data))
    except TableProblem as problem:
        told = str(problem)
    assert told.isprintable()
