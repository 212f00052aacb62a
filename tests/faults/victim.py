"""An erase in a process of its own, to be killed: checkpoints on standard output, a line of JSON each."""

from __future__ import annotations

import sys

import msgspec

from agent.erase import Checkpoint, EraseSpec, Limits, Progress, ResumePoint
from agent.erase.engine import erase
from agent.erase.signals import Stop
from drivers.drives.block import open_device


def main(device: str, method: str, point: str) -> None:
    """Erase `device`, from `point` on where it is not null."""
    resume = msgspec.json.decode(point, type=ResumePoint | None)
    limits = Limits(checkpoint_bytes=1 << 20, checkpoint_s=0.05)
    spec = EraseSpec(job="faults", method=method, key_hex="c3" * 32, limits=limits, resume=resume)

    def tell(event: Progress | Checkpoint) -> None:
        if isinstance(event, Checkpoint):
            sys.stdout.buffer.write(msgspec.json.encode(event.point) + b"\n")
            sys.stdout.buffer.flush()

    with open_device(device) as drive:
        print("open", flush=True)
        erase(drive, spec, tell, Stop())


if __name__ == "__main__":
    main(*sys.argv[1:4])
