"""A terminal as a picture: an SVG of its cells, one run of cells of one style after the other. Other scripts use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from agent.views.cells import Row, Style

INK: Mapping[Style, str] = {
    "": "#d0d0d0",
    "title": "#ffffff",
    "good": "#5fd75f",
    "bad": "#ff5f5f",
    "busy": "#5fd7d7",
    "hand": "#ffd75f",
    "faint": "#8a8a8a",
}
PAPER, CAPTION = "#101010", "#606060"
CELL, LINE, EDGE, GAP = 9, 20, 10, 24


def picture(rows: tuple[Row, ...]) -> str:
    """Draw one screen."""
    width, height = _size(rows)
    return _svg(
        width, height, f'<rect width="{width}" height="{height}" fill="{PAPER}"/>{"".join(_screen(rows, 0, 0))}'
    )


def story(screens: Sequence[tuple[str, tuple[Row, ...]]], columns: int) -> str:
    """Draw screens in the order of what happened, each with the words for it above."""
    width, height = _size(screens[0][1])
    drawn = ""
    for n, (words, rows) in enumerate(screens):
        x, y = n % columns * (width + GAP), n // columns * (height + 2 * GAP) + GAP
        drawn += f'<text x="{x}" y="{y - 7}" fill="{CAPTION}">{n + 1}. {escape(words)}</text>\n'
        drawn += f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{PAPER}"/>'
        drawn += "".join(_screen(rows, x, y))
    deep = -(-len(screens) // columns)
    return _svg(columns * (width + GAP) - GAP, deep * (height + 2 * GAP), drawn)


def _svg(width: int, height: int, drawn: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="monospace" '
        f'font-size="15">{drawn}</svg>\n'
    )


def _size(rows: tuple[Row, ...]) -> tuple[int, int]:
    return len(rows[0]) * CELL + 2 * EDGE, len(rows) * LINE + 2 * EDGE


def _screen(rows: tuple[Row, ...], left: int, top: int) -> Iterator[str]:
    for number, row in enumerate(rows, start=1):
        yield from _runs(row, left + EDGE, top + EDGE + number * LINE - 5)


def _runs(row: Row, left: int, y: int) -> Iterator[str]:
    start = 0
    for column in range(1, len(row) + 1):
        if column < len(row) and row[column][1] == row[start][1]:
            continue
        text, style = "".join(cell[0] for cell in row[start:column]), row[start][1]
        if text.strip():
            x, length = left + start * CELL, (column - start) * CELL
            yield (
                f'<text x="{x}" y="{y}" fill="{INK[style]}" xml:space="preserve" textLength="{length}">'
                f"{escape(text)}</text>\n"
            )
        start = column
