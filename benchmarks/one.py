"""The engine over some devices at once, as a station runs it: `python -m benchmarks.one METHOD VERIFY ROUNDS DEV...`.

Everything on the devices is lost. Prints one JSON document (benchmarks.rig.OneRun) of the last round: the second and
later ones are of drives whose capacity and pattern the process has hashed before. While the drives are erased, a
thread asks the main thread for an answer every 10 ms, as events ask a station's engine.
"""

from __future__ import annotations

import queue
import resource
import sys
import threading
import time
from dataclasses import dataclass
from typing import Literal, cast

import msgspec

from agent.erase import Checkpoint, EraseSpec, Limits, Progress, VerifySpec
from agent.erase.engine import erase
from agent.erase.signals import Stop
from benchmarks.rig import GIB, OneRun
from drivers.drives.block import open_device

MISSING = float("nan")


@dataclass
class Times:
    """When a drive was begun with, and its first pass; when its last was on the medium, and when it was read back."""

    size: int = 0
    opened: float = 0.0
    began: float = 0.0
    proof_cpu: float = 0.0
    written: float = 0.0
    ended: float = 0.0
    outcome: str = ""


def run_drive(device: str, method: str, verify: str, together: threading.Barrier, times: Times) -> None:
    """One drive, in a thread of its own; all begin when all are open."""
    kind = cast(Literal["full", "sample", "none"], verify)
    spec = EraseSpec(
        job=device,
        method=method,
        key_hex="c3" * 32,
        verify=VerifySpec(kind=kind),
        limits=Limits(),
        drives_at_once=together.parties,
    )

    def emit(event: Progress | Checkpoint) -> None:
        if isinstance(event, Checkpoint):
            times.written = time.perf_counter()
            if not times.began:  # the first one follows the capacity proof
                times.began, times.proof_cpu = times.written, time.process_time()

    with open_device(device) as drive:
        together.wait()
        times.size, times.opened = drive.drive.capacity_bytes, time.perf_counter()
        times.outcome = type(erase(drive, spec, emit, Stop())).__name__
        times.ended = time.perf_counter()


def answer_while(threads: list[threading.Thread]) -> list[float]:
    """Seconds that each event waited for its answer, while the drives are erased."""
    events: queue.SimpleQueue[float] = queue.SimpleQueue()
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.01):
            events.put(time.perf_counter())

    threading.Thread(target=ask, daemon=True).start()
    waited = []
    while any(thread.is_alive() for thread in threads):
        try:
            asked = events.get(timeout=0.05)
            waited.append(time.perf_counter() - asked)
        except queue.Empty:
            continue
    over.set()
    return sorted(waited) or [0.0]


def measure(method: str, verify: str, devices: list[str]) -> OneRun:
    """Erase all of them once, at once."""
    times, together = [Times() for _ in devices], threading.Barrier(len(devices))
    threads = [
        threading.Thread(target=run_drive, args=(device, method, verify, together, t))
        for device, t in zip(devices, times, strict=True)
    ]
    start = time.process_time()
    for thread in threads:
        thread.start()
    waited = answer_while(threads)
    cpu, proofs = time.process_time() - start, max(t.proof_cpu for t in times) - start
    total = sum(t.size for t in times)
    writing = max(t.written for t in times) - min(t.began for t in times)
    reading = max(t.ended for t in times) - min(t.written for t in times)
    return OneRun(
        outcomes=[t.outcome for t in times],
        write=[t.size / (t.written - t.began) / 1e6 for t in times],
        verify=[t.size / max(t.ended - t.written, 1e-9) / 1e6 for t in times],
        write_sum=total / writing / 1e6,
        verify_sum=total / max(reading, 1e-9) / 1e6,
        proof_s=[t.began - t.opened for t in times],
        cpu_s_per_gib=(cpu - proofs) / (total / GIB),
        proof_cpu_s=proofs,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        event_p99_ms=waited[int(len(waited) * 0.99)] * 1e3,
        event_max_ms=waited[-1] * 1e3,
    )


def main(method: str, verify: str, rounds: int, devices: list[str]) -> None:
    """Print what was measured in the last round."""
    for _ in range(rounds):
        found = measure(method, verify, devices)
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
