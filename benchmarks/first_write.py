"""How long `benchwipe erase` takes from the command to its first write: `python -m benchmarks.first_write [--runs 9]`.

That is the difference between a job and the whole command. The first write is the capacity proof's; the kernel's count
of the disk shows it, from outside. Processor seconds beside it, because they do not depend on who else is at work.
It runs from bytecode, as whatever was installed does; `--source` has every module compiled anew, as in a working copy
where nothing may be written. Exit status 1 where the median is above 0.5 s. Needs root.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.rig import MIB, loops, need

MOST_S = 0.5
GIVE_UP_S = 60.0
QUIET_S = 0.1


def once(device: str, state: Path, environment: Mapping[str, str], *words: str) -> tuple[float, float]:
    """(seconds, processor seconds) of one command to its first write. All of it is killed then."""
    count = Path(f"/sys/class/block/{Path(device).name}/stat")
    before, began = _settled(count), time.perf_counter()
    command = [str(Path(sys.executable).with_name("benchwipe")), "erase", device, "--yes", *words]
    with subprocess.Popen(
        [*command, "--state-dir", str(state)],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    ) as program:
        try:
            while _writes(count) == before:
                if program.poll() is not None or time.perf_counter() - began > GIVE_UP_S:
                    raise SystemExit(f"first_write: {' '.join(command)} wrote nothing")
                time.sleep(0.0005)
            return time.perf_counter() - began, sum(map(_cpu_seconds, [program.pid, *_children(program.pid)]))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)


def _writes(count: Path) -> int:
    """Write requests that the disk has ended: the fifth field (kernel, Documentation/block/stat.rst)."""
    return int(count.read_text().split()[4])


def _settled(count: Path) -> int:
    """The same, when nobody writes any more: of a command that was killed requests may still be on their way."""
    found, since, began = _writes(count), time.monotonic(), time.monotonic()
    while time.monotonic() - since < QUIET_S:
        if time.monotonic() - began > GIVE_UP_S:
            raise SystemExit("first_write: somebody else writes to the device")
        time.sleep(QUIET_S / 10)
        if (now := _writes(count)) != found:
            found, since = now, time.monotonic()
    return found


def _children(pid: int) -> list[int]:
    """Who works for it: the command runs in a child, so that a drive that hangs does not keep a caller waiting."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cpu_seconds(pid: int) -> float:
    """User and system time so far: fields 14 and 15 of /proc/PID/stat, proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print the medians, first of zeros and then of a random pass."""
    need("losetup")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_write", description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--source", action="store_true")
    options = parser.parse_args()
    slow = False
    with loops(1, 64 * MIB) as (device,), tempfile.TemporaryDirectory(prefix="benchwipe-first-") as folder:
        # Whoever had this number before may have left its count of writes switched off.
        Path(f"/sys/class/block/{Path(device).name}/queue/iostats").write_text("1")
        compiled = {"PYTHONPYCACHEPREFIX": str(Path(folder) / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
        environment = {**os.environ, **({"PYTHONDONTWRITEBYTECODE": "1"} if options.source else compiled)}
        state = Path(folder) / "state"
        once(device, state, environment)  # it makes the bytecode and the station's key
        for method in ("zero", "random"):
            found = [once(device, state, environment, "--method", method) for _ in range(options.runs)]
            seconds, cpu = (statistics.median(column) for column in zip(*found, strict=True))
            slow |= seconds > MOST_S
            print(f"{method}: {seconds:.2f} s to the first write (at most {MOST_S}), {cpu:.2f} s of a processor")
    sys.exit(slow)


if __name__ == "__main__":
    main()
