"""What the capacity proof costs of a whole job: `python -m benchmarks.capacity_proof [--mib 1024] [--folder DIR]`.

Measured: a loop device over a file in DIR (a folder on an SSD), and the same behind the waits of a slow stick.
Reckoned: other drives, from the bytes and requests of their proofs and the figures in `RECKONED`. Needs root.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.certificates.outcome import Erased
from agent.erase import Checkpoint, EraseSpec, Progress
from agent.erase.engine import erase
from agent.erase.proof_plan import ProofPlan
from agent.erase.signals import Stop
from drivers.drives.base import OpenDrive
from drivers.drives.block import open_device
from drivers.drives.drive import Drive

MIB = 1 << 20
MOST = 0.05


@dataclass(frozen=True)
class Kind:
    """A drive: seconds for a request far from the last one, and 10^6 bytes a second, written and read."""

    name: str
    capacity: int
    write_seek_s: float
    read_seek_s: float
    write: float
    read: float
    passes: int = 1


STICK = Kind("slow stick", 256 * MIB, 0.005, 0.001, 10, 25, passes=2)
RECKONED = (
    Kind("stick, 2 GB", 2 * 10**9, 0.03, 0.001, 8, 20, passes=2),
    Kind("stick, 8 GB", 8 * 10**9, 0.05, 0.001, 8, 20, passes=2),
    Kind("stick, 64 GB", 64 * 10**9, 0.05, 0.001, 15, 80, passes=2),
    Kind("disk that turns, 80 GB", 80 * 10**9, 0.015, 0.015, 50, 50),
    Kind("disk that turns, 1 TB", 10**12, 0.012, 0.012, 150, 150),
    Kind("disk that turns, 20 TB", 20 * 10**12, 0.012, 0.012, 200, 200),
    Kind("SATA SSD, 500 GB", 500 * 10**9, 0.0001, 0.0001, 450, 500),
    Kind("NVMe SSD, 1 TB", 10**12, 0.00005, 0.0001, 2000, 3000),
)


class Slow(OpenDrive):
    """A drive that takes the time of a kind, over one that takes none."""

    def __init__(self, below: OpenDrive, kind: Kind) -> None:
        self.drive, self._below, self._kind = below.drive, below, kind
        self._next, self._one_at_a_time = 0, threading.Lock()

    def _wait(self, offset: int, length: int, seek_s: float, rate: float) -> None:
        with self._one_at_a_time:
            far, self._next = abs(offset - self._next) > MIB, offset + length
            time.sleep((seek_s if far else 0) + length / rate / 1e6)

    def write_from(self, buffer: memoryview, offset: int) -> int:
        """See OpenDrive."""
        self._wait(offset, len(buffer), self._kind.write_seek_s, self._kind.write)
        return self._below.write_from(buffer, offset)

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """See OpenDrive."""
        self._wait(offset, len(buffer), self._kind.read_seek_s, self._kind.read)
        return self._below.read_into(buffer, offset)

    def flush(self) -> None:
        """See OpenDrive."""
        self._below.flush()

    def identify_again(self) -> Drive:
        """See OpenDrive."""
        return self._below.identify_again()

    def close(self) -> None:
        """See OpenDrive."""
        self._below.close()


@contextmanager
def loop(folder: Path, size: int) -> Iterator[str]:
    """A loop device with direct I/O over a file that has all its blocks."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(size // MIB):
            file.write(bytes(MIB))
        file.flush()
        command = ["losetup", "--find", "--show", "--direct-io=on", file.name]
        device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        try:
            yield device
        finally:
            subprocess.run(["losetup", "--detach", device], check=True)


def share(drive: OpenDrive, method: str) -> tuple[float, float]:
    """(seconds of the proof, seconds of the job) of one erase with full verification."""
    ended: list[float] = []

    def emit(event: Progress | Checkpoint) -> None:
        if isinstance(event, Checkpoint) and not ended:  # the first one follows the proof
            ended.append(time.perf_counter())

    start = time.perf_counter()
    outcome = erase(drive, EraseSpec(job="j", method=method, key_hex="c3" * 32), emit, Stop())
    assert isinstance(outcome, Erased), outcome
    return ended[0] - start, time.perf_counter() - start


def told(what: str, proof: float, job: float) -> float:
    """A row of the table; the share."""
    print(f"| {what} | {proof:.2f} s of {job:.2f} s | {proof / job:.1%} |")
    return proof / job


def reckon(kind: Kind) -> float:
    """The share of a proof in its job, by bytes and requests alone."""
    plan = ProofPlan(kind.capacity // 4096 * 4096, 512)
    far = len(plan.places)
    proof = far * (kind.write_seek_s + kind.read_seek_s) + plan.bytes / 1e6 * (1 / kind.write + 1 / kind.read)
    return proof / (proof + kind.capacity / 1e6 * (kind.passes / kind.write + 1 / kind.read))


def main() -> int:
    """The exit status: 1 where a share is above 5 %."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity_proof", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"))
    options = parser.parse_args()
    shares = []
    with loop(options.folder, options.mib * MIB) as device, open_device(device) as drive:
        for method in ("zero", "random"):
            shares.append(told(f"loop on {options.folder}, {options.mib} MiB, {method}", *share(drive, method)))
    with loop(options.folder, STICK.capacity) as device, open_device(device) as drive:
        method = "pattern-complement"
        shares.append(told(f"{STICK.name}, {STICK.capacity // MIB} MiB, {method}", *share(Slow(drive, STICK), method)))
    for kind in RECKONED:
        shares.append(reckon(kind))
        print(f"| {kind.name} | reckoned | {shares[-1]:.1%} |")
    return int(max(shares) > MOST)


if __name__ == "__main__":
    raise SystemExit(main())
