"""The real programs that the demo starts: broker, collector, station. Each writes its log beside its files."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 20.0


class DemoFailed(Exception):
    """Something was not as it must be."""


@dataclass(frozen=True)
class Broker:
    """Where the broker listens, and which MQTT it speaks."""

    name: str
    port: int
    protocol: str


def wait_until(true: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
    """Return as soon as it is so; DemoFailed when it does not become so in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise DemoFailed(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.05)


def free_port() -> int:
    """Find a port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Say whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return True
    return False


@contextlib.contextmanager
def program(name: str, command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run it in this folder until the end of the block; SIGTERM ends it, SIGKILL what does not end in 6 s."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BENCHWIPE_")}
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(6)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def beside_python(name: str) -> str:
    """Find a program of this virtual environment."""
    return str(Path(sys.executable).parent / name)


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[Broker]:
    """Run mosquitto where it is installed, else the broker that comes with this environment."""
    port = free_port()
    mosquitto = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if mosquitto:
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\npersistence false\n")
        about, command = Broker("mosquitto", port, "5"), [mosquitto, "-c", str(config)]
    else:
        about = Broker("amqtt (embedded)", port, "3.1.1")
        command = [sys.executable, "-m", "agent.demo.broker", str(port)]
    with program("broker", command, folder) as process:
        wait_until(lambda: answers(port) or process.poll() is not None, "the broker listens")
        if process.poll() is not None:
            raise DemoFailed(f"the broker did not start: see {folder / 'broker.log'}")
        yield about
