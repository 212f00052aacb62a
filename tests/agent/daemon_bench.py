"""`benchwipe run` as a real process, on a simulated bench or on real loop devices."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates.certificate import Certificate, read_unverified
from agent.certificates.keys import jwk_line
from agent.devices.control import NotRunning, ask
from agent.jobs.ledger import Ledger
from drivers.drives.simulated import make_drive, plug, pull
from tests.agent.mosquitto import wait_until
from tests.patience import PROGRAM_S, SOON_S

MIB = 1 << 20
PROGRAM = str(Path(sys.executable).parent / "benchwipe")
STATION = """
[station]
id = "bench-07"
language = "en"
mode = "{mode}"
countdown_s = {countdown}
stalled_power_off_s = 1

[[source]]
name = "simulated"
driver = "simulated"
settings = {{ folder = "bench" }}

[[dock]]
name = "dock"
driver = "simulated"
settings = {{ slots = 4, state_file = "dock.json", control_file = "dock.control" }}

[[input]]
name = "scanner"
driver = "simulated"
settings = {{ path = "scans" }}

[[customer]]
name = "Kolding"
policy = "random"

[[lot]]
code = "LOT-1"
customer = "Kolding"

[[policy]]
name = "quick"
limits = {{ checkpoint_bytes = 1048576, checkpoint_s = 0.2, stall_after_s = 1 }}

[[policy]]
name = "random"
method = "random"
limits = {{ checkpoint_bytes = 1048576, checkpoint_s = 0.2 }}
"""
BAY = '\n[[bay]]\nname = "{bay}"\nsource = "{source}"\nport = "{port}"\n{dock}'


class Daemon:
    """One station's folder, and the daemon on it, which can be killed, stopped and started again."""

    program: tuple[str, ...] = (PROGRAM,)

    def __init__(
        self, folder: Path, *, mode: str = "automatic", countdown: float = 0, ports: tuple[str, ...] = ()
    ) -> None:
        """`ports`: real devices for the bays; without them four simulated ports, p1 to p4."""
        self.folder, self.state, self.bench = folder, folder / "state", folder / "bench"
        self.config = folder / "station.toml"
        (self.bench / "ports").mkdir(parents=True)
        (folder / "scans").touch()
        text = STATION.format(mode=mode, countdown=countdown).replace(
            'language = "en"', 'language = "en"\npolicy = "quick"'
        )
        for slot, port in enumerate(ports or ("p1", "p2", "p3", "p4"), start=1):
            dock = "" if ports else f'dock = "dock"\nslot = {slot}\n'
            text += BAY.format(bay=f"A{slot}", source="block" if ports else "simulated", port=port, dock=dock)
        self.config.write_text(text)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "daemon.log"

    def mqtt(self, port: int, *, controller: Ed25519PublicKey | None = None) -> None:
        """Send to this broker, and obey this controller."""
        with self.config.open("a") as file:
            file.write(f'\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\nkeepalive_s = 5\n')
            if controller is not None:
                (self.folder / "controller.jwk").write_text(jwk_line(controller))
                file.write('controller_keys = ["controller.jwk"]\n')

    def start(self, **environment: str) -> None:
        """Run; returns when it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.program, "run", "--config", str(self.config), "--state-dir", str(self.state)],
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
            )
        wait_until(self.answers, f"the daemon answers: {self.log.read_text()}")

    def answers(self) -> bool:
        """Whether it runs and says so."""
        try:
            self.status()
        except NotRunning:
            return False
        return True

    def status(self) -> dict[str, Any]:
        """What it says of its bays."""
        return ask(self.state, {"ask": "status"})

    def bay(self, name: str) -> dict[str, Any]:
        """One bay of it."""
        return next(row for row in self.status()["bays"] if row["bay"] == name)

    def wait_bay(self, name: str, state: str, within: float = SOON_S) -> dict[str, Any]:
        """Until a bay is in this state."""
        wait_until(lambda: self.bay(name)["state"] == state, f"bay {name} is {state}: {self.bay(name)}", within)
        return self.bay(name)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of the command line on this station."""
        command = [PROGRAM, *words, "--config", str(self.config), "--state-dir", str(self.state)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROGRAM_S)

    def make(self, name: str, size: int = 8 * MIB, *, port: str = "", **medium: Any) -> Path:  # noqa: ANN401 - fields of Medium
        """A simulated drive full of data; returns its image."""
        image = make_drive(self.bench, name, size, **medium) / "image"
        with image.open("r+b") as file:
            file.write(b"secret! " * (size // 8))
        if port:
            self.plug(port, name)
        return image

    def plug(self, port: str, name: str) -> None:
        """Put it in."""
        plug(self.bench, port, name)

    def pull(self, port: str) -> None:
        """Take it out."""
        pull(self.bench, port)

    def scan(self, *codes: str) -> None:
        """What the scanner sends."""
        with (self.folder / "scans").open("a") as file:
            file.write("".join(f"{code}\n" for code in codes))

    def certificates(self) -> list[Certificate]:
        """In the order of the chain."""
        found = [read_unverified(p.read_bytes()) for p in (self.state / "certificates").glob("*.jws")]
        return sorted(found, key=lambda c: c.record.sequence)

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def terminate(self) -> float:
        """SIGTERM; returns the seconds until it had ended, with exit status 0."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(SOON_S) == 0, self.log.read_text()
        return time.monotonic() - began

    def jobs(self) -> dict[str, str]:
        """Job id -> state of all that has not ended; only while the daemon does not run."""
        ledger = Ledger(self.state)
        try:
            return {job.id: job.state.value for job in ledger.unfinished()}
        finally:
            ledger.close()

    def flushed(self) -> int:
        """Bytes of the one job in the ledger up to its last checkpoint; may be asked while the daemon works."""
        with contextlib.closing(sqlite3.connect(f"file:{self.state / 'ledger.sqlite3'}?mode=ro", uri=True)) as ledger:
            row = ledger.execute("SELECT body FROM checkpoint").fetchone()
        return int(json.loads(row[0])["offset"]) if row else 0

    def close(self) -> None:
        """Whatever happened: nothing of it runs on."""
        if self.process is not None and self.process.poll() is None:
            self.kill()


class NotifySocket:
    """What systemd would hear."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self.heard: list[str] = []

    def listen(self, until: str, within: float = SOON_S) -> bool:
        """Whether this line comes in time."""
        end = time.monotonic() + within
        while not any(until in text for text in self.heard):
            self._socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                self.heard.append(self._socket.recv(4096).decode())
            except TimeoutError:
                return False
        return True

    def close(self) -> None:
        """Let go."""
        self._socket.close()


def status_json(daemon: Daemon) -> dict[str, Any]:
    """`benchwipe status --json`."""
    done = daemon.command("status", "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))
