"""How fast this machine generates, hashes, reads and writes, and which of them is the limit."""

from __future__ import annotations

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


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    """Rates in 10^6 bytes a second. `write` is None where nothing was written. `limit` names what bounds an erase."""

    device: str
    bytes_tried: int
    generate: dict[str, float]
    stream: str
    hash: float
    read: float
    write: float | None
    limit: str


def benchmark(drive: OpenDrive, *, write: bool = False, seconds: float = 2.0) -> Benchmark:
    """Measure for about `seconds` each. Reads only, unless `write`: that destroys what it writes over. OSError."""
    size = drive.drive.capacity_bytes
    block = min(Layout.plan(1).block, size)
    fill, generate, stream = FixedFill(ZEROS, block), dict(rates()), fastest()
    read = _paced(size, block, seconds, lambda view, at: read_all(drive, view, at))
    written = None
    if write:
        written = _paced(size, block, seconds, lambda view, at: write_all(drive, fill.at(at, len(view), view), at))
        drive.flush()
    hashed = hash_rate()
    parts = {"the drive's reading": read, "hashing": hashed, f"generating ({stream})": generate[stream]}
    if written is not None:
        parts["the drive's writing"] = written
    return Benchmark(
        device=drive.drive.device,
        bytes_tried=size,
        generate={name: round(rate, 1) for name, rate in generate.items()},
        stream=stream,
        hash=round(hashed, 1),
        read=round(read, 1),
        write=None if written is None else round(written, 1),
        limit=min(parts, key=lambda name: parts[name]),
    )


def hash_rate(seconds: float = 0.2) -> float:
    """BLAKE3 on all cores, 10^6 bytes a second."""
    buffer, hasher, done = aligned(4 << 20), blake3(max_threads=blake3.AUTO), 0
    buffer[:4096] = secrets.token_bytes(4096)
    start = time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        hasher.update(buffer)
        done += len(buffer)
    return done / spent / 1e6


def _paced(size: int, block: int, seconds: float, request: Callable[[memoryview, int], None]) -> float:
    """Requests in order from the start, as many in flight as an erase keeps, until the time or the drive is over."""
    lock, state, until = threading.Lock(), {"next": 0, "done": 0}, time.perf_counter() + seconds
    errors: list[OSError] = []

    def work() -> None:
        buffer = aligned(block)
        while time.perf_counter() < until and not errors:
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
