"""`serve`: starts intake, web and worker as processes of their own, starts one that dies again, ends all at the end.

So no page can stop a receipt: neither shares a thread, an interpreter lock, a table of files or a limit of memory with
the other. This process itself does nothing but watch.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collector import child
from collector.settings import Configuration
from collector.status import Board
from collector.web_address import listen

LOG = logging.getLogger(__name__)
PARTS = ("intake", "web", "worker")
BACK_OFF_S = (0.5, 30.0)
STEADY_S = 60.0
STOP_S = 6.0
NEEDS_A_PERSON = 2


@dataclass
class Part:
    """One child."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    delay: float = BACK_OFF_S[0]
    due_at: float = 0.0


@dataclass
class Family:
    """All children, and what they are handed."""

    parts: list[Part]
    environment: dict[str, str]
    descriptors: tuple[int, ...]
    stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> int:
        """Keep the children running until the end. The exit status: 0; 2 where one needs a person."""
        while not self.stop.wait(0.1):
            for part in self.parts:
                status = self._look(part)
                if status == NEEDS_A_PERSON:
                    return status
        return 0

    def end(self) -> None:
        """End every child: SIGTERM, and SIGKILL for one that does not listen."""
        running = [part.process for part in self.parts if part.process is not None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        end = time.monotonic() + STOP_S
        for process in running:
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _look(self, part: Part) -> int | None:
        """Start a child that does not run, as soon as its turn has come; the status of one that has just ended."""
        now = time.monotonic()
        if part.process is None:
            if now >= part.due_at:
                self._start(part, now)
            return None
        status = part.process.poll()
        if status is None:
            return None
        part.process = None
        if now - part.started_at > STEADY_S:
            part.delay = BACK_OFF_S[0]
        part.due_at, part.delay = now + part.delay, min(part.delay * 2, BACK_OFF_S[1])
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        LOG.error("the %s %s; it is started again", part.name, how)
        return status

    def _start(self, part: Part, now: float) -> None:
        part.process = subprocess.Popen(
            part.command, env=self.environment, pass_fds=self.descriptors, stdin=subprocess.DEVNULL
        )
        part.started_at = now


def serve(configuration: Configuration, command: Sequence[str]) -> int:
    """Run everything until SIGTERM or SIGINT. `command`: how this very program is started, to which --only is added.

    Raise CollectorError where the pages' address cannot be had.
    """
    listener = listen(configuration.settings.listen)
    board = Board.make()
    reading, writing = os.pipe()  # nobody writes: the end of this process closes it, and the children see that
    handed = {child.LIFE: reading, child.STATUS: board.descriptor, child.LISTEN: listener.fileno()}
    family = Family(
        parts=[Part(name, [*command, "--only", name]) for name in PARTS],
        environment={**os.environ, **{name: str(descriptor) for name, descriptor in handed.items()}},
        descriptors=tuple(handed.values()),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: family.stop.set())
    try:
        return family.watch()
    finally:
        LOG.info("stopping")
        family.end()
        os.close(writing)


def this_program(config: Path | None, listen_on: str | None) -> list[str]:
    """Return the command that starts this program in the same way."""
    alone = ["-I"] if sys.flags.isolated else []  # as the installed program runs: the folder has no say in what is run
    command = [sys.executable, *alone, "-m", "collector.cli", "serve"]
    command += [] if config is None else ["--config", str(config)]
    return command + ([] if listen_on is None else ["--listen", listen_on])
