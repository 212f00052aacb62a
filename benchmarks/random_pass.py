"""What a random pass with full verification must compute, and what it does: `python -m benchmarks.random_pass`.

The drive is memory of this process, so that no kernel and no device is in the figures: all is processor time of this
process. The parts are measured alone with the engine's own calls, in the same minute, and what the whole needs beyond
their sum is ours: requests, threads, Python, and caches that are shared. Needs no root.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import time
from collections.abc import Callable

from blake3 import blake3

from agent.certificates.outcome import Erased
from agent.erase import EraseSpec, VerifySpec
from agent.erase.buffers import ROOM, aligned
from agent.erase.engine import erase
from agent.erase.signals import Stop
from agent.erase.streams import STREAMS, fastest
from drivers.drives.base import OpenDrive
from drivers.drives.drive import Drive
from firmware_bridge.passthrough import address_of, same_memory

MIB, GIB = 1 << 20, 1 << 30
PIECE = 512 << 10


class Memory(OpenDrive):
    """A drive as fast as memcpy, which holds no lock of Python's."""

    def __init__(self, size: int) -> None:
        self.drive = Drive(device="memory", model="Memory", serial="M1", capacity_bytes=size)
        self._data = aligned(size)
        self._base = address_of(self._data)

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """See OpenDrive."""
        ctypes.memmove(address_of(buffer), self._base + offset, len(buffer))
        return len(buffer)

    def write_from(self, buffer: memoryview, offset: int) -> int:
        """See OpenDrive."""
        ctypes.memmove(self._base + offset, address_of(buffer), len(buffer))
        return len(buffer)

    def flush(self) -> None:
        """See OpenDrive."""

    def identify_again(self) -> Drive:
        """See OpenDrive."""
        return self.drive

    def close(self) -> None:
        """See OpenDrive."""


def spent(work: Callable[[], object]) -> float:
    """Processor seconds of this process, all threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


def whole(drive: Memory) -> float:
    """Erase it with one random pass and read it back in full."""
    spec = EraseSpec(job="j", method="random", key_hex="c3" * 32, verify=VerifySpec(), skip_proof=True)

    def run() -> None:
        assert isinstance(erase(drive, spec, lambda _: None, Stop()), Erased)

    return spent(run)


def parts(drive: Memory) -> dict[str, float]:
    """Each part alone, over as many bytes, in the pieces in which the engine does it."""
    size = drive.drive.capacity_bytes
    stream, scratch, block = STREAMS[fastest()](bytes(32)), aligned(PIECE + ROOM), aligned(4 * MIB)
    hasher = blake3()

    def generate() -> None:
        for offset in range(0, size, PIECE):
            stream.fill(scratch, offset, PIECE)

    def compare() -> None:
        for offset in range(0, size, PIECE):
            view = block[offset % len(block) :][:PIECE]
            same_memory(view, view, PIECE)

    return {
        "generate once": spent(generate),
        "hash once": spent(lambda: [hasher.update(block) for _ in range(size // len(block))]),
        "compare once": spent(compare),
        "copy, as the drive does, twice": spent(
            lambda: [f(block, o) for f in (drive.write_from, drive.read_into) for o in range(0, size, len(block))]
        ),
    }


def main() -> None:
    """Print the table, medians in processor seconds for each GiB."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.random_pass", description=__doc__)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    drive, found = Memory(options.mib * MIB), []
    for _ in range(options.rounds):
        found.append({**parts(drive), "whole job": whole(drive)})
    middle = {name: statistics.median(row[name] for row in found) * GIB / (options.mib * MIB) for name in found[0]}
    least = 2 * middle["generate once"] + middle["hash once"] + middle["compare once"]
    copied = middle["copy, as the drive does, twice"]
    by_hash = middle["generate once"] + 2 * middle["hash once"]
    for name, value in middle.items():
        print(f"| {name} | {value:.3f} |")
    print(f"| least: the stream twice, hash and comparison once | {least:.3f} |")
    print(f"| the whole, less the drive's copying, beyond the least | {middle['whole job'] - copied - least:.3f} |")
    print(f"| instead: the stream once, hashed when written and when read | {by_hash:.3f} |")


if __name__ == "__main__":
    main()
