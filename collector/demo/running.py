"""The demo: a broker, an embedded collector and the year of both towns, on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from collector.demo import stations
from collector.demo.driving import Driver, Run
from collector.demo.errors import DemoProblem
from collector.demo.plan import Town, plan
from collector.demo.stations import Station
from collector.demo.towns import TOWNS
from collector.moments import today

START_S, STOP_S = 180.0, 15.0
PARTS = 100
"""A year in full."""
MOSQUITTO = "per_listener_settings false\nmax_inflight_messages 400\nlistener {port} 127.0.0.1\nallow_anonymous true\n"


def demo(commands: Callable[[Path], Run], *, percent: int, listen: str, say: Callable[[str], None]) -> None:
    """Make the year, and serve its pages until Ctrl-C. Everything lies in a folder that goes with it.

    Raise DemoProblem where it cannot go on.
    """
    with tempfile.TemporaryDirectory(prefix="benchwipe-demo-") as name:
        folder = Path(name)
        config, port = folder / "collector.toml", _free_port()
        config.write_text(
            f'id = "demo"\nlisten = "{listen}"\norganisation = "{TOWNS[0].operator}"\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {port}\n[database]\nurl = "sqlite:///collector.db"\n'
        )
        begun, run = time.monotonic(), commands(config)
        run(["migrate"])
        with _broker(folder, port), _collector(folder, config, listen):
            driver = Driver(run, folder, partial(stations.deliver, port), say)
            _years(driver, [_part(town, percent) for town in TOWNS])
            say(f"The year is made, in {time.monotonic() - begun:.0f} s. Pages: http://{listen}/")
            say(
                "\n".join(["Sign in as:", *(f"  {who}: {password}" for who, password in driver.told.passwords.items())])
            )
            say("Ctrl-C ends it, and takes all of it away.")
            _until_ctrl_c()


def _years(driver: Driver, towns: Sequence[Town]) -> None:
    years = [plan(town, today()) for town in towns]
    driver.prepare(years)
    for year in years:
        driver.hand_over(year, Station(year.town))
        driver.destroy(year)
        driver.sell_and_settle(year)
        driver.close(year)
        driver.enter_work(year)


def _part(town: Town, percent: int) -> Town:
    """A part of a town's devices, at least some of each."""
    if percent == PARTS:
        return town
    told = {name: max(12, getattr(town, name) * percent // PARTS) for name in ("computers", "tablets", "phones")}
    return replace(town, **told)


@contextmanager
def _broker(folder: Path, port: int) -> Iterator[None]:
    """Run mosquitto where it is installed, else the embedded broker of the `demo` extra."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is not None:
        file = folder / "mosquitto.conf"
        file.write_text(MOSQUITTO.format(port=port))
        command = [program, "-c", str(file)]
    else:
        command = [sys.executable, "-m", "agent.demo.broker", str(port)]
    with _process(command, folder / "broker.log"):
        _wait(lambda: _listens(port), "the broker does not listen; mosquitto, or pip install 'benchwipe[demo]'")
        yield


@contextmanager
def _collector(folder: Path, config: Path, listen: str) -> Iterator[None]:
    command = [sys.executable, "-m", "collector.cli", "serve", "--config", str(config)]
    log = folder / "collector.log"
    with _process(command, log) as process:

        def is_well() -> bool:
            if process.poll() is not None:
                last = log.read_text("utf-8", "replace").strip().splitlines()
                raise DemoProblem(problem=f"the collector ended: {last[-1] if last else process.returncode}")
            return _answers(f"http://{listen}/healthz")

        _wait(is_well, f"the collector does not answer on {listen}")
        yield


@contextmanager
def _process(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a session of its own, so that Ctrl-C is ours to pass on; it ends with the block."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_ctrl_c() -> None:
    """Wait for SIGINT or SIGTERM."""
    wanted = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    signal.sigwait(wanted)


def _wait(condition: Callable[[], bool], problem: str) -> None:
    end = time.monotonic() + START_S
    while not condition():
        if time.monotonic() > end:
            raise DemoProblem(problem=problem)
        time.sleep(0.05)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
