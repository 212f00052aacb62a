"""How long a register of 21,000 devices takes to be taken in, received and reconciled, and how much memory each takes.

    .venv/bin/python -m benchmarks.collector_register [--rows 21000] [--database sqlite:///collector.db]

Each step is a process of its own, as the command is. Its figures: the seconds from its first to its last statement, the
processor's seconds among them, the largest resident size. Exit status 1 where one takes longer, or more memory, than
its limit.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collector import boot, settings

LIMITS_S = {"import": 20.0, "import again, all changed": 20.0, "receive": 120.0, "reconcile": 2.0, "export": 20.0}
LIMIT_MB = 300
CUSTOMER, LOT = "A municipality", "L1"
KINDS = ("laptop", "laptop", "desktop", "phone", "phone", "tablet")
HEADINGS = "Serial number,Asset Tag,IMEI,Type,Manufacturer,Model,Location,Department,Status,Primary user UPN"


def luhn(digits: str) -> str:
    """Add the check digit of an IMEI; written here, so that nothing of ours is measured twice."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def register(count: int, state: str) -> bytes:
    """Write a register of that many devices, the same for the same count."""
    chance = random.Random(16)
    lines = [HEADINGS]
    for n in range(count):
        kind = KINDS[n % len(KINDS)]
        imei = luhn(f"35{chance.randrange(10**6):06d}{n:06d}") if kind in ("phone", "tablet") else ""
        serial = f"PF{n:06d}{chance.randrange(36**2):03X}"
        lines.append(f"{serial},K-{n:06d},{imei},{kind},Lenovo,ThinkPad T14 Gen 2,Town hall,Schools,{state},a@b.dk")
    return "\n".join(lines).encode()


def arrived(data: bytes) -> bytes:
    """Write the list of what arrives: all but one in a hundred."""
    rows = [line.split(",") for line in data.decode().splitlines()[1:]]
    kept = [
        f"{r[0]},{r[1]},{r[2]},{r[3]},{1 if r[3] in ('laptop', 'desktop') else ''}"
        for n, r in enumerate(rows)
        if n % 100
    ]
    return ("serial,asset_tag,imei,kind,drives\n" + "\n".join(kept)).encode()


def step(config: str, name: str, count: int, answer: Any) -> None:  # noqa: ANN401 - a queue
    """Do one step in this process, and tell what it took."""
    boot.boot(settings.load(Path(config)))
    from collector import upkeep

    upkeep.prepare(migrate=True)
    work = steps(count)[name]
    began, cpu = time.perf_counter(), time.process_time()
    told = work()
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    answer.put((name, seconds, time.process_time() - cpu, used.ru_maxrss / 1024, told))


def steps(count: int) -> dict[str, Callable[[], str]]:
    """The steps, in their order."""
    from collector.parties import services
    from collector.parties.models import Organisation
    from collector.parties.services import Actor
    from collector.units import lots, receive_file, reconcile_file, reconciling, registering

    machine = Actor("benchmark")
    data = register(count, "in use")

    def customer() -> Any:  # noqa: ANN401
        found = Organisation.objects.filter(name=CUSTOMER).first()
        return found or services.add_organisation(machine, CUSTOMER, "customer")

    def take(state: str) -> str:
        told = registering.import_register(machine, customer(), register(count, state), "r.csv", lot=LOT)
        return f"new {told.new}, changed {told.changed}, rejected {len(told.rejected)}"

    def receive() -> str:
        told = receive_file.receive_bytes(machine, lots.lot_named(customer(), LOT), arrived(data), "a.csv")
        return f"received {told['received']}, rejected {len(told['rejected'])}"

    def reconcile() -> str:
        told = reconciling.reconcile(customer()).document()
        return f"{len(told['units'])} units, adds up: {told['adds_up']}"

    def export() -> str:
        found = reconcile_file.Export(customer(), None, "da")
        return f"{sum(len(piece) for piece in found.pieces('xlsx'))} bytes"

    return {
        "import": lambda: take("in use"), "import again, all changed": lambda: take("returned"), "receive": receive,
        "reconcile": reconcile, "export": export,
    }  # fmt: skip


def main() -> int:
    """Measure, print, and judge."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--rows", type=int, default=21_000)
    options.add_argument("--database", default="")
    told = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchwipe-register-") as folder:
        config = Path(folder) / "collector.toml"
        config.write_text(f'[database]\nurl = "{told.database or f"sqlite:///{folder}/collector.db"}"\n')
        spawn, bad = multiprocessing.get_context("spawn"), False
        for name, limit in LIMITS_S.items():
            answer = spawn.Queue()
            process = spawn.Process(target=step, args=(str(config), name, told.rows, answer))
            process.start()
            process.join()
            if process.exitcode != 0:
                print(f"{name}: ended with status {process.exitcode}")
                return 1
            _, seconds, cpu, memory, words = answer.get()
            late = seconds > limit or memory > LIMIT_MB
            bad = bad or late
            print(
                f"{name:26} {seconds:6.2f} s of {limit:g} (processor {cpu:.2f} s), {memory:5.0f} MB of {LIMIT_MB}: "
                f"{words}{'  TOO MUCH' * late}"
            )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
