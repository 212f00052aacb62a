"""How soon a person gets an answer: `python -m benchmarks.latency [--bench] [--write PAGE]` prints a table.

  scan -> answer         `benchwipe run` as a process. A serial scanner (a pseudo-terminal) sends an unknown code; what
                         a display shows is read from its file. On an idle bench, and while eight drives are erased.
  insertion -> countdown benchmarks.insertion, which says what is in it.
  --bench                the virtual bench besides (some minutes): insertion of a USB drive, and every scan of the shift
                         of forty drives (tests/shift) with a USB scanner that types, to its answer.

Milliseconds. Exit status 1 where the median of a scan's answers is 100 ms or more, or of insertions 2 s or more; not
for the virtual bench, whose processor is emulated.
"""

from __future__ import annotations

import argparse
import os
import pty
import random
import statistics
import sys
import tempfile
import time
import tty
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import insertion
from tests.agent.daemon_bench import MIB, Daemon
from tests.agent.mosquitto import wait_until

BEGIN, END = "<!-- latency: begin -->", "<!-- latency: end -->"
LOOK_S = 0.0002
SCAN_LIMIT_MS, INSERTION_LIMIT_MS = 100.0, insertion.MOST_MS
DEVICES = """
[[input]]
name = "serial"
driver = "serial"
settings = {{ port = "{port}" }}

[[display]]
name = "screen"
driver = "simulated"
settings = {{ file = "screen" }}
"""


@dataclass(frozen=True)
class Measured:
    """One row of the table: milliseconds, and the most that their median may be (None: nothing is claimed)."""

    what: str
    how: str
    ms: Sequence[float]
    limit_ms: float | None = None

    def row(self) -> str:
        """As Markdown."""
        slowest_of = sorted(self.ms)
        p99 = slowest_of[len(slowest_of) * 99 // 100]
        figures = (statistics.median(self.ms), p99, slowest_of[-1])
        return f"| {self.what} | {self.how} | {' | '.join(f'{ms:.0f}' for ms in figures)} | {len(self.ms)} |"

    @property
    def late(self) -> bool:
        """Whether it takes too long."""
        return self.limit_ms is not None and statistics.median(self.ms) >= self.limit_ms


def scans(count: int, *, erasing: int) -> list[float]:
    """From the last byte that the scanner sent to the answer on the display."""
    scanner, line = pty.openpty()
    tty.setraw(line)
    with tempfile.TemporaryDirectory(prefix="benchwipe-latency-") as folder:
        daemon = Daemon(Path(folder) / "station", ports=())
        daemon.config.write_text(_bays(daemon.config.read_text(), erasing) + DEVICES.format(port=os.ttyname(line)))
        try:
            for number in range(1, erasing + 1):
                daemon.make(f"S{number}", 64 * MIB, port=f"p{number}", mb_per_s=1)
            daemon.start()
            wait_until(
                lambda: sum(row["state"] == "erasing" for row in daemon.status()["bays"]) == erasing, "all erase"
            )
            return [_scan(scanner, daemon.folder / "screen", f"nonsense-{number}") for number in range(count)]
        finally:
            daemon.close()
            os.close(scanner)
            os.close(line)


def _bays(text: str, count: int) -> str:
    """The bench of the tests has four bays; more of the same where more drives are to be erased."""
    more = [f'\n[[bay]]\nname = "B{n}"\nsource = "simulated"\nport = "p{n}"\n' for n in range(5, count + 1)]
    return text + "".join(more)


def _scan(scanner: int, screen: Path, code: str) -> float:
    time.sleep(random.uniform(0.01, 0.05))  # out of step with every clock of the program's
    began = time.monotonic()
    os.write(scanner, f"{code}\r".encode())
    _wait(lambda: screen.exists() and code in screen.read_text("utf-8"))
    return (time.monotonic() - began) * 1000


def _wait(true: Callable[[], bool]) -> None:
    end = time.monotonic() + insertion.WAIT_S
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("the display did not answer")
        time.sleep(LOOK_S)


def shift_in_the_guest() -> list[float]:
    """The scans of the whole shift on the virtual bench, which must end with every drive accounted for."""
    from tests.laboratory.machine.control import JOB_TIMEOUT_S
    from tests.laboratory.machine.saved import image
    from tests.laboratory.shift import GuestBench
    from tests.shift.account import problems
    from tests.shift.table import SHIFT
    from tests.shift.technician import Technician

    folder = tempfile.TemporaryDirectory(prefix="benchwipe-shift-")
    with folder, GuestBench(image(), Path(folder.name), SHIFT) as bench:
        technician = Technician(bench, random.Random(1), patience_s=JOB_TIMEOUT_S)
        technician.work(SHIFT)
        wrong = problems(SHIFT, bench.found(SHIFT))
    if wrong:
        raise SystemExit("\n".join(wrong))
    return [seconds * 1000 for seconds in technician.reactions]


def measured(count: int, drives: int, *, bench: bool) -> list[Measured]:
    """All rows that this machine can make."""
    scan, insert = "scan → answer", "insertion → countdown"
    rows = [
        Measured(scan, "serial scanner, display, idle bench", scans(count, erasing=0), SCAN_LIMIT_MS),
        Measured(scan, "the same, eight drives being erased", scans(count, erasing=8), SCAN_LIMIT_MS),
        Measured(insert, "simulated drive", insertion.simulated(drives), INSERTION_LIMIT_MS),
    ]
    if os.geteuid() == 0:
        by_events = insertion.with_loops(drives)
        rows.append(Measured(insert, "loop device, told by the kernel's uevent", by_events, INSERTION_LIMIT_MS))
    if bench:
        typed = "virtual bench: USB scanner that types, every scan of a shift"
        rows.append(Measured(scan, typed, shift_in_the_guest()))
        rows.append(Measured(insert, "virtual bench: USB drive", insertion.on_the_virtual_bench(drives)))
    return rows


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=200, help="of each kind (default 200)")
    parser.add_argument("--drives", type=int, default=10, help="insertions of each kind (default 10)")
    parser.add_argument("--bench", action="store_true", help="the virtual bench too")
    parser.add_argument("--write", type=Path, help="the page whose table is to be this one")
    asked = parser.parse_args()
    rows = measured(asked.scans, asked.drives, bench=asked.bench)
    head = "| from → to | how | median | 99 % | slowest | n |\n|---|---|---|---|---|---|\n"
    table = head + "\n".join(row.row() for row in rows)
    print(table)
    if asked.write:
        before, rest = asked.write.read_text("utf-8").split(BEGIN)
        asked.write.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.split(END)[1]}", "utf-8")
    return int(any(row.late for row in rows))


if __name__ == "__main__":
    sys.exit(main())
