"""`benchwipe benchmark`: how fast this machine could erase, and what limits it."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from agent.certificates.label import capacity
from agent.commands.work.erase import LOOK_S, look
from agent.erase.speed import Benchmark, benchmark, forecast
from agent.errors import AgentError
from drivers.drives._direct import DirectFile
from drivers.drives.block import BlockDrive, open_device
from drivers.drives.drive import Drive
from drivers.drives.reading import open_for_reading

SCRATCH_BYTES = 64 << 20
"""Of a temporary file: more would only wear the medium, and a small station's memory may hold its /tmp."""


class NotForWriting(AgentError):
    """Something that must not be written to."""

    code = "BW-A12"
    message = "nothing was written: {reason}"


class NothingToMeasure(AgentError):
    """A device or file that cannot be read."""

    code = "BW-A16"
    message = "{path} {problem}"


def measure(path: str, *, write: bool, seconds: float, state_dir: Path) -> Benchmark:
    """Measure a device or a file: reads only, unless `write`.

    With `write` the same rules hold as for an erase. A file gets a temporary file beside it.

    NotForWriting, NothingToMeasure, DriveError, OSError.
    """
    if write:
        return _destroying(path, seconds, state_dir)
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise NothingToMeasure(path=path, problem=f"cannot be measured: {why}") from error
    with open_for_reading(path) as opened:
        if not opened.drive.capacity_bytes:
            raise NothingToMeasure(path=path, problem="is empty: there is nothing to read")
        if opened.drive.capacity_bytes < opened.drive.logical_block_bytes:
            raise NothingToMeasure(path=path, problem="is smaller than a block: there is too little to read")
        found = benchmark(opened, write=False, seconds=seconds)
    return _with_writing(found, path, seconds) if stat.S_ISREG(mode) else found


def _destroying(path: str, seconds: float, state_dir: Path) -> Benchmark:
    facts, refusals = look(path, state_dir=state_dir, patience_s=LOOK_S)
    if refusals:
        raise NotForWriting(reason=refusals[0])
    with open_device(path, facts.drive) as opened:
        return benchmark(opened, write=True, seconds=seconds)


def _with_writing(found: Benchmark, path: str, seconds: float) -> Benchmark:
    """The rate of a temporary file in the same folder, where one can be made; the file itself is never written to."""
    try:
        with tempfile.TemporaryFile(dir=Path(path).resolve().parent) as file:
            os.posix_fallocate(file.fileno(), 0, SCRATCH_BYTES)
            with _Scratch(os.dup(file.fileno())) as scratch:
                write = benchmark(scratch, write=True, seconds=seconds).write
    except OSError:
        return found
    return forecast(found, write)


class _Scratch(BlockDrive):
    """A file of ours in a drive's place."""

    def __init__(self, fd: int) -> None:
        direct = _reopened_direct(fd)
        drive = Drive(device="temporary file", capacity_bytes=SCRATCH_BYTES)
        super().__init__(drive, DirectFile(fd if direct < 0 else direct, direct=direct >= 0, block=4096))
        if direct >= 0:
            os.close(fd)


def _reopened_direct(fd: int) -> int:
    """The same file with O_DIRECT; -1 where its file system has none (tmpfs before Linux 6.6)."""
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_DIRECT | os.O_CLOEXEC)
    except OSError:
        return -1


def rate_lines(found: Benchmark) -> Iterator[str]:
    """Write the rates for people: one rate a line, and the limit."""
    yield f"{found.device}, {capacity(found.bytes_tried)}"
    yield f"  read      {_rate(found.read):>9} MB/s"
    if found.write is not None:
        yield f"  write     {_rate(found.write):>9} MB/s"
    else:
        yield "  write             - not measured: --write would, and destroys what the device holds"
    for stream, rate in found.generate.items():
        chosen = "  <- used for random passes" if stream == found.stream else ""
        yield f"  generate  {rate:>9.0f} MB/s  {stream}{chosen}"
    yield f"  compare   {found.compare:>9.0f} MB/s  with what was meant"
    yield f"  hash      {found.hash:>9.0f} MB/s  BLAKE3"
    yield f"  {found.cores} cores; generating, comparing and hashing on one of them"
    for what, told in (("zeros", found.zeros), ("random stream", found.random)):
        yield f"erase with {what}, written and read back in full: {_rate(told.mb_per_s)} MB/s, {_many(told.drives)}"
        yield f"  the limit is {told.limit}"


def _rate(rate: float) -> str:
    """Of a dying drive the first digits that are not 0."""
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"


def _many(drives: int) -> str:
    if drives < 1:
        return "less than the drive would do"
    return f"and the processors keep up with {drives} such drive{'s' if drives > 1 else ''} at once"
