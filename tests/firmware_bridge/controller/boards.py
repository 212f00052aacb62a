"""The controller's real firmware files in a process of their own: under CPython, or under real MicroPython on node."""

from __future__ import annotations

import os
import pty
import select
import shutil
import socket
import subprocess
import sys
import time
import tty
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.patience import SOON_S

REPOSITORY = Path(__file__).resolve().parents[3]
MICROPYTHON = REPOSITORY / "tests/firmware_bridge/device/micropython"
RUNTIMES = ("cpython", "micropython")
PATIENCE_S = SOON_S


def command(runtime: str) -> list[str]:
    """How the firmware is started; skips the test where there is no such runtime."""
    if runtime == "cpython":
        return [sys.executable, "-m", "tests.firmware_bridge.device.cpython"]
    node = shutil.which("node")
    if node is None or not (MICROPYTHON / "node_modules").is_dir():
        pytest.skip("MicroPython is not installed: node, and npm ci --prefix tests/firmware_bridge/device/micropython")
    return [node, str(MICROPYTHON / "run.mjs"), str(REPOSITORY)]


class Board:
    """`port` is where the host finds it, over resets too, as with a USB adapter. `outputs`: the bench's lines."""

    bays = 3

    def __init__(self, runtime: str, link: Path) -> None:
        self.port = str(link)
        self._command = command(runtime)
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        link.symlink_to(os.ttyname(self._slave))
        self._syncs = 0
        self.start()

    def start(self, *first: object) -> None:
        """Power on; `first` is told to the bench before the firmware runs."""
        self.outputs = [0] * self.bays
        self.said: list[str] = []
        self._text = b""
        self._control, theirs = socket.socketpair()
        theirs.setblocking(False)
        if first:
            self._control.sendall(f"{' '.join(map(str, first))}\n".encode())
        self._control.settimeout(PATIENCE_S)
        descriptors = (self._master, theirs.fileno())
        self._process = subprocess.Popen(
            self._command,
            cwd=REPOSITORY,
            pass_fds=descriptors,
            env=os.environ | {"SERIAL_FD": str(descriptors[0]), "CONTROL_FD": str(descriptors[1])},
        )
        theirs.close()
        self.until(lambda: bool(self.said))

    def stop(self) -> None:
        """Power off, or a reset's first half. What was on its way is lost."""
        self._process.kill()
        self._process.wait(PATIENCE_S)
        self._control.close()

    def close(self) -> None:
        """The test is over."""
        self.stop()
        os.close(self._master)
        os.close(self._slave)

    def tell(self, *words: object) -> None:
        """To the bench, which has obeyed when this returns."""
        self._syncs += 1
        done = f"synced {self._syncs}"
        self._control.sendall(f"{' '.join(map(str, words))}\nsync {self._syncs}\n".encode())
        self.until(lambda: done in self.said)

    def until(self, true: Callable[[], bool], patience: float = PATIENCE_S) -> None:
        """Wait for it, taking in what the bench says."""
        end = time.monotonic() + patience
        while not true():
            ended = self._process.poll() if self.said[-1:] not in (["booted"], ["ended"]) else None
            assert time.monotonic() < end, f"never came; the bench said {self.said[-5:]}, outputs {self.outputs}"
            assert ended is None, f"the firmware ended with {ended}; its words stand above"
            if select.select([self._control], [], [], 0.05)[0]:
                self._take()

    def _take(self) -> None:
        self._text += self._control.recv(65536)
        *lines, self._text = self._text.split(b"\n")
        for line in lines:
            self.said.append(line.decode())
            words = line.split()
            if words[0] == b"out":
                self.outputs[int(words[1])] = int(words[2])
