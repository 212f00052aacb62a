"""How long from a drive's insertion to the start of its countdown: `python -m benchmarks.insertion [--drives 20]`.

The real watcher, engine, ledger and effects, in automatic mode. A drive is inserted
  loop       by attaching a loop device (root): the kernel's uevent wakes the watcher, as it does for a USB drive;
  no events  the same, with the watcher left to its clock: what a machine without libudev does;
  simulated  by a link in the simulated bench's folder, whose time its driver looks at every 20 ms.
  bench      (--bench, alone) a modelled USB drive plugged into an emulated machine, udev and MQTT too.
What is not in the first three: the time until the kernel shows a block device of a real drive, and udev's
rules. Prints JSON, milliseconds; exit status 1 where the slowest took 2 s or more.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from agent.bench.books import Books
from agent.bench.engine import Engine
from agent.bench.inbox import Inbox
from agent.devices.equipment import Equipment, open_equipment
from agent.devices.notify import Notifier
from agent.devices.station_effects import StationEffects
from agent.devices.watcher import Watcher
from agent.jobs.bay import Bay, BayState
from agent.jobs.registrar import Registrar
from agent.settings import Settings, parse
from drivers.drives import _uevents
from drivers.drives.simulated import make_drive

MIB = 1 << 20
MOST_MS = 2000.0
WAIT_S = 10.0

Insert = Callable[[int], None]


class Noting(StationEffects):
    """Writes down when a bay's countdown began, and when it was empty again."""

    def __init__(self, settings: Settings, equipment: Equipment, inbox: Inbox, folder: Path) -> None:
        super().__init__(settings, equipment, inbox, Notifier(), folder)
        self.seen: dict[BayState, float] = {}
        self.changed = threading.Condition()

    def bay_changed(self, bay: Bay) -> None:
        """The moment of each state."""
        super().bay_changed(bay)
        with self.changed:
            self.seen[bay.state] = time.monotonic()
            self.changed.notify()

    def wait(self, state: BayState) -> float:
        """When the bay came to this state."""
        with self.changed:
            if not self.changed.wait_for(lambda: state in self.seen, WAIT_S):
                raise TimeoutError(f"the bay did not become {state.value} within {WAIT_S} s")
            return self.seen[state]


def measure(
    source: dict[str, object], insert: Callable[[int], None], remove: Callable[[], None], n: int
) -> list[float]:
    """Milliseconds of each of `n` insertions, at moments that do not keep step with any clock of the program's."""
    with tempfile.TemporaryDirectory(prefix="benchwipe-insertion-") as folder:
        state = Path(folder)
        bay = {"name": "A1", "port": "p1", "source": source["name"]}
        station = {"mode": "automatic", "countdown_s": 3600}
        settings = parse({"station": station, "bay": [bay], "source": [source]}, where="insertion")
        equipment, inbox = open_equipment(settings), Inbox()
        effects = Noting(settings, equipment, inbox, state)
        engine = Engine(settings, functools.partial(Books, Registrar(settings, state)), effects, inbox)
        running = threading.Thread(target=engine.run, daemon=True)
        drives = equipment.sources[str(source["name"])]
        watcher = Watcher("bench", drives, {"p1": "A1"}, protect=(), put=inbox.put)
        running.start()
        watcher.start()
        found = []
        for number in range(n):
            time.sleep(0.3 + 0.37 * (number % 3))
            effects.seen.clear()
            begun = time.monotonic()
            insert(number)
            found.append((effects.wait(BayState.COUNTDOWN) - begun) * 1000)
            remove()
            effects.wait(BayState.EMPTY)
        watcher.stop()
        engine.ask_to_stop("measured")
        running.join(WAIT_S)
        return found


def with_loops(n: int) -> list[float]:
    """A loop device that always has the same name, and another file under it each time."""
    with tempfile.TemporaryDirectory(prefix="benchwipe-loops-") as folder:
        device = f"/dev/loop{192 + os.getpid() % 64}"  # a number that `losetup --find` gives to nobody else
        (Path(folder) / "p1").symlink_to(device)

        def insert(number: int) -> None:
            image = Path(folder) / f"image{number}"
            image.write_bytes(bytes(MIB))
            subprocess.run(["losetup", device, str(image)], check=True)

        def remove() -> None:
            subprocess.run(["losetup", "-d", device], check=True)

        return measure({"name": "block", "driver": "block", "settings": {"by_path": folder}}, insert, remove, n)


def simulated(n: int) -> list[float]:
    """A link in a folder."""
    with tempfile.TemporaryDirectory(prefix="benchwipe-ports-") as folder:
        bench = Path(folder)
        (bench / "ports").mkdir()
        for number in range(n):
            make_drive(bench, str(number), MIB, serial=f"S{number}")

        def insert(number: int) -> None:
            (bench / "ports/p1").symlink_to(bench / f"drives/{number}")

        return measure(
            {"name": "sim", "driver": "simulated", "settings": {"folder": folder}},
            insert,
            (bench / "ports/p1").unlink,
            n,
        )


def on_the_virtual_bench(n: int) -> list[float]:
    """A modelled USB drive in a guest's own xHCI (`make bench`): from plug to "countdown" at the broker."""
    from tests.agent.mosquitto import wait_until
    from tests.laboratory import station as bench
    from tests.laboratory.machine.saved import image
    from tests.laboratory.models.ata import AtaDrive
    from tests.laboratory.models.medium import Medium
    from tests.laboratory.models.sat import SatTarget
    from tests.laboratory.usb.storage import Dock

    bench.HEAD = bench.HEAD.replace("countdown_s = 0", "countdown_s = 3600")
    found = []
    with tempfile.TemporaryDirectory(prefix="benchwipe-bench-") as folder, bench.Station(image(), Path(folder)) as made:
        made.start()
        told = made.collector.seen.setdefault("er/1/bench-vm/bay/U1/state", [])

        def shows(state: str) -> bool:
            return bool(told) and json.loads(told[-1])["state"] == state

        for number in range(n):
            begun = time.monotonic()
            made.rig.machine.ports[1].plug(Dock(SatTarget(AtaDrive(Medium(8 * MIB), serial=f"IN-{number}"))))
            wait_until(lambda: shows("countdown"), "the countdown began", 120)
            found.append((time.monotonic() - begun) * 1000)
            made.rig.machine.ports[1].unplug()
            wait_until(lambda: shows("empty"), "the bay is empty", 120)
    return found


def main() -> int:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drives", type=int, default=20, help="insertions of each kind (default 20)")
    parser.add_argument("--bench", action="store_true", help="on the virtual bench instead, emulated USB and all")
    asked = parser.parse_args()
    drives = asked.drives
    found = {"virtual bench": on_the_virtual_bench(drives)} if asked.bench else {"simulated": simulated(drives)}
    if os.geteuid() == 0 and not asked.bench:
        found["loop"] = with_loops(drives)
        _uevents._monitor = lambda: None
        found["no events"] = with_loops(drives)
    told = {
        name: {"median_ms": round(statistics.median(ms)), "slowest_ms": round(max(ms)), "insertions": len(ms)}
        for name, ms in found.items()
    }
    print(json.dumps(told, indent=1))
    return int(any(max(ms) >= MOST_MS for ms in found.values()))


if __name__ == "__main__":
    sys.exit(main())
