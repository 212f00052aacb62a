"""A file of a register, as it comes out of other programs -> rows of texts. Bounded in every direction.

Tables are read as every other one is (collector/tables). Beside them: Intune's export, a ZIP of one CSV.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from collector.tables import reading as tables
from collector.tables import sheets
from collector.tables.rows import LARGEST, MOST_ROWS, Row
from collector.text import visible
from collector.units.errors import RegisterProblem

ZIP = b"PK\x03\x04"
OLD_OFFICE = b"\xd0\xcf\x11\xe0"
BOOK = "xl/workbook.xml"


def read_file(path: Path) -> bytes:
    """Read a file's bytes. Raise RegisterProblem where it is not there, or larger than is taken in."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise RegisterProblem(file=visible(str(path)), problem=error.strerror or str(error)) from None


def rows(data: bytes, name: str) -> list[Row]:
    """Read the rows of a CSV, of a ZIP with one, or of an XLSX's first sheet. Raise RegisterProblem."""
    shown = visible(name, 100)
    try:
        if len(data) > LARGEST:
            raise ValueError(f"more than {LARGEST >> 20} MiB: split it")
        if data.startswith(OLD_OFFICE):
            raise ValueError("an .xls, or a workbook with a password; save it as .xlsx without one")
        found = _tidy(_rows(data))
    except ValueError as error:
        raise RegisterProblem(file=shown, problem=str(error)) from None
    if not found:
        raise RegisterProblem(file=shown, problem="the file is empty")
    return found


def _tidy(found: Iterable[Row]) -> list[Row]:
    kept: list[Row] = []
    for row in map(tables.tidy, found):
        if any(row.cells) or row.problems:
            kept.append(row)
        if len(kept) > MOST_ROWS:
            raise ValueError(f"more than {MOST_ROWS} rows: split it")
    return kept


def _rows(data: bytes) -> Iterable[Row]:
    if not data.startswith(ZIP):
        return tables.csv_rows(tables.decode(data))
    text = _packed_csv(data)
    return sheets.read_sheet(data) if text is None else tables.csv_rows(tables.decode(text))


def _packed_csv(data: bytes) -> bytes | None:
    """Unpack the one CSV of a ZIP; None where it is a workbook."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if BOOK in packed.namelist():
                return None
            files = [one for one in packed.infolist() if one.filename.lower().endswith((".csv", ".txt"))]
            if len(files) != 1:
                raise ValueError(f"a ZIP of {len(files)} CSV files; one is taken in")
            with packed.open(files[0]) as file:
                found = file.read(LARGEST + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError):
        raise ValueError("a ZIP that cannot be unpacked") from None
    if len(found) > LARGEST:
        raise ValueError(f"it unpacks to more than {LARGEST >> 20} MiB: split it")
    return found
