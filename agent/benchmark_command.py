"""`benchwipe benchmark`: how fast this machine could erase, and what limits it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent.erase import Benchmark, benchmark
from agent.errors import AgentError
from agent.safety import judge
from drivers.drives.block import open_device
from drivers.drives.facts import gather
from drivers.drives.reading import open_for_reading


class NotForWriting(AgentError):
    """Something that must not be written to."""

    code = "BW-A12"
    message = "nothing was written: {reason}"


def measure(path: str, *, write: bool, seconds: float, state_dir: Path) -> Benchmark:
    """Reads only, unless `write`: then the same rules hold as for an erase."""
    if not write:
        with open_for_reading(path) as opened:
            return benchmark(opened, write=False, seconds=seconds)
    facts = gather(path, protect=(state_dir,))
    refusals = judge(facts)
    if refusals:
        raise NotForWriting(reason=refusals[0])
    with open_device(path, facts.drive) as opened:
        return benchmark(opened, write=True, seconds=seconds)


def rate_lines(found: Benchmark) -> Iterator[str]:
    """For people: one rate a line, and the limit."""
    yield f"{found.device}, {found.bytes_tried / 1e9:.1f} GB"
    yield f"  read      {found.read:>9.0f} MB/s"
    if found.write is not None:
        yield f"  write     {found.write:>9.0f} MB/s"
    for stream, rate in found.generate.items():
        chosen = "  <- used for random passes" if stream == found.stream else ""
        yield f"  generate  {rate:>9.0f} MB/s  {stream}{chosen}"
    yield f"  hash      {found.hash:>9.0f} MB/s  BLAKE3"
    yield f"  the limit is {found.limit}"
