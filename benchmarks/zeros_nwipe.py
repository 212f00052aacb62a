"""Zeros with full verification against nwipe: `python -m benchmarks.zeros_nwipe [--gib 2] [--nwipe PROGRAM]`.

Whole commands by turns on one loop device (tmpfs, direct I/O): `benchwipe erase`, a process of its own each time, as
the second drive of a size that its station sees; and nwipe, zeros once and verified. Ours hashes, proves the capacity,
signs and starts Python; all of it counts. Processor seconds are of the process and its children, user and system: the
loop device's own copying is in neither. `--nwipe` names another one than that in PATH, built from its newest source,
say. Exit status 1 where ours needs more than nwipe, in the median of the pairs. Needs root and nwipe.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.rig import GIB, loops, need, nwipe, nwipe_version, timed


def ours(device: str, state: Path) -> tuple[float, float]:
    """(seconds, processor seconds) of the whole command."""
    program = str(Path(sys.executable).with_name("benchwipe"))
    return timed([program, "erase", device, "--yes", "--method", "zero", "--state-dir", str(state)])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zeros_nwipe", description=__doc__)
    parser.add_argument("--gib", type=float, default=2)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--nwipe", default="nwipe")
    options = parser.parse_args()
    need("losetup", options.nwipe)
    with (
        loops(1, int(options.gib * GIB)) as (device,),
        tempfile.TemporaryDirectory(prefix="benchwipe-nwipe-") as folder,
    ):
        # From bytecode, as whatever was installed runs.
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        state = Path(folder) / "state"
        first = ours(device, state)
        pairs = [(ours(device, state), nwipe(device, "zero", program=options.nwipe)) for _ in range(options.pairs)]
    print(f"| {options.gib:g} GiB, zeros, full verification | seconds | processor s/GiB |\n|---|---|---|")
    print(f"| benchwipe, the first drive of a size | {first[0]:.2f} | {first[1] / options.gib:.3f} |")
    for who, which in (("benchwipe, every later one", 0), (nwipe_version(options.nwipe), 1)):
        seconds, cpu = (statistics.median(pair[which][n] for pair in pairs) for n in (0, 1))
        print(f"| {who} | {seconds:.2f} | {cpu / options.gib:.3f} |")
    ratios = [[mine[n] / its[n] for mine, its in pairs] for n in (0, 1)]
    for what, found in zip(("seconds", "processor seconds"), ratios, strict=True):
        print(f"{what}, ours / nwipe's: {', '.join(f'{ratio:.2f}' for ratio in found)} (at most 1.00)")
    sys.exit(statistics.median(ratios[1]) > 1.0)


if __name__ == "__main__":
    main()
