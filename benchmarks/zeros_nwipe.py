"""Zeros with full verification against nwipe: `python -m benchmarks.zeros_nwipe [--gib 4] [--nwipe PROGRAM]`.

Whole commands by turns on one loop device (tmpfs, direct I/O): `benchwipe erase`, a process of its own each time, as
the second drive of a size that its station sees; and nwipe, zeros once and verified. Ours hashes, proves the capacity,
signs and starts Python; all of it counts. Processor seconds are of the process and its children, user and system: the
loop device's own copying is in neither. A quarter of the size is erased beside it: the difference is what each further
GiB costs, without what a command costs once. `--nwipe` names another one than that in PATH, say one built from its
newest source. Exit status 1 where a further GiB costs ours more, in the median of the pairs. Needs root and nwipe.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

from benchmarks.rig import GIB, loops, need, nwipe, nwipe_version, timed

Cost = tuple[float, float]
"""(seconds, processor seconds) of a command."""


def ours(device: str, state: Path) -> Cost:
    """(seconds, processor seconds) of the whole command."""
    program = str(Path(sys.executable).with_name("benchwipe"))
    return timed([program, "erase", device, "--yes", "--method", "zero", "--state-dir", str(state)])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zeros_nwipe", description=__doc__)
    parser.add_argument("--gib", type=float, default=4)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--nwipe", default="nwipe")
    options = parser.parse_args()
    need("losetup", options.nwipe)
    sizes = (int(options.gib * GIB / 4), int(options.gib * GIB))
    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="benchwipe-nwipe-"))
        devices = [device for size in sizes for device in held.enter_context(loops(1, size))]
        # From bytecode, as whatever was installed runs.
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        state = Path(folder) / "state"
        first = [ours(device, state)[1] for device in devices][1]
        pairs = [
            [(ours(device, state), nwipe(device, "zero", program=options.nwipe)) for device in devices]
            for _ in range(options.pairs)
        ]
    report(first, pairs, options.gib, nwipe_version(options.nwipe))


def report(first: float, pairs: Sequence[Sequence[tuple[Cost, Cost]]], gib: float, other: str) -> NoReturn:
    """Print the table. Each pair has the small device and the large one, each (ours, nwipe's)."""
    print(f"| {gib:g} GiB, zeros, full verification | seconds | processor s | each further GiB |\n|---|---|---|---|")
    print(f"| benchwipe, the first drive of a size | | {first:.2f} | |")
    further = [[(large[who][1] - small[who][1]) / (0.75 * gib) for small, large in pairs] for who in (0, 1)]
    for name, who in (("benchwipe, every later one", 0), (other, 1)):
        seconds, cpu = (statistics.median(large[who][n] for _, large in pairs) for n in (0, 1))
        print(f"| {name} | {seconds:.2f} | {cpu:.2f} | {statistics.median(further[who]):.3f} |")
    ratios = [mine / its for mine, its in zip(*further, strict=True)]
    wholes = [large[0][1] / large[1][1] for _, large in pairs]
    print(f"processor, each further GiB, ours / nwipe's: {', '.join(f'{r:.2f}' for r in ratios)} (at most 1.00)")
    print(f"processor, the whole command, ours / nwipe's: {', '.join(f'{r:.2f}' for r in wholes)}")
    sys.exit(statistics.median(ratios) > 1.0)


if __name__ == "__main__":
    main()
