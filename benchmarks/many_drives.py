"""24 drives at once against fio: `python -m benchmarks.many_drives [--drives 24] [--mib 256] [--pairs 3]`.

The sum, the slowest against the median, memory, and how long an event waits for the main thread meanwhile.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence

from benchmarks.rig import MIB, OneRun, erase, fio, loops, need


def lines(devices: Sequence[str], method: str, count: int) -> list[str]:
    """The table's rows for one method."""
    ours, writes, reads = [], [], []
    for _ in range(count):
        # Writing alone: with verification, the first drives read and hash while the last still write.
        writes.append(erase(devices, method, verify="none").write_sum / fio(devices, "write"))
        run = erase(devices, method)
        ours.append(run)
        reads.append(run.verify_sum / fio(devices, "read"))
    starved = min(min(r.write) / statistics.median(r.write) for r in ours)
    found: list[tuple[str, float, str]] = [
        ("sum written / fio", statistics.median(writes), ">= 0.95"),
        ("sum read back / fio", statistics.median(reads), ""),
        ("slowest / median drive", starved, ">= 0.5"),
        ("peak memory, MB", _worst(ours, "peak_mb"), f"<= {48 + 3 * len(devices)}"),
        ("event waits, p99, ms", _worst(ours, "event_p99_ms"), "<= 50"),
        ("processor s/GiB", statistics.median(r.cpu_s_per_gib for r in ours), ""),
    ]
    good = all(outcome == "Erased" for run in ours for outcome in run.outcomes)
    verdict = [f"| {method}: all erased | {good} | True |"]
    return verdict + [f"| {method}: {name} | {value:.2f} | {wanted} |" for name, value, wanted in found]


def _worst(runs: Sequence[OneRun], field: str) -> float:
    return max(float(getattr(run, field)) for run in runs)


def main() -> None:
    """Print the table."""
    need("fio", "losetup")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_drives", description=__doc__)
    parser.add_argument("--drives", type=int, default=24)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    with loops(options.drives, options.mib * MIB) as devices:
        print(f"| {options.drives} drives of {options.mib} MiB | found | wanted |\n|---|---|---|")
        for method in ("zero", "random"):
            print("\n".join(lines(devices, method, options.pairs)), flush=True)


if __name__ == "__main__":
    main()
