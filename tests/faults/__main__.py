"""`python -m tests.faults [--runs N] [--seed S] [--write docs/reliability.md]`: every fault, so many times; the table.

Exits 1 at any false success, wrong outcome or range that is not exact. Needs root, /dev/fuse and loop devices.
"""

from __future__ import annotations

import argparse
import platform
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.rig import Rig, missing
from tests.faults.scenarios import SCENARIOS, SIZE, Scenario, exact, false_success, name_of

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


@dataclass
class Row:
    """One scenario's runs."""

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    false_successes: int = 0
    wrong: int = 0
    inexact: int = 0


def try_scenario(scenario: Scenario, runs: int, seed: int) -> Row:
    """So many runs, each on a fresh medium and device, each from a seed of its own."""
    row = Row(scenario.name)
    for run in range(runs):
        chance = random.Random(f"{scenario.name} {seed} {run}")
        with Rig(SIZE) as rig:
            trial = scenario.run(rig, chance)
            image = rig.image()
        name = name_of(trial.outcome)
        row.outcomes[name] += 1
        row.false_successes += false_success(trial, image)
        row.wrong += name not in scenario.allowed
        row.inexact += not exact(trial)
    return row


def table(rows: list[Row], seconds: float, command: str) -> str:
    """Markdown."""
    total = sum(sum(row.outcomes.values()) for row in rows)
    lines = [
        f"{total} runs in {seconds:.0f} s, kernel {platform.release()}, {platform.machine()}: `{command}`",
        "",
        "| fault | runs | outcomes | false successes | wrong outcomes | ranges not exact |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        outcomes = ", ".join(f"{count} {name}" for name, count in sorted(row.outcomes.items()))
        counts = (row.false_successes, row.wrong, row.inexact)
        lines.append(f"| {row.name} | {sum(row.outcomes.values())} | {outcomes} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def replace_between(path: Path, begin: str, end: str, text: str) -> None:
    """Put a table between its two marks on a page."""
    page = path.read_text()
    before, rest = page.split(begin)
    after = rest.split(end)[1]
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    if (lack := missing()) is not None:
        print(f"faults: {lack}", file=sys.stderr)
        return 2
    start, rows = time.monotonic(), []
    for scenario in SCENARIOS:
        rows.append(try_scenario(scenario, options.runs, options.seed))
        print(rows[-1], file=sys.stderr)
    command = f"python -m tests.faults --runs {options.runs} --seed {options.seed}"
    text = table(rows, time.monotonic() - start, command)
    print(text)
    if options.write:
        replace_between(options.write, BEGIN, END, text)
    return int(any(row.false_successes or row.wrong or row.inexact for row in rows))


if __name__ == "__main__":
    sys.exit(main())
