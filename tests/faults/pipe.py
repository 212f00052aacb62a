"""Drives behind one throttled pipe: loop devices over parts of one file, whose file system carries so much each way."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.faults.fuse import Rules
from tests.faults.rig import serve

THREADS = 48
"""Four drives have two requests of 2 MiB each in flight, in pieces of 1 MiB: none waits for the other direction's."""


@contextmanager
def throttled(count: int, size: int, mb_per_s: float) -> Iterator[list[str]]:
    """So many drives of that size; together they read at that rate, and at the same time write at it."""
    with ExitStack() as stack:
        shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchwipe-pipe-", dir=shared)))
        (folder / "medium").write_bytes(b"secret! " * (count * size // 8))
        server = stack.enter_context(serve(folder, folder / "medium", THREADS))
        devices = [_part(folder / "mount" / "drive", n * size, size, stack) for n in range(count)]
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(asdict(Rules(pipe_mb_per_s=mb_per_s))) + "\n")
        server.stdin.flush()
        assert server.stdout.readline() == "set\n"
        yield devices


def _part(path: Path, offset: int, size: int, stack: ExitStack) -> str:
    command = ["losetup", "--find", "--show", "--direct-io=on", f"--offset={offset}", f"--sizelimit={size}", str(path)]
    device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    stack.callback(subprocess.run, ["losetup", "--detach", device], check=False, stderr=subprocess.DEVNULL)
    Path(f"/sys/class/block/{Path(device).name}/queue/iostats").write_text("1")  # as in the rig
    return device
