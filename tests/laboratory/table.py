"""The table of (technique x fault) in docs/reliability.md, made of what a run found."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


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
    """Markdown: a row for each technique, a column for each fault, what came of it in the cells."""
    cells: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in found:
        cells[one.technique, one.fault][one.outcome] += 1
    techniques = sorted({one.technique for one in found})
    shown = [fault for fault in faults if any((technique, fault) in cells for technique in techniques)]
    lines = [
        f"{len(found)} runs, {sum(one.false_success for one in found)} false successes, {about}.",
        "",
        f"| technique | runs | false successes | {' | '.join(shown)} |",
        "|---|---|---|" + "---|" * len(shown),
    ]
    for technique in techniques:
        own = [one for one in found if one.technique == technique]
        counts = (str(len(own)), str(sum(one.false_success for one in own)))
        row = [_cell(cells.get((technique, fault))) for fault in shown]
        lines.append(f"| {technique} | {' | '.join((*counts, *row))} |")
    return "\n".join(lines)


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
