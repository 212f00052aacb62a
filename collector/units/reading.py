"""A file of a register, as it comes out of other programs -> rows of cells. Bounded in every direction.

CSV in UTF-8, UTF-16 or Windows' code page, with commas, semicolons or tabs; Intune's ZIP of one CSV; the first sheet
of an XLSX.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from collector.text import clean
from collector.units.errors import RegisterProblem
from collector.units.register_cells import Cell

LARGEST = 32 << 20
MOST_UNPACKED = 256 << 20
MOST_ROWS = 200_000
MOST_COLUMNS = 200
SEPARATORS = ",;\t"
ZIP = b"PK\x03\x04"


def read_file(path: Path) -> bytes:
    """Read a file's bytes. Raise RegisterProblem where it is not there, or larger than is taken in."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise RegisterProblem(file=path, problem=error.strerror or str(error)) from None
    if len(data) > LARGEST:
        raise RegisterProblem(file=path, problem=f"larger than {LARGEST >> 20} MiB: split it")
    return data


def rows(data: bytes, name: str) -> list[Sequence[Cell]]:
    """Read the rows of a CSV, of a ZIP with one, or of an XLSX's first sheet. Raise RegisterProblem."""
    found: list[Sequence[Cell]] = _sheet(data, name) if data.startswith(ZIP) else list(_lines(data, name))
    if not found:
        raise RegisterProblem(file=name, problem="it has no rows")
    return found


def _sheet(data: bytes, name: str) -> list[Sequence[Cell]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            inside = packed.infolist()
            if sum(one.file_size for one in inside) > MOST_UNPACKED:
                raise RegisterProblem(file=name, problem=f"larger than {MOST_UNPACKED >> 20} MiB once it is unpacked")
            if not any(one.filename == "[Content_Types].xml" for one in inside):
                return list(_lines(_only_csv(packed, inside, name), name))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise RegisterProblem(file=name, problem=f"cannot be unpacked: {clean(str(error))}") from None
    return _workbook(data, name)


def _only_csv(packed: zipfile.ZipFile, inside: Sequence[zipfile.ZipInfo], name: str) -> bytes:
    files = [one for one in inside if one.filename.lower().endswith((".csv", ".txt"))]
    if len(files) != 1:
        raise RegisterProblem(file=name, problem=f"the ZIP holds {len(files)} CSV files; one is taken in")
    with packed.open(files[0]) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise RegisterProblem(file=name, problem=f"larger than {LARGEST >> 20} MiB once it is unpacked")
    return data


def _workbook(data: bytes, name: str) -> list[Sequence[Cell]]:
    import python_calamine

    try:
        book = python_calamine.load_workbook(io.BytesIO(data))
        sheet = book.get_sheet_by_index(0)
        if sheet.total_height > MOST_ROWS or sheet.total_width > MOST_COLUMNS:
            raise RegisterProblem(file=name, problem=f"more than {MOST_ROWS} rows or {MOST_COLUMNS} columns")
        return [[_plain(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    except (python_calamine.CalamineError, ValueError, OSError) as error:
        raise RegisterProblem(file=name, problem=f"is no workbook that can be read: {clean(str(error))}") from None


def _plain(cell: object) -> Cell:
    """Times of day and durations are no register's: they stand as their text."""
    return cell if isinstance(cell, str | int | float | date) else str(cell)


def _lines(data: bytes, name: str) -> Iterator[list[Cell]]:
    text = _decoded(data, name)
    head = "\n".join(text.split("\n", 12)[:12])
    separator = max(SEPARATORS, key=head.count)
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=False)):
            if number >= MOST_ROWS:
                raise RegisterProblem(file=name, problem=f"more than {MOST_ROWS} rows: split it")
            if len(row) > MOST_COLUMNS:
                raise RegisterProblem(file=name, problem=f"row {number + 1} has more than {MOST_COLUMNS} columns")
            yield list(row)
    except csv.Error as error:
        raise RegisterProblem(file=name, problem=f"is no CSV that can be read: {clean(str(error))}") from None


def _decoded(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            raise RegisterProblem(file=name, problem="holds NUL characters: it is no text")
        return text
    raise RegisterProblem(file=name, problem="is neither UTF-8, UTF-16 nor Windows-1252")
