"""Bars with their range, as figures that a template draws. Pure. The table beside a chart says the same in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.effect.rules import Range

WIDTH, LABEL, ROW, BAR, RIGHT = 720, 170, 34, 16, 110


@dataclass(frozen=True)
class Bar:
    """One row: its label, its bar from nothing to the middle, its line from low to high, its figure."""

    label: str
    told: str
    y: int
    text_y: int
    x: int
    width: int
    line_from: int
    line_to: int
    line_y: int


@dataclass(frozen=True)
class Chart:
    """A chart; `zero` is where nothing lies."""

    key: str
    title: str
    desc: str
    width: int
    height: int
    bar: int
    zero: int
    figures_x: int
    bars: tuple[Bar, ...]


def chart(key: str, title: str, desc: str, rows: Sequence[tuple[str, str, Range]]) -> Chart:
    """Lay a chart out: label, figure as text, range."""
    lowest = min([0, *(value.low for _, _, value in rows)])
    highest = max([0, *(value.high for _, _, value in rows)])
    room, span = WIDTH - LABEL - RIGHT, max(1, highest - lowest)

    def at(value: int) -> int:
        return LABEL + (value - lowest) * room // span

    bars = []
    for place, (label, told, value) in enumerate(rows):
        top = place * ROW + (ROW - BAR) // 2
        begin, end = sorted((at(0), at(value.mid)))
        middle = top + BAR // 2
        bars.append(Bar(label, told, top, middle + 5, begin, end - begin, at(value.low), at(value.high), middle))
    height = max(1, len(rows)) * ROW
    return Chart(key, title, desc, WIDTH, height, BAR, at(0), WIDTH - RIGHT + 8, tuple(bars))
