"""The table of (technique x fault) in docs/reliability.md, made of what a run found."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
WIDEST = 125


@dataclass(frozen=True)
class Found:
    """One trial."""

    technique: str
    fault: str
    outcome: str
    false_success: bool


def note(path: Path, found: Found) -> None:
    """Add a line; several processes may at once."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, json.dumps(asdict(found)).encode() + b"\n")
    finally:
        os.close(descriptor)


def read(path: Path) -> list[Found]:
    """All that was noted."""
    if not path.exists():
        return []
    return [Found(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def table(found: list[Found], faults: tuple[str, ...], about: str) -> str:
    """Markdown: a row for each technique, a column for each fault; what a page is too narrow for goes on below."""
    cells: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in found:
        cells[one.technique, one.fault][one.outcome] += 1
    techniques = sorted({one.technique for one in found})
    columns = [["technique", *techniques], ["runs"], ["false successes"]]
    for technique in techniques:
        own = [one for one in found if one.technique == technique]
        columns[1].append(str(len(own)))
        columns[2].append(str(sum(one.false_success for one in own)))
    for fault in faults:
        if any((technique, fault) in cells for technique in techniques):
            columns.append([fault, *(_cell(cells.get((technique, fault))) for technique in techniques)])
    lines = [f"{len(found)} runs, {sum(one.false_success for one in found)} false successes, {about}."]
    for part in _beside(columns):
        rows = [f"| {' | '.join(row)} |" for row in zip(*part, strict=True)]
        lines += ["", rows[0], "|" + "---|" * len(part), *rows[1:]]
    return "\n".join(lines)


def _beside(columns: list[list[str]]) -> Iterator[list[list[str]]]:
    """Split columns into tables that are no wider than a page, each beginning with the first column."""
    first, *others = columns
    part = [first]
    for column in others:
        if sum(max(map(len, each)) + 3 for each in (*part, column)) + 1 > WIDEST:
            yield part
            part = [first]
        part.append(column)
    yield part


def _cell(outcomes: Counter[str] | None) -> str:
    if not outcomes:
        return "-"
    if len(outcomes) == 1 and sum(outcomes.values()) == 1:
        return next(iter(outcomes))
    return ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))


def write(page: Path, text: str) -> None:
    """Between the page's marks."""
    whole = page.read_text(encoding="utf-8")
    before, rest = whole.split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
