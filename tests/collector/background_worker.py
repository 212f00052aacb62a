"""A worker with tasks that misbehave, as a process: python -m tests.collector.background_worker CONFIG."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

from collector import boot, logs
from collector.background.kinds import Made, Work, kind
from collector.errors import CollectorError
from collector.settings import load


@kind("test.write", deadline_s=60, roles=("team_lead",))
def write(work: Work) -> Made:
    """Write what was told into a file."""
    path = work.folder / "draft"
    path.write_text(work.told["text"])
    return Made(path, "told.txt", "text/plain")


@kind("test.refuse", deadline_s=60)
def refuse(work: Work) -> None:
    """Refuse, in one line."""
    raise CollectorError(problem=f"nobody does {work.told['text']}")


@kind("test.break", deadline_s=60, tries=3)
def break_(work: Work) -> None:
    """Break as a defect does."""
    raise RuntimeError(f"secret of {work.told['text']}")


@kind("test.die", deadline_s=60, tries=2)
def die(_work: Work) -> None:
    """Be killed as by the kernel, for memory."""
    os.kill(os.getpid(), signal.SIGKILL)


@kind("test.hang", deadline_s=1, tries=2)
def hang(_work: Work) -> None:
    """Listen to nothing, for ever."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


@kind("test.once", deadline_s=120, tries=3)
def once(work: Work) -> Made:
    """Hang at its first run, and be done at its second."""
    mark = Path(work.told["mark"])
    if not mark.exists():
        mark.write_text(str(os.getpid()))
        hang(work)
    path = work.folder / "x"
    path.write_text("again")
    return Made(path, "again.txt", "text/plain")


@kind("test.outside", deadline_s=60, tries=1)
def outside(_work: Work) -> Made:
    """Hand out a file that is not its own."""
    return Made(Path("/etc/hostname"), "x", "text/plain")


def main() -> int:
    """Run it, with short pauses."""
    from collector import worker_process
    from collector.background import services

    services.PAUSE_S = (0, 0, 0)
    services.HELD = timedelta(seconds=12)
    return worker_process.run(configuration)


if __name__ == "__main__":
    logs.begin()
    configuration = load(Path(sys.argv[1]))
    boot.boot(configuration)
    sys.exit(main())
