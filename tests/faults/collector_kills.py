"""`python -m tests.faults.collector_kills [--rounds N] [--seed S] [--write docs/reliability.md]`: SIGKILLs, a table.

A station sends certificates and statements to a collector all the while. In each round one of them, its broker, its
database or all at once is killed at a random moment and started again. After each round nothing may be missing that the
station had a receipt for; at the end everything that it signed is in the database once, byte for byte, in an unbroken
chain. Exits 1 if anything is wrong. Needs mosquitto and PostgreSQL.
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

from tests.collector.conftest import wait_for
from tests.faults.__main__ import replace_between
from tests.faults.field import BROKEN, CHANGED, VICTIMS, Field

BEGIN, END = "<!-- collector kills: begin -->", "<!-- collector kills: end -->"
LONGEST_S = 300.0


@dataclass
class Tally:
    """What was killed how often, and what came of it. `forgotten`: had a receipt, and is not in the database."""

    killed: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    forgotten: Counter[str] = field(default_factory=Counter)
    twice: Counter[str] = field(default_factory=Counter)
    made: int = 0
    lost: int = 0
    changed: int = 0
    broken: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.forgotten.total() or self.twice.total() or self.lost or self.changed or self.broken)


def go_round(one: Field, victim: str, tally: Tally, chance: random.Random) -> None:
    """Kill, start again, wait until receipts come, and look."""
    time.sleep(chance.uniform(0.0, 0.5))
    one.kill(victim)
    tally.killed[victim] += 1
    time.sleep(chance.uniform(0.0, 0.2))
    began = time.monotonic()
    one.start(victim)
    one.flows(LONGEST_S)
    tally.slowest[victim] = max(tally.slowest.get(victim, 0.0), time.monotonic() - began)
    answered = one.station.answered()
    tally.forgotten[victim] += len(answered - one.stored())
    tally.twice[victim] += one.twice()


def account(one: Field, tally: Tally) -> None:
    """Let everything that is signed arrive, and hold it against the database."""
    one.station.kill()
    one.station.start(0)
    wait_for(lambda: not one.station.waiting(), LONGEST_S, "the outbox is empty")
    made = one.station.made()
    tally.made, tally.lost = len(made), len(made - one.stored())
    tally.changed, tally.broken = len(one.query(CHANGED)), len(one.query(BROKEN))


def prove(rounds: int, seed: int, minutes: float) -> Tally:
    """So many rounds, each victim in turn in an order that the seed makes."""
    tally, chance, until = Tally(), random.Random(f"collector {seed}"), time.monotonic() + minutes * 60
    with Field() as one:
        one.flows(LONGEST_S)
        turn: list[str] = []
        while tally.killed.total() < rounds and time.monotonic() < until:
            turn = turn or chance.sample(VICTIMS, len(VICTIMS))
            go_round(one, turn.pop(), tally, chance)
        account(one, tally)
    return tally


def table(tally: Tally, seconds: float, command: str) -> str:
    """Markdown."""
    machine = f"kernel {platform.release()}, {platform.machine()}"
    found = (
        f"{tally.lost} lost, {tally.twice.total()} twice, {tally.changed} with other bytes, {tally.broken} out of chain"
    )
    lines = [
        f"{tally.killed.total()} rounds in {seconds:.0f} s, {machine}: `{command}`",
        "",
        f"{tally.made} certificates and statements were signed: {found}.",
        "",
        "| killed | rounds | lost after a receipt | twice | slowest until receipts came again, s |",
        "|---|---|---|---|---|",
    ]
    for victim in VICTIMS:
        counts = tally.killed[victim], tally.forgotten[victim], tally.twice[victim]
        lines.append(f"| {victim} | {' | '.join(map(str, counts))} | {tally.slowest.get(victim, 0.0):.1f} |")
    return "\n".join(lines)


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.collector_kills", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    start = time.monotonic()
    tally = prove(options.rounds, options.seed, options.minutes)
    command = f"python -m tests.faults.collector_kills --rounds {options.rounds} --seed {options.seed}"
    text = table(tally, time.monotonic() - start, command)
    print(text)
    if options.write:
        replace_between(options.write, BEGIN, END, text)
    return int(tally.killed.total() < options.rounds or not tally.clean)


if __name__ == "__main__":
    sys.exit(main())
