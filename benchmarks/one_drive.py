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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rig import GIB, erase, fio, loops, need, nwipe, pairs, row, timed


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
    """The rows of writing zeros, writing a random stream, reading back."""

    def write(method: str) -> Callable[[], tuple[float, float]]:
        return lambda: (erase([device], method, verify="none").write_sum, fio([device], "write"))

    yield row("zeros, written", *pairs(count, write("zero")), wanted[0])
    yield row("random stream, written", *pairs(count, write("random")), wanted[1])
    read = pairs(count, lambda: (erase([device], "zero").verify_sum, fio([device], "read")))
    yield row("zeros, read back, compared, hashed", *read, wanted[2])
    read = pairs(count, lambda: (erase([device], "random").verify_sum, fio([device], "read")))
    yield row("random stream, read back, compared, hashed", *read, wanted[2])


def processor(device: str, gib: float, count: int) -> Iterator[str]:
    """Processor seconds for each GiB, ours and nwipe's."""
    if shutil.which("nwipe") is None:
        yield "nwipe is not installed: no comparison"
        return
    for method in ("zero", "random"):  # both programs call them so

        def both(method: str = method) -> tuple[float, float]:
            return erase([device], method).cpu_s_per_gib, nwipe(device, method)[1] / gib

        ours, theirs, ratio = pairs(count, both)
        yield f"| {method} + full verification | {ours:.3f} | {theirs:.3f} | {ratio:.2f} |"


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
            print("\n| processor s/GiB | benchwipe | nwipe | ratio |\n|---|---|---|---|")
            for line in processor(device, options.gib, max(1, options.pairs // 2)):
                print(line, flush=True)
            if shutil.which("shred"):
                seconds, cpu = timed(["shred", "--iterations=0", "--zero", device])
                rate = options.gib * GIB / seconds / 1e6
                print(f"\nshred --zero: {rate:.0f} MB/s, {cpu / options.gib:.3f} processor s/GiB (writes only)")


if __name__ == "__main__":
    main()
