"""The guest's first process: does what it is told over a virtio-serial port. Python's library only; one thread.

To it, a JSON object a line:
  {"id": 1, "argv": ["ls"], "stdin": "<base64>"}          a program
  {"id": 2, "call": "agent.cli:main", "argv": [...]}      a function, in a fork of this process
  {"id": 3, "code": "..."}                                Python source, in a fork of this process
  {"id": 4, "warm": ["json"]}                             import modules here, so that forks have them
  {"kill": 1, "signal": 9}
From it: {"hello": true}, {"id": 1, "out": "<base64>"}, {"id": 1, "err": ...}, {"id": 1, "rc": 0}.

Forks, because a Python that starts anew costs a second under emulation, and a fork some hundredths.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import gc
import importlib
import json
import logging
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

NAME = "benchwipe.control"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CHUNK = 1 << 16
SETTLE_S = 0.2  # a child that ended may have left its pipe to a grandchild: read so long, then no more


class Job:
    """A child, and what it says."""

    def __init__(self, ident: int, pid: int, pipes: dict[int, str]) -> None:
        self.ident, self.pid, self.pipes = ident, pid, pipes
        self.end = os.pidfd_open(pid)
        self.status: int | None = None
        self.ended = 0.0


class Agent:
    """The loop: requests in, children's output out."""

    def __init__(self, port: int) -> None:
        self._port, self._buffer = port, b""
        self._jobs: dict[int, Job] = {}
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """For ever."""
        self._say(hello=True)
        self._selector.register(self._port, selectors.EVENT_READ)
        while True:
            lingers = any(job.status is not None for job in self._jobs.values())
            for key, _ in self._selector.select(0.05 if lingers else 1.0):
                if key.fd == self._port:
                    self._listen()
                elif key.fd == key.data.end:
                    self._selector.unregister(key.fd)  # it has ended, and is reaped below
                else:
                    self._hear(key.data, key.fd)
            self._reap()

    def _say(self, **message: object) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self._port, data) :]

    def _listen(self) -> None:
        chunk = os.read(self._port, CHUNK)
        if not chunk:
            time.sleep(0.02)  # nobody is connected on the host
            return
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        for line in lines:
            try:
                self._do(json.loads(line))
            except (ArithmeticError, ImportError, LookupError, OSError, ValueError):
                self._say(trouble=traceback.format_exc())

    def _do(self, request: dict[str, Any]) -> None:
        if "kill" in request:
            job = self._jobs.get(request["kill"])
            if job is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(job.pid, request["signal"])
        elif "warm" in request:
            for name in request["warm"]:
                with contextlib.suppress(ImportError, ValueError):  # a device's library that is not there; "__main__"
                    importlib.import_module(name)
            gc.collect()
            gc.freeze()
            self._say(id=request["id"], rc=0)
        else:
            self._start(request)

    def _start(self, request: dict[str, Any]) -> None:
        """A child with pipes for what it says, and a file for what it reads."""
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            _become(request, out_end, err_end)
        os.close(out_end)
        os.close(err_end)
        job = Job(request["id"], pid, {out: "out", err: "err"})
        self._jobs[request["id"]] = job
        for descriptor in (job.end, *job.pipes):
            self._selector.register(descriptor, selectors.EVENT_READ, job)

    def _hear(self, job: Job, pipe: int) -> None:
        chunk = os.read(pipe, CHUNK)
        if chunk:
            self._say(id=job.ident, **{job.pipes[pipe]: base64.b64encode(chunk).decode()})
        else:
            self._close(job, pipe)

    def _close(self, job: Job, pipe: int) -> None:
        self._forget(pipe)
        del job.pipes[pipe]

    def _forget(self, descriptor: int) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(descriptor)
        os.close(descriptor)

    def _reap(self) -> None:
        """Children that ended, ours and orphans'."""
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                for job in self._jobs.values():
                    if job.pid == found[0]:
                        job.status, job.ended = os.waitstatus_to_exitcode(found[1]), time.monotonic()
        for job in [j for j in self._jobs.values() if j.status is not None]:
            if job.pipes and time.monotonic() < job.ended + SETTLE_S:
                continue
            for pipe in list(job.pipes):
                self._close(job, pipe)
            self._forget(job.end)
            del self._jobs[job.ident]
            self._say(id=job.ident, rc=job.status)


def _become(request: dict[str, Any], out: int, err: int) -> None:
    """The child: never returns."""
    code = 1
    try:
        os.setsid()
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        stdin = os.memfd_create("stdin")
        os.write(stdin, base64.b64decode(request.get("stdin", "")))
        os.lseek(stdin, 0, os.SEEK_SET)
        for place, descriptor in enumerate((stdin, out, err)):
            os.dup2(descriptor, place)
        os.closerange(3, 256)
        os.environ.update(request.get("env", {}))
        os.chdir("/")
        argv = request.get("argv", [""])
        if "call" not in request and "code" not in request:
            os.execvp(argv[0], argv)
        code = _python(request, argv)
    except Exception:
        logging.exception("the job failed")
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _python(request: dict[str, Any], argv: list[str]) -> int:
    """A call's exit status, as the interpreter would make it."""
    sys.argv = argv
    try:
        if "code" in request:
            exec(compile(request["code"], "<bench>", "exec"), {"__name__": "__main__"})
            return 0
        module, name = request["call"].split(":")
        result = getattr(importlib.import_module(module), name)()
    except SystemExit as error:
        result = error.code
    if isinstance(result, str):
        print(result, file=sys.stderr)
        return 1
    return int(result or 0) & 0xFF


def _port() -> int:
    """The control port's descriptor, as soon as the kernel has it."""
    while True:
        for name in Path("/sys/class/virtio-ports").glob("*/name"):
            if name.read_text().strip() == NAME:
                with contextlib.suppress(OSError):
                    return os.open(f"/dev/{name.parent.name}", os.O_RDWR | os.O_CLOEXEC)
        time.sleep(0.02)


def main() -> None:
    """From the kernel's first breath."""
    os.environ.update(PATH=PATH, HOME="/root", LANG="C.UTF-8", PYTHONDONTWRITEBYTECODE="1")
    sys.path[:0] = Path("/etc/bench-python-path").read_text().split("\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:  # the loopback interface up (netdevice(7))
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))
    subprocess.run(["/lib/systemd/systemd-udevd", "--daemon"], check=False)
    Agent(_port()).run()


if __name__ == "__main__":
    main()
