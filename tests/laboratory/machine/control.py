"""The host's end of the guest agent's port: jobs, their output and how they ended."""

from __future__ import annotations

import base64
import itertools
import json
import queue
import signal
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

JOB_TIMEOUT_S = 100.0


class GuestGone(Exception):
    """The guest lost its power before it answered."""


@dataclass(frozen=True)
class Done:
    """How a job ended. `rc` is negative for a signal."""

    rc: int
    out: str
    err: str

    def checked(self) -> Done:
        """Itself, where it ended with 0; AssertionError with what it said, otherwise."""
        assert self.rc == 0, f"exit status {self.rc}\n{self.out}\n{self.err}"
        return self


class Job:
    """A process in the guest."""

    def __init__(self, control: Control, ident: int) -> None:
        self._control, self.ident = control, ident
        self.messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.said = {"out": b"", "err": b""}
        self._rc: int | None = None

    def wait(self, timeout: float = JOB_TIMEOUT_S) -> Done:
        """Until it ends. TimeoutError (the job is killed), GuestGone."""
        end = time.monotonic() + timeout
        while self._rc is None:
            if not self._next(end):
                self.kill()
                raise TimeoutError(f"the job did not end within {timeout:.0f} s: {self.text('out')}{self.text('err')}")
        return Done(self._rc, self.text("out"), self.text("err"))

    def wait_for(self, words: str, timeout: float = JOB_TIMEOUT_S) -> None:
        """Until it has said this. TimeoutError, GuestGone; AssertionError where it ends before."""
        end = time.monotonic() + timeout
        while words not in self.text("out") + self.text("err"):
            assert self._rc is None, f"it ended with {self._rc}: {self.text('out')}{self.text('err')}"
            if not self._next(end):
                raise TimeoutError(f"{words!r} was not said: {self.text('out')}{self.text('err')}")

    def hear(self) -> None:
        """Take in what it has said meanwhile, without waiting. GuestGone."""
        while not self.messages.empty():
            self._next(0.0)

    @property
    def ended(self) -> bool:
        """Whether it has, as far as the guest has said. GuestGone."""
        self.hear()
        return self._rc is not None

    def kill(self, number: int = signal.SIGKILL) -> None:
        """A signal to it and its children."""
        self._control.send(kill=self.ident, signal=int(number))

    def text(self, stream: str) -> str:
        """What it has said so far, as far as it was heard."""
        return self.said[stream].decode(errors="replace")

    def _next(self, end: float) -> bool:
        try:
            message = self.messages.get(timeout=max(end - time.monotonic(), 0.001))
        except queue.Empty:
            return False
        if message is None:
            raise GuestGone(self.text("out") + self.text("err"))
        for stream in self.said:
            self.said[stream] += base64.b64decode(message.get(stream, ""))
        self._rc = message.get("rc", self._rc)
        return True


class Control:
    """The connection; a thread of its own hears what the guest says."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._ids = itertools.count(1)
        self._jobs: dict[int, Job] = {}
        self._lock = threading.Lock()
        self.hello = threading.Event()
        self.trouble: list[str] = []
        threading.Thread(target=self._listen, name="guest", daemon=True).start()

    def send(self, **message: object) -> None:
        """A line to the agent."""
        with self._lock:
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def start(self, *, stdin: bytes = b"", env: dict[str, str] | None = None, **what: object) -> Job:
        """A job: `argv`, or `call` or `code` with `argv`, or `warm` (guest/agent.py)."""
        job = Job(self, next(self._ids))
        self._jobs[job.ident] = job
        self.send(id=job.ident, stdin=base64.b64encode(stdin).decode(), env=env or {}, **what)
        return job

    def close(self) -> None:
        """Hang up; whoever still waits for a job hears that the guest is gone."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        finally:
            self._socket.close()

    def _listen(self) -> None:
        try:
            with self._socket.makefile("rb") as stream:
                for line in stream:
                    self._hear(json.loads(line))
        except (OSError, ValueError) as error:
            self.trouble.append(str(error))
        for job in list(self._jobs.values()):
            job.messages.put(None)

    def _hear(self, message: dict[str, Any]) -> None:
        if "hello" in message:
            self.hello.set()
        elif "trouble" in message:
            self.trouble.append(message["trouble"])
        elif message["id"] in self._jobs:
            self._jobs[message["id"]].messages.put(message)
