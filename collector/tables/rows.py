"""What an uploaded table is read into, and how large it may be."""

from __future__ import annotations

from dataclasses import dataclass

from collector.errors import CollectorError

LARGEST = 20 * 1024 * 1024
MOST_ROWS = 100_000
MOST_COLUMNS = 200
LONGEST_CELL = 4_000


class TableProblem(CollectorError):
    """A file that is no table, or one beyond the limits."""

    code = "BW-C14"
    message = "{name}: {problem}"


@dataclass(frozen=True)
class Row:
    """A row: its number as a spreadsheet shows it, its cells, and (column from 0, what is wrong) for cells in doubt."""

    number: int
    cells: tuple[str, ...]
    problems: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Table:
    """The first row that holds anything, and those under it that do. Every row has as many cells as the header."""

    header: tuple[str, ...]
    header_row: int
    rows: tuple[Row, ...]


def column_name(column: int) -> str:
    """Name a column as spreadsheets do: 0 is A, 26 is AA."""
    name, rest = "", column + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        name = chr(ord("A") + letter) + name
    return name
