"""A station's program that says which phase it enters and leaves, and waits at each mark until it may go on.

The process is a fork of the caller, which has loaded everything: half a second less for each of many.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent import files
from agent.bench.labels import LabelDesk
from agent.bench.reception import Reception
from agent.bench.workforce import Workforce
from agent.cli import main
from agent.commands import erase
from agent.commands.work import erase as work
from agent.devices.station_effects import StationEffects
from agent.erase import engine
from agent.jobs.ledger import Ledger
from drivers.drives._direct import DirectFile
from drivers.drives.simulated import SimulatedDrive

# Each is entered and left; some lie within others. "written down" begins with the job and ends before the first byte.
COMMAND = (
    "planning",
    "opening",
    "written down",
    "pass 1",
    "pass 2",
    "pass 3",
    "checkpoint",
    "verify",
    "certifying",
    "certificate's file",
    "certificate's row",
    "result",
    "told",
)
DAEMON = (
    "planning",
    "written down",
    "pass 1",
    "pass 2",
    "pass 3",
    "checkpoint",
    "verify",
    "certifying",
    "certificate's file",
    "certificate's row",
    "label",
)
SLOW_S = 0.004  # for each request, so that there is a middle of a pass to be killed in


class Marks:
    """Says a mark and waits for leave. From any thread; a mark of one waits for that of another."""

    def __init__(self, out: int, leave: int) -> None:
        self._out, self._leave, self._lock = out, leave, threading.Lock()

    def reach(self, mark: str) -> None:
        """`>phase` or `<phase`."""
        with self._lock:
            os.write(self._out, f"{mark}\n".encode())
            os.read(self._leave, 1)

    def around(self, owner: Any, name: str, before: str = "", after: str = "") -> None:  # noqa: ANN401 - module or class
        """Marks before and after a function; `{0}` in one is the first argument after the object."""
        original: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(original)
        def marked(*values: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes and returns
            if before:
                self.reach(before.format(*values[1:]))
            result = original(*values, **named)
            if after:
                self.reach(after.format(*values[1:]))
            return result

        setattr(owner, name, marked)

    def phase(self, owner: Any, name: str, phase: str) -> None:  # noqa: ANN401 - module or class
        """A phase as long as this function."""
        self.around(owner, name, f">{phase}", f"<{phase}")


def slow(owner: Any, name: str) -> None:  # noqa: ANN401 - a class
    """Every request takes a little longer."""
    original: Callable[..., Any] = getattr(owner, name)

    def slowly(*values: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes and returns
        threading.Event().wait(SLOW_S)
        return original(*values, **named)

    setattr(owner, name, slowly)


def mark(marks: Marks) -> None:
    """Put the marks into this process's program."""
    marks.phase(engine._Job, "_overwrite", "pass {0}")
    marks.phase(engine._Job, "_verify", "verify")
    marks.phase(Ledger, "save_checkpoint", "checkpoint")
    marks.phase(Ledger, "issue", "certifying")
    marks.phase(files, "write_once", "certificate's file")
    marks.phase(Ledger, "_record", "certificate's row")
    # The command
    marks.phase(erase, "examine", "planning")
    marks.phase(work, "open_device", "opening")
    marks.around(work.EraseCommand, "_write_down", ">written down")
    marks.around(work, "run_job", "<written down")
    marks.phase(erase, "_report", "result")
    marks.phase(work.EraseCommand, "told", "told")
    # The daemon
    marks.phase(Reception, "_arm", "planning")
    marks.phase(Workforce, "start", "written down")
    marks.around(StationEffects, "print_label", ">label")
    marks.around(LabelDesk, "result", after="<label")


def run(words: list[str], folder: Path, pipes: tuple[int, int] | None) -> int:
    """The process's number. `pipes`: where it says its marks, and gets its leave; None: it runs freely."""
    process = os.fork()
    if process:
        return process
    try:
        os.setsid()
        for number, name in ((1, "out"), (2, "err")):
            fd = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(fd, number)
        for name in ("read_into", "write_from"):
            slow(SimulatedDrive, name)
        for name in ("read", "write"):
            slow(DirectFile, name)
        if pipes is not None:
            mark(Marks(*pipes))
        main(words)
    except SystemExit as ended:
        os._exit(int(ended.code or 0))
    finally:
        os._exit(99)
    return 0
