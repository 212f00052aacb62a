"""Drives behind one pipe, by their bus and naively: `python -m benchmarks.shared_bus [--drives 4] [--mib 384]`.

The pipe is a FUSE file system that carries so much in each direction, both at once, as a USB 3 hub does. The drives are
loop devices over parts of one file in it. Each pair erases all of them with zeros and full verification, once by their
bus, and once as if they shared nothing. Then the same with a pipe for each drive and only the name of the bus shared:
what looking for its limit costs. Needs root and /dev/fuse.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from unittest import mock

from agent.certificates.outcome import Erased, Outcome
from agent.erase import EraseSpec, VerifySpec, bus
from agent.erase.engine import erase
from agent.erase.signals import Stop
from benchmarks.rig import MIB, need
from drivers.drives.base import OpenDrive
from drivers.drives.block import BlockDrive, open_device
from tests.faults.pipe import throttled


def together(devices: Sequence[str], name: str) -> tuple[float, float]:
    """(10^6 bytes a second, written and read back together; the slowest drive's time over the mean) of an erasure."""
    ended: list[float] = []
    outcomes: list[Outcome] = []

    def work(drive: OpenDrive) -> None:
        spec = EraseSpec(
            job=drive.drive.device,
            method="zero",
            verify=VerifySpec(),
            drives_at_once=len(devices),
            skip_proof=True,
        )
        outcomes.append(erase(drive, spec, lambda _: None, Stop()))
        ended.append(time.monotonic())

    with ExitStack() as held:
        drives = [held.enter_context(open_device(device)) for device in devices]
        threads = [threading.Thread(target=work, args=(drive,)) for drive in drives]
        with mock.patch.object(BlockDrive, "bus", name):
            began = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        moved = 2 * sum(drive.drive.capacity_bytes for drive in drives)
    assert all(isinstance(outcome, Erased) for outcome in outcomes), outcomes
    took = [at - began for at in ended]
    return moved / max(took) / 1e6, max(took) / statistics.mean(took)


def main() -> None:
    """Print the table."""
    need("losetup", "mount")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shared_bus", description=__doc__)
    parser.add_argument("--drives", type=int, default=4)
    parser.add_argument("--mib", type=int, default=384)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--mb-per-s", type=float, default=64.0)
    parser.add_argument("--window-s", type=float, default=0.6)
    options = parser.parse_args()
    # A pass here takes some seconds, and that of a real drive hours: what is measured in it is as much shorter.
    bus.WINDOW_S, bus.SETTLE_S, bus.AGAIN_S = options.window_s, options.window_s / 3, 5 * options.window_s
    print("| drives | by bus MB/s | naive MB/s | ratio, each pair | last / mean end |\n|---|---|---|---|---|")
    for what, own in (("behind one pipe", False), ("each with a pipe of its own", True)):
        with ExitStack() as stack:
            parts = (
                [(1, options.mb_per_s / options.drives)] * options.drives
                if own
                else [(options.drives, options.mb_per_s)]
            )
            devices = [d for n, rate in parts for d in stack.enter_context(throttled(n, options.mib * MIB, rate))]
            pairs = [(together(devices, "the pipe"), together(devices, "")) for _ in range(options.pairs)]
        ours, theirs = (statistics.median(pair[n][0] for pair in pairs) for n in (0, 1))
        ratios = ", ".join(f"{by_bus[0] / naive[0]:.2f}" for by_bus, naive in pairs)
        spread = max(by_bus[1] for by_bus, _ in pairs)
        print(f"| {options.drives} {what} | {ours:.1f} | {theirs:.1f} | {ratios} | {spread:.2f} |", flush=True)


if __name__ == "__main__":
    main()
