"""The first sheet of an XLSX that holds anything -> rows of text.

The library that reads it (calamine) lays a sheet out densely: one cell at XFD1048576 would take all memory, and a
program in Rust that has none left ends its process. So each part is unpacked here, piece by piece and within a limit,
its XML is walked, and the library is handed those parts alone in a fresh archive: it never sees what was uploaded.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from posixpath import join, normpath
from xml.parsers import expat

import python_calamine

from collector.tables.rows import MOST_COLUMNS, MOST_ROWS, Row, column_name

MOST_PARTS = 2_000
LARGEST_UNPACKED = 96 * 1024 * 1024
MOST_CELLS = 4_000_000
"""Of the rectangle from A1 that is laid out: 32 bytes each."""
PIECE = 256 * 1024
EXACT = 10**15
"""A spreadsheet keeps fifteen digits of a number."""
BROKEN = "a workbook that cannot be read; open it in a spreadsheet and save it as .xlsx"
NO_BOOK = "a ZIP that is no XLSX; allowed are XLSX and CSV"
_BOOK, _LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_READ = re.compile(r"\[Content_Types\]\.xml|_rels/\.rels|xl/(workbook|sharedStrings|styles|worksheets/[^/]+)\.xml"
                   r"|xl/_rels/workbook\.xml\.rels")  # fmt: skip
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")
Cell = int | float | str | bool | time | date | datetime | timedelta


def read_sheet(data: bytes) -> Iterator[Row]:
    """Give out its rows. Raise ValueError for a file that is refused."""
    parts = unpack(data)
    book = Book()
    for name, content in parts.items():
        book.look(name, content)
    try:
        yield from _rows(book, parts)
    except (ValueError, MemoryError, OSError):
        raise
    except BaseException as error:  # a panic of the library is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
            raise
        raise ValueError(BROKEN) from None


def unpack(data: bytes) -> dict[str, bytes]:
    """Unpack the parts that are read, and no more than the limit. Raise ValueError."""
    found: dict[str, bytes] = {}
    left = LARGEST_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS:
                raise ValueError(f"a ZIP of more than {MOST_PARTS} parts")
            for part in parts:
                if not _READ.fullmatch(part.filename):
                    continue
                if part.filename in found or part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise ValueError(BROKEN)
                found[part.filename] = _unpack(archive, part, left)
                left -= len(found[part.filename])
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError):
        raise ValueError(BROKEN) from None
    if _BOOK not in found:
        raise ValueError(NO_BOOK)
    return found


def _unpack(archive: zipfile.ZipFile, part: zipfile.ZipInfo, left: int) -> bytes:
    pieces: list[bytes] = []
    with archive.open(part) as file:
        while piece := file.read(PIECE):
            left -= len(piece)
            if left < 0:
                raise ValueError(f"it unpacks to more than {LARGEST_UNPACKED // 1024 // 1024} MiB")
            pieces.append(piece)
    return b"".join(pieces)


@dataclass
class Book:
    """What the walk found: where each sheet lies, and the cells of each part that hold no value to be believed."""

    sheets: list[tuple[str, str]] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, dict[int, list[tuple[int, str]]]] = field(default_factory=dict)

    def look(self, name: str, content: bytes) -> None:
        """Look through one part. Raise ValueError for broken XML, for entities, for a cell far outside."""
        walk = _Walk(self, name)
        try:
            walk.parser.Parse(content, True)
        except expat.ExpatError:
            raise ValueError(BROKEN) from None

    def doubts_of(self, sheet: str) -> dict[int, list[tuple[int, str]]]:
        """Return what is in doubt on a sheet: row -> (column, what)."""
        target = self.links.get(dict(self.sheets).get(sheet, ""), "")
        return self.doubts.get(normpath(join("xl", target)).lstrip("/"), {})


class _Walk:
    """Follows the places of cells as the library does: by their reference, else one after the other."""

    def __init__(self, book: Book, part: str) -> None:
        self._book, self._part = book, part
        self._row = self._column = 0
        self._cell: dict[str, str] | None = None
        self._formula = self._value = False
        self._inner = ""
        self._widest = self._lowest = 0
        self.parser = expat.ParserCreate(namespace_separator=None)
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _refuse(self, *_: object) -> None:
        raise ValueError(BROKEN)

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if self._cell is not None:
            self._inside(name)
        elif name == "c":
            self._cell = attributes
            self._formula = self._value = False
            self._inner = ""
            self._place(attributes.get("r", ""))
        elif name == "row":
            told = attributes.get("r", "")
            self._row = int(told) if told.isascii() and told.isdigit() and len(told) < 9 else self._row + 1
            self._column = 0
        elif name == "sheet" and self._part == _BOOK:
            key = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            self._book.sheets.append((attributes.get("name", ""), key))
        elif name == "Relationship" and self._part == _LINKS:
            self._book.links[attributes.get("Id", "")] = attributes.get("Target", "")

    def _place(self, reference: str) -> None:
        if not reference:
            self._column += 1
            return
        found = _REFERENCE.fullmatch(reference)
        if found is None:
            raise ValueError(BROKEN)
        self._row, self._column = int(found[2]), 0
        for letter in found[1].upper():
            self._column = self._column * 26 + ord(letter) - ord("A") + 1

    def _inside(self, name: str) -> None:
        """A cell that holds something counts; one that is only coloured does not."""
        self._formula |= name == "f"
        self._inner = name
        self._widest, self._lowest = max(self._widest, self._column), max(self._lowest, self._row)
        if self._column > MOST_COLUMNS or self._row > MOST_ROWS + 1:
            where = f"{column_name(self._column - 1)}{self._row}"
            raise ValueError(f"{where} holds something: at most {MOST_ROWS} rows and {MOST_COLUMNS} columns are read")
        if self._widest * self._lowest > MOST_CELLS:
            raise ValueError(f"a sheet of more than {MOST_CELLS} cells")

    def _text(self, text: str) -> None:
        self._value |= self._cell is not None and self._inner != "f" and bool(text.strip())

    def _end(self, tag: str) -> None:
        if tag.rpartition(":")[2] != "c" or self._cell is None:
            return
        doubt = ""
        if self._cell.get("t") == "e":
            doubt = "holds an error in place of a value"
        elif self._formula and not self._value:
            doubt = "holds a formula that was never computed"
        if doubt:
            rows = self._book.doubts.setdefault(self._part, {})
            rows.setdefault(self._row, []).append((self._column - 1, doubt))
        self._cell = None


def _rows(book: Book, parts: dict[str, bytes]) -> Iterator[Row]:
    fresh = io.BytesIO()
    with zipfile.ZipFile(fresh, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    parts.clear()
    fresh.seek(0)
    with python_calamine.CalamineWorkbook.from_filelike(fresh) as workbook:
        for sheet in workbook.sheets_metadata:
            if sheet.typ != python_calamine.SheetTypeEnum.WorkSheet:
                continue
            found = workbook.get_sheet_by_name(sheet.name)
            if found.start is None or sheet.visible != python_calamine.SheetVisibleEnum.Visible:
                continue
            doubts = book.doubts_of(sheet.name)
            before: list[Cell] = [""] * found.start[1]  # it begins with the first row, and with the first column in use
            for index, cells in enumerate(found.iter_rows()):
                yield _row(index + 1, before + cells, doubts.get(index + 1, []))
            return
    raise ValueError("no sheet of it holds anything")


def _row(number: int, cells: list[Cell], doubts: list[tuple[int, str]]) -> Row:
    told = [_text(cell) for cell in cells]
    problems = dict(doubts)
    for column, (_, doubt) in enumerate(told):
        if doubt:
            problems.setdefault(column, doubt)
    return Row(number, tuple(text for text, _ in told), tuple(sorted(problems.items())))


def _text(cell: Cell) -> tuple[str, str]:
    """Write a cell as people see it, and what is doubtful about it."""
    if isinstance(cell, str):
        return cell, ""
    if isinstance(cell, bool):
        return str(cell).lower(), ""
    if isinstance(cell, float):
        if not cell.is_integer():
            return repr(cell), ""
        doubt = "" if abs(cell) < EXACT else "a number of more than fifteen digits; format the column as text"
        return str(int(cell)), doubt
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds"), ""
    if isinstance(cell, date | time):
        return cell.isoformat(), ""
    return str(cell), ""
