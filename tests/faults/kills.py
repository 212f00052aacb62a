"""`python -m tests.faults.kills [--runs N] [--minutes M] [--seed S] [--write docs/reliability.md]`: SIGKILLs, a table.

The real command on a loop device and the real daemon on a simulated bench are killed at moments that are spread over
their phases, go on, and are killed again; then the medium, the ledger and the certificates are held against each other.
Exits 1 if anything is wrong. Needs root and loop devices.
"""

from __future__ import annotations

import argparse
import platform
import random
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from pathlib import Path

from tests.faults.__main__ import replace_between
from tests.faults.kill_account import Account, account
from tests.faults.kill_bench import Bench, CommandBench, DaemonBench
from tests.faults.kill_marks import COMMAND, DAEMON
from tests.faults.kill_run import Log, Target
from tests.faults.rig import missing

BEGIN, END = "<!-- kills: begin -->", "<!-- kills: end -->"
WHENS = ("before", "in", "after")


@dataclass
class Tally:
    """One program's kills: the marks that each had reached, and what was wrong."""

    name: str
    phases: tuple[str, ...]
    kills: list[Log] = field(default_factory=list)
    found: Account = field(default_factory=Account)

    def moments(self, phase: str) -> tuple[int, int, int]:
        """Kills before the phase began, in it, and after it."""
        places = [log.place(phase) for log in self.kills]
        before, within, after = (places.count(when) for when in WHENS)
        return before, within, after


class Aim:
    """The next moment: every phase in turn, in an order that the seed makes, before, in or after it."""

    def __init__(self, phases: tuple[str, ...], chance: random.Random) -> None:
        self._phases, self._chance, self._left = phases, chance, list[Target]()

    def next(self) -> Target:
        """One of all that are left of this turn."""
        if not self._left:
            self._left = [Target(phase, when) for phase in self._phases for when in WHENS]
            self._chance.shuffle(self._left)
        return self._left.pop()


def try_kills(bench: Bench, tally: Tally, runs: int, chance: random.Random, until: float) -> None:
    """So many kills, or until the time is up; each drive is worked on to its end before the next."""
    aim = Aim(tally.phases, chance)
    while len(tally.kills) < runs and time.monotonic() < until:

        def target() -> Target | None:
            again = chance.random() < 0.4 or not bench.killed_here
            return aim.next() if again and len(tally.kills) + bench.killed_here < runs else None

        tally.kills += bench.work_on_one_drive(target, chance)
        tally.found.false_erased += bench.false_erased
        tally.found.other += bench.wrong
    for entry in fields(Account):
        total = getattr(tally.found, entry.name) + getattr(account(bench.state), entry.name)
        setattr(tally.found, entry.name, total)


def table(tallies: list[Tally], seconds: float, command: str) -> str:
    """Markdown."""
    total = sum(len(tally.kills) for tally in tallies)
    wrong = Account()
    for entry in fields(Account):
        setattr(wrong, entry.name, sum(getattr(tally.found, entry.name) for tally in tallies))
    counts = (
        f"{wrong.chain_breaks} chain breaks, {wrong.double_numbers} double numbers, "
        f'{wrong.lost_certificates} lost certificates, {wrong.false_erased} "erased" with old data, '
        f"{wrong.other} jobs that ended otherwise than they should."
    )
    lines = [
        f"{total} SIGKILLs in {seconds:.0f} s, kernel {platform.release()}, {platform.machine()}: `{command}`",
        "",
        counts,
        "",
        "| program | phase | killed before it | in it | after it |",
        "|---|---|---|---|---|",
    ]
    for tally in tallies:
        lines += [
            f"| {tally.name} | {phase} | {' | '.join(map(str, tally.moments(phase)))} |" for phase in tally.phases
        ]
    return "\n".join(lines)


def prove(runs: int, seed: int, minutes: float) -> list[Tally]:
    """Half of the kills each."""
    tallies = [Tally("`benchwipe erase`", COMMAND), Tally("`benchwipe run`", DAEMON)]
    makes: tuple[Callable[[], Bench], ...] = (CommandBench, DaemonBench)
    start = time.monotonic()
    for number, (make, tally) in enumerate(zip(makes, tallies, strict=True), start=1):
        with ExitStack() as stack:
            bench = stack.enter_context(make())
            share = runs - runs // 2 if number == 1 else runs // 2
            chance = random.Random(f"{tally.name} {seed}")
            try_kills(bench, tally, share, chance, start + minutes * 60 * number / len(tallies))
        print(tally.name, len(tally.kills), tally.found, file=sys.stderr)
    return tallies


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    if (lack := missing()) is not None:
        print(f"kills: {lack}", file=sys.stderr)
        return 2
    start = time.monotonic()
    tallies = prove(options.runs, options.seed, options.minutes)
    command = f"python -m tests.faults.kills --runs {options.runs} --seed {options.seed}"
    text = table(tallies, time.monotonic() - start, command)
    print(text)
    if options.write:
        replace_between(options.write, BEGIN, END, text)
    short = sum(len(tally.kills) for tally in tallies) < options.runs
    return int(short or not all(tally.found.clean for tally in tallies))


if __name__ == "__main__":
    sys.exit(main())
