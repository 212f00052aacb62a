"""One drive against fio, nwipe and shred: `python -m benchmarks.one_drive [--gib 4] [--pairs 5] [--limit MB_S]`.

Prints medians over pairs of runs on the same loop device (tmpfs, direct I/O). `--limit` throttles the device by the
block cgroup (both directions), as a real drive of that speed would.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rig import GIB, erase, fio, fio_once, loops, medians, need, nwipe, nwipe_version, row, timed


@contextmanager
def throttled(device: str, mb_per_s: int) -> Iterator[None]:
    """This process and its children reach the device at no more than so many 10^6 bytes a second (blkio, cgroup v1)."""
    if not mb_per_s:
        yield
        return
    number = os.stat(device).st_rdev
    limit = f"{os.major(number)}:{os.minor(number)} {mb_per_s * 10**6}"
    with tempfile.TemporaryDirectory(prefix="benchwipe-blkio-") as folder:
        subprocess.run(["mount", "-t", "cgroup", "-o", "blkio", "none", folder], check=True)
        group = Path(folder) / "benchwipe"
        group.mkdir(exist_ok=True)
        try:
            (group / "blkio.throttle.write_bps_device").write_text(limit)
            (group / "blkio.throttle.read_bps_device").write_text(limit)
            (group / "cgroup.procs").write_text(str(os.getpid()))
            yield
        finally:
            (Path(folder) / "cgroup.procs").write_text(str(os.getpid()))
            group.rmdir()
            subprocess.run(["umount", folder], check=True)


def speed(device: str, count: int, wanted: tuple[float, float, float]) -> Iterator[str]:
    """The rows of both methods: written alone; and written, hashed and read back in one erase."""
    for method, what, least in (("zero", "zeros", wanted[0]), ("random", "random stream", wanted[1])):

        def alone(method: str = method) -> tuple[float, float]:
            return erase([device], method, verify="none").write_sum, fio([device], "write")

        yield row(f"{what}, written, no verification asked", *medians(alone() for _ in range(count)), least)
        writes, reads = [], []
        for _ in range(count):
            before, run = fio([device], "write"), erase([device], method)
            writes.append((run.write_sum, before))
            reads.append((run.verify_sum, fio([device], "read")))
        yield row(f"{what}, written, to be verified", *medians(writes), least)
        yield row(f"{what}, read back in full", *medians(reads), wanted[2])


def processor(device: str, gib: float) -> Iterator[str]:
    """Processor seconds for each GiB: ours, and those of whatever else is installed. The kernel's are in none."""
    for method in ("zero", "random"):
        run = erase([device], method)
        yield f"| benchwipe, {method} + full verification + BLAKE3 | {run.cpu_s_per_gib:.3f} |"
        if method == "zero":
            proof = f"capacity proof before it, {run.proof_s[0] * 1e3:.0f} ms (not for each GiB, but in all)"
            yield f"| benchwipe, {proof} | {run.proof_cpu_s:.3f} |"
            again = erase([device], method, rounds=2)
            yield f"| benchwipe, the same for a second drive of that capacity | {again.cpu_s_per_gib:.3f} |"
        yield f"| benchwipe, {method} alone | {erase([device], method, verify='none').cpu_s_per_gib:.3f} |"
    if shutil.which("nwipe"):
        for method in ("zero", "random"):
            yield f"| {nwipe_version()}, {method} + verification of the pass | {nwipe(device, method)[1] / gib:.3f} |"
    for operation in ("write", "read"):
        yield f"| fio, {operation} alone | {timed(fio_once(device, operation))[1] / gib:.3f} |"
    if shutil.which("shred"):
        for what, option in (("zeros", ("--iterations=0", "--zero")), ("random", ("--iterations=1",))):
            yield f"| shred, {what} alone | {timed(['shred', *option, device])[1] / gib:.3f} |"


def main() -> None:
    """Print the tables."""
    need("fio", "losetup", "mount")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.one_drive", description=__doc__)
    parser.add_argument("--gib", type=float, default=4)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--limit", type=int, default=0)
    options = parser.parse_args()
    wanted = (0.98, 0.98, 0.98) if options.limit else (0.95, 0.80, 0.80)
    with loops(1, int(options.gib * GIB)) as (device,), throttled(device, options.limit):
        print("| work | benchwipe MB/s | fio MB/s | ratio | wanted |\n|---|---|---|---|---|")
        for line in speed(device, options.pairs, wanted):
            print(line, flush=True)
        if not options.limit:
            print("\n| work | processor s/GiB |\n|---|---|")
            for line in processor(device, options.gib):
                print(line, flush=True)


if __name__ == "__main__":
    main()
