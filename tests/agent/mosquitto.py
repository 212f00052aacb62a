"""A real mosquitto on a free port of its own, which can be killed, stopped, hung and started again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.patience import PROGRAM_S, SOON_S

PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
PROGRAM = shutil.which("mosquitto", path=PLACES)
MISSING = "mosquitto is not installed (apt-get install mosquitto)"


def passwords(file: Path, **users: str) -> None:
    """Write a broker's password file, with its own program."""
    program = shutil.which("mosquitto_passwd", path=PLACES)
    if program is None:
        pytest.skip(MISSING)
    file.touch()
    for user, password in users.items():
        subprocess.run([program, "-b", file, user, password], check=True, capture_output=True, timeout=PROGRAM_S)


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(true: Callable[[], object], what: str, within: float = SOON_S) -> None:
    """Poll until it is true; AssertionError names what never came true."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, f"not within {within} s: {what}"
        time.sleep(0.01)


class Mosquitto:
    """One broker. Nothing is kept on disk: `kill` loses every message that it had acknowledged."""

    def __init__(self, folder: Path, *, extra: str = "") -> None:
        folder.mkdir(exist_ok=True)
        self.port = free_port()
        self.acl = folder / "acl"
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None

    def allow(self, *lines: str) -> None:
        """Put an access list in force, at once if the broker runs."""
        self.acl.write_text("\n".join(lines) + "\n")
        self.acl.chmod(0o600)
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def start(self) -> None:
        """Run; returns when it accepts connections. Skips the test where there is none to run."""
        if PROGRAM is None:
            pytest.skip(MISSING)
        access = f"acl_file {self.acl}\n" if self.acl.exists() else ""
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n{access}{self._extra}"
        )
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([PROGRAM, "-c", str(self._config), "-v"], stdout=log, stderr=log)
        wait_until(self._answers, f"mosquitto listens; {self._log.read_text()}")

    def kill(self) -> None:
        """`kill -9`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def hang(self) -> None:
        """SIGSTOP: connections stay, and nobody answers on them."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        """What it wrote."""
        return self._log.read_text()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
