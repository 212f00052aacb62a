"""Loop devices on tmpfs, and fio, nwipe and shred as the measures to hold ourselves against. Needs root."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[1]
GIB = 1 << 30
MIB = 1 << 20
FIO = ("--direct=1", "--bs=4M", "--iodepth=4", "--ioengine=libaio")


class OneRun(msgspec.Struct, frozen=True, kw_only=True):
    """What `benchmarks.one` measured. Rates in 10^6 bytes a second, of passes and read-back.

    The capacity proof before them does not grow as they do; it has seconds and processor seconds of its own.
    """

    outcomes: list[str]
    write: list[float]
    verify: list[float]
    write_sum: float
    verify_sum: float
    cpu_s_per_gib: float
    proof_s: list[float]
    proof_cpu_s: float
    peak_mb: float
    event_p99_ms: float
    event_max_ms: float


@contextlib.contextmanager
def loops(count: int, size: int) -> Iterator[list[str]]:
    """So many loop devices over files in tmpfs, with direct I/O, their memory already taken.

    They are gone with this process, also where it is killed: the files have no name any more, and a device that is
    detached while it is open goes with its last user, which is us (the kernel's autoclear).
    """
    with contextlib.ExitStack() as stack:
        with tempfile.TemporaryDirectory(prefix="benchwipe-bench-", dir="/dev/shm") as folder:
            devices = [_loop(Path(folder) / f"drive{n}", size, stack) for n in range(count)]
        yield devices


def _loop(path: Path, size: int, held: contextlib.ExitStack) -> str:
    with path.open("wb") as file:
        for _ in range(0, size, 16 * MIB):
            file.write(bytes(16 * MIB))
        file.truncate(size)
    command = ["losetup", "--find", "--show", "--direct-io=on", str(path)]
    device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    held.callback(os.close, os.open(device, os.O_RDONLY | os.O_CLOEXEC))
    subprocess.run(["losetup", "--detach", device], check=True)
    return device


def fio(devices: Sequence[str], operation: str) -> float:
    """fio with O_DIRECT and 4 MiB over each whole device once, all at once: the sum, 10^6 bytes a second."""
    command = ["fio", *FIO, f"--rw={operation}", "--output-format=json", "--thread", "--group_reporting"]
    for n, device in enumerate(devices):
        command += [f"--name=d{n}", f"--filename={device}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    job = json.loads(done.stdout)["jobs"][0]
    return float(job[operation]["bw_bytes"]) / 1e6


def erase(devices: Sequence[str], method: str, *, verify: str = "full", rounds: int = 1) -> OneRun:
    """Our engine in a process of its own, one thread a drive; the last of so many rounds."""
    command = [sys.executable, "-m", "benchmarks.one", method, verify, str(rounds), *devices]
    done = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return msgspec.json.decode(done.stdout, type=OneRun)


def fio_once(device: str, operation: str) -> list[str]:
    """fio's command for one device, as `fio` runs it."""
    return ["fio", "--name=d", "--thread", *FIO, f"--rw={operation}", f"--filename={device}"]


def timed(command: Sequence[str], folder: str | None = None) -> tuple[float, float]:
    """(seconds, processor seconds) of a program."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def nwipe(device: str, method: str, *, prng: str = "isaac64", program: str = "nwipe") -> tuple[float, float]:
    """(seconds, processor seconds) of nwipe writing the device once and verifying it."""
    command = [program, "--autonuke", "--nogui", "--nowait", "--noblank", "--verify=last", "--rounds=1"]
    with tempfile.TemporaryDirectory(prefix="benchwipe-nwipe-") as folder:  # it leaves its reports where it is
        return timed([*command, f"--method={method}", f"--prng={prng}", device], folder)


def nwipe_version(program: str = "nwipe") -> str:
    """As it names itself: "nwipe 0.34"."""
    said = subprocess.run([program, "--version"], check=False, capture_output=True, text=True)
    words = (said.stdout or said.stderr).split()
    return f"nwipe {words[-1]}" if words else "nwipe"


def medians(pairs: Iterable[tuple[float, float]]) -> tuple[float, float, float]:
    """Over pairs (ours, theirs): both, and the ratio of each pair. Pairs, because neighbours make noise."""
    found = list(pairs)
    ratio = statistics.median(ours / theirs for ours, theirs in found)
    return statistics.median(o for o, _ in found), statistics.median(t for _, t in found), ratio


def need(*programs: str) -> None:
    """SystemExit with a line where root or a program is missing."""
    absent = [name for name in programs if shutil.which(name) is None]
    if os.geteuid() != 0 or absent:
        raise SystemExit(f"benchmark: needs root and {', '.join(absent or programs)}")


def row(what: str, ours: float, theirs: float, ratio: float, wanted: float) -> str:
    """One line of a table."""
    return f"| {what} | {ours:.0f} | {theirs:.0f} | {ratio:.2f} | {wanted:.2f} |"
