"""How soon the engine answers an event while 24 workers erase: `python -m benchmarks.engine_latency [--bays 24]`.

The real engine, ledger, effects and workers on simulated drives in memory, each throttled to a disk's speed, with a
display and a dock. A probe is a scan of an unknown code; its answer is the engine's word to the technician. Prints
JSON; exit status 1 when p99 is 50 ms or more.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import queue
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from agent.bench.books import Books
from agent.bench.engine import Engine
from agent.bench.events import Scanned
from agent.bench.inbox import Inbox
from agent.devices.equipment import Equipment, open_equipment
from agent.devices.notify import Notifier
from agent.devices.station_effects import StationEffects
from agent.devices.watcher import Watcher
from agent.jobs.registrar import Registrar
from agent.phrases import Spoken
from agent.settings import Settings, parse
from drivers.drives.simulated import make_drive

MIB = 1 << 20
FOLDER = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
LIMIT_MS = 50.0


class Answering(StationEffects):
    """Tells the prober when the engine answered."""

    def __init__(self, settings: Settings, equipment: Equipment, inbox: Inbox, folder: Path) -> None:
        self.answers: queue.SimpleQueue[float] = queue.SimpleQueue()
        super().__init__(settings, equipment, inbox, Notifier(), folder)

    def say(self, key: str, values: Mapping[str, str], then: Spoken | None = None) -> None:
        """The engine's answer to a scan."""
        self.answers.put(time.perf_counter())


def station(folder: Path, bays: int) -> Settings:
    """A bench of so many simulated bays."""
    bay = [{"name": f"B{n}", "source": "sim", "port": f"p{n}", "dock": "dock", "slot": n} for n in range(1, bays + 1)]
    return parse(
        {
            "station": {"mode": "automatic", "countdown_s": 0},
            "source": [{"name": "sim", "driver": "simulated", "settings": {"folder": str(folder / "bench")}}],
            "dock": [{"name": "dock", "driver": "simulated", "settings": {"slots": bays}}],
            "display": [{"name": "screen", "driver": "simulated"}],
            "bay": bay,
            "policy": [{"name": "often", "limits": {"checkpoint_s": 1.0}}],
        },
        where="benchmark",
    )


def measure(folder: Path, bays: int, mb_per_s: float, seconds: float) -> list[float]:
    """Milliseconds from a probe to its answer, while all bays work."""
    for n in range(1, bays + 1):
        make_drive(folder / "bench", f"S{n}", 64 * MIB, port=f"p{n}", mb_per_s=mb_per_s)
    settings = station(folder, bays)
    registrar = Registrar(settings, folder / "state")
    equipment, inbox = open_equipment(settings), Inbox()
    effects = Answering(settings, equipment, inbox, folder)
    engine = Engine(settings, functools.partial(Books, registrar), effects, inbox)
    engine.recover()
    ports = {bay.port: bay.name for bay in settings.bay}
    watcher = Watcher("sim", equipment.sources["sim"], ports, protect=(), put=inbox.put)
    watcher.start()
    found: list[float] = []

    def probe() -> None:
        while sum(bay.busy for bay in list(engine.bays.values())) < bays:
            time.sleep(0.05)
        end = time.monotonic() + seconds
        while time.monotonic() < end and all(bay.busy for bay in list(engine.bays.values())):
            while not effects.answers.empty():  # what was said unasked, as that the station is ready
                effects.answers.get()
            asked = time.perf_counter()
            inbox.put(Scanned("nonsense"))
            found.append((effects.answers.get(timeout=10) - asked) * 1000)
            time.sleep(0.005)
        engine.ask_to_stop("measured")

    threading.Thread(target=probe, daemon=True).start()
    engine.run()
    watcher.stop()
    effects.close(1.0)
    registrar.close()
    return found


def main() -> int:
    """Measure, print, judge."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bays", type=int, default=24)
    options.add_argument("--mb-per-s", type=float, default=8.0, help="speed of each simulated drive")
    options.add_argument("--seconds", type=float, default=10.0)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchwipe-latency-", dir=FOLDER) as folder:
        found = sorted(measure(Path(folder), given.bays, given.mb_per_s, given.seconds))
    if len(found) < 100:
        print(f"only {len(found)} probes were answered while all bays worked", file=sys.stderr)
        return 1
    p99 = found[len(found) * 99 // 100]
    told = {"bays": given.bays, "mb_per_s_each": given.mb_per_s, "processors": os.cpu_count(), "probes": len(found)}
    shown = {"p50_ms": statistics.median(found), "p99_ms": p99, "max_ms": found[-1]}
    print(json.dumps({**told, **{name: round(value, 2) for name, value in shown.items()}, "limit_ms": LIMIT_MS}))
    return 0 if p99 < LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
