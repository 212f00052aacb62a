"""Uploaded tables (XLSX; CSV as any spreadsheet saves it) -> rows of text with their numbers. Bounded everywhere.

A whole file is refused in one line; a cell that cannot be believed is named beside its row, which a person then mends.
No cell is ever computed: what begins with "=" is text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from collector.tables import sheets
from collector.tables.rows import (
    LARGEST,
    LONGEST_CELL,
    MOST_COLUMNS,
    MOST_ROWS,
    Row,
    Table,
    TableProblem,
    column_name,
)
from collector.text import visible

DELIMITERS = ",;\t"
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_ROUNDED = re.compile(r"\d[.,]\d+[Ee]\+\d+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_SEPARATOR = re.compile(r"sep=([,;\t])")


def read_file(path: Path) -> Table:
    """Read a file of either kind. Raise TableProblem."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise TableProblem(name=visible(str(path)), problem=f"cannot be read: {error.strerror}") from None
    return read_table(data, path.name)


def read_table(data: bytes, name: str = "table") -> Table:
    """Read what was uploaded, by what it is and not by its name. Raise TableProblem."""
    shown = visible(name, 100)
    try:
        if len(data) > LARGEST:
            raise ValueError(f"more than {LARGEST // 1024 // 1024} MiB")
        if not data.strip(b"\0\r\n\t "):
            raise ValueError("the file is empty")
        if data.startswith(_OLD_OFFICE):
            raise ValueError("an .xls, or a workbook with a password; save it as .xlsx without one")
        return _table(_rows_of(data))
    except ValueError as error:
        raise TableProblem(name=shown, problem=str(error)) from None


def _rows_of(data: bytes) -> Iterable[Row]:
    if data.startswith(b"PK"):
        return sheets.read_sheet(data)
    return csv_rows(decode(data))


def _table(found: Iterable[Row]) -> Table:
    header: Row | None = None
    rows: list[Row] = []
    for row in map(tidy, found):
        if not any(row.cells) and not row.problems:
            continue
        if header is None:
            header = row
            continue
        rows.append(_fitted(row, len(header.cells)))
        if len(rows) > MOST_ROWS:
            raise ValueError(f"more than {MOST_ROWS} rows")
    if header is None:
        raise ValueError("the file is empty")
    if header.problems:
        column, problem = header.problems[0]
        raise ValueError(f"the heading {column_name(column)}{header.number}: {problem}")
    return Table(header.cells, header.number, tuple(rows))


def tidy(row: Row) -> Row:
    """Clear cells of spaces round them, and name what cannot be believed. Raise ValueError beyond the limits."""
    cells = [cell.replace("\u00a0", " ").strip() for cell in row.cells]
    while cells and not cells[-1]:
        cells.pop()
    if len(cells) > MOST_COLUMNS:
        raise ValueError(f"row {row.number} has more than {MOST_COLUMNS} columns")
    problems = dict(row.problems)
    for column, cell in enumerate(cells):
        if len(cell) > LONGEST_CELL:
            raise ValueError(f"{column_name(column)}{row.number} has more than {LONGEST_CELL} characters")
        if _CONTROL.search(cell):
            problems.setdefault(column, "holds control characters")
        elif _ROUNDED.fullmatch(cell):
            problems.setdefault(column, f"a spreadsheet has rounded it to {cell}; format the column as text")
    return Row(row.number, tuple(cells), tuple(sorted(problems.items())))


def _fitted(row: Row, columns: int) -> Row:
    """As many cells as the header has. More are named: a delimiter within a text moves all cells after it."""
    cells = row.cells[:columns] + ("",) * (columns - len(row.cells))
    more = ((columns, "more cells than headings"),) if len(row.cells) > columns else ()
    return Row(row.number, cells, row.problems + more)


def decode(data: bytes) -> str:
    """Read bytes as UTF-8, UTF-16 or, as Danish Excel writes by default, Windows-1252. Raise ValueError."""
    encoding = _UTF16.get(data[:2])
    if encoding is not None:
        return _decoded(data[2:], encoding, "UTF-16")
    if data.startswith(b"\xef\xbb\xbf"):
        return _decoded(data[3:], "utf-8", "UTF-8")
    if b"\0" in data:
        head = data[:4096]
        if head[1::2].count(0) > len(head) // 4 and not head[::2].count(0):
            return _decoded(data, "utf-16-le", "UTF-16")
        raise ValueError("no text: it holds zero bytes; allowed are XLSX and CSV")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decoded(data, "cp1252", "UTF-8 nor Windows-1252")


def _decoded(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"not {name}: byte {error.start} is wrong; save it as CSV UTF-8 or XLSX") from None


def csv_rows(text: str) -> Iterator[Row]:
    """Give out the rows of a CSV, whichever of comma, semicolon and tab divides them. Raise ValueError."""
    told = _SEPARATOR.match(text)
    delimiter = told[1] if told else _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(f"row {number}: {_csv_words(str(error))}") from None
        if number > 1 or not told:
            yield Row(number, tuple(cells))


def _csv_words(told: str) -> str:
    if "field larger" in told or "unexpected end" in told:
        return 'a quotation mark (") is opened and not closed'
    return told


def _delimiter(text: str) -> str:
    """Which of them stands most often in the first line that holds anything, outside quotation marks."""
    line = next((one for one in io.StringIO(text[:65536]) if one.strip()), "")
    bare = re.sub(r'"[^"]*"', "", line)
    return max(DELIMITERS, key=bare.count)


def index(header: Sequence[str]) -> dict[str, int]:
    """Map headings, without regard to case and spaces around, to columns; of two that are the same the first."""
    found: dict[str, int] = {}
    for column, name in enumerate(header):
        found.setdefault(" ".join(name.casefold().split()), column)
    return found
