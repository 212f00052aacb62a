"""How fast this machine generates, compares, hashes, reads and writes, and which of them is the limit."""

from __future__ import annotations

import itertools
import os
import secrets
import threading
import time
from collections.abc import Callable

import msgspec
from blake3 import blake3

from agent.erase.buffers import Layout, aligned
from agent.erase.methods import ZEROS
from agent.erase.pattern import FixedFill
from agent.erase.streams import fastest, rates
from agent.erase.transfer import read_all, write_all
from drivers.drives.base import OpenDrive


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """An erase with full verification: rate of both together (10^6 bytes a second), what bounds it, and how many such
    drives at once the processors keep up with."""

    mb_per_s: float
    limit: str
    drives: int


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    """Rates in 10^6 bytes a second; `generate`, `compare` and `hash` on one core. `write`: None where none was.

    `limit` names what bounds an erase with zeros. Without `write` the forecasts take the drive to write as it reads.
    """

    device: str
    bytes_tried: int
    cores: int
    generate: dict[str, float]
    stream: str
    compare: float
    hash: float
    read: float
    write: float | None
    limit: str
    zeros: Forecast
    random: Forecast


def benchmark(drive: OpenDrive, *, write: bool = False, seconds: float = 2.0) -> Benchmark:
    """Measure for about `seconds` each. Reads only, unless `write`: that destroys what it writes over. OSError."""
    # Whole blocks: the tail of a file may have no way past the page cache (tmpfs), and no drive has such a one.
    size = drive.drive.capacity_bytes // drive.drive.logical_block_bytes * drive.drive.logical_block_bytes
    block = min(Layout.plan(1).block, size)
    fill, generate, stream = FixedFill(ZEROS, block), dict(rates()), fastest()
    read = _paced(size, block, seconds, lambda view, at: read_all(drive, view, at))
    written = None
    if write:
        written = _paced(size, block, seconds, lambda view, at: write_all(drive, fill.at(at, len(view), view), at))
        drive.flush()
    made = Benchmark(
        device=drive.drive.device,
        bytes_tried=size,
        cores=_cores(),
        generate={name: round(rate, 1) for name, rate in generate.items()},
        stream=stream,
        compare=round(compare_rate(), 1),
        hash=round(hash_rate(), 1),
        read=_rounded(read),
        write=None,
        limit="",
        zeros=NOTHING,
        random=NOTHING,
    )
    return forecast(made, written)


NOTHING = Forecast(mb_per_s=0.0, limit="", drives=0)


def forecast(found: Benchmark, write: float | None) -> Benchmark:
    """Add this rate of writing to a benchmark, and what follows for an erase."""
    generating = {f"generating ({found.stream})": 2 / found.generate[found.stream]}
    reading, hashing = 1 / found.read, 1 / found.hash
    zeros = _forecast(found, write, {}, in_one_thread=hashing)
    return msgspec.structs.replace(
        found,
        write=None if write is None else _rounded(write),
        zeros=zeros,
        random=_forecast(found, write, generating, in_one_thread=hashing + reading),
        limit=zeros.limit,
    )


def _forecast(found: Benchmark, write: float | None, generating: dict[str, float], *, in_one_thread: float) -> Forecast:
    """Seconds for 10^6 bytes, from first write to last comparison.

    The drive writes, then reads. Meanwhile the processors generate what is random, once for each, compare, and hash, in
    one thread: a fixed pattern during all of that, a stream only while it is written. That takes `in_one_thread`.
    """
    device = {"the drive's reading": 1 / found.read, "the drive's writing": 1 / (write or found.read)}
    if write is None:
        device = {"the drive's reading": 2 / found.read}
    computing = {**generating, "comparing": 1 / found.compare, "hashing": 1 / found.hash}
    work, busy = sum(device.values()), sum(computing.values())
    takes = max(work, busy / found.cores, in_one_thread)
    limit = "hashing"
    if takes > in_one_thread or takes == work:
        parts = device if takes == work else computing
        limit = max(parts, key=lambda name: parts[name])
    return Forecast(mb_per_s=_rounded(1 / takes), limit=limit, drives=int(work * found.cores / busy))


def _rounded(rate: float) -> float:
    """To 0.1, and never to nothing: a dying drive reads less."""
    return round(rate, 1) or rate


def hash_rate(seconds: float = 0.2) -> float:
    """Measure BLAKE3 in one thread, 10^6 bytes a second of processor time."""
    buffer, hasher = aligned(4 << 20), blake3()
    buffer[:4096] = secrets.token_bytes(4096)
    return _computed(lambda: hasher.update(buffer), len(buffer), seconds)


def compare_rate(seconds: float = 0.1) -> float:
    """Measure memcmp of what was read with zeros, as the read-back does it.

    10^6 bytes a second of processor time.
    """
    buffers, fill, turn = [aligned(4 << 20) for _ in range(3)], FixedFill(ZEROS, 4 << 20), itertools.count()
    for buffer in buffers:
        buffer[:] = bytes(len(buffer))
    return _computed(lambda: fill.same(buffers[next(turn) % 3], 0, buffers[0]), 4 << 20, seconds)


def _computed(work: Callable[[], object], size: int, seconds: float) -> float:
    done, start = 0, time.thread_time()
    while (spent := time.thread_time() - start) < seconds:
        work()
        done += size
    return done / spent / 1e6


def _paced(size: int, block: int, seconds: float, request: Callable[[memoryview, int], None]) -> float:
    """Requests in order from the start, as many in flight as an erase keeps, until the time or the drive is over."""
    lock, state, until = threading.Lock(), {"next": 0, "done": 0}, time.perf_counter() + seconds
    errors: list[OSError] = []

    def work() -> None:
        buffer = aligned(block)
        # One request whatever happens: a machine may be busy for longer than it is asked to measure.
        while (state["next"] == 0 or time.perf_counter() < until) and not errors:
            with lock:
                offset = state["next"]
                length = min(block, size - offset)
                state["next"] += length
            if length <= 0:
                return
            try:
                request(buffer[:length], offset)
            except OSError as error:
                errors.append(error)
                return
            with lock:
                state["done"] += length

    start = time.perf_counter()
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(Layout.plan(1).depth, 2 + _cores()))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return state["done"] / max(time.perf_counter() - start, 1e-9) / 1e6


def _cores() -> int:
    return len(os.sched_getaffinity(0))
