"""How much memory the daemon keeps while nothing happens, and how long it takes to be ready.

    python -m benchmarks.idle_footprint [--config config/demo.toml] [--enrolled] [--seconds 20] [--json]

Starts `benchwipe run` on a fresh state folder, waits for its READY=1 (sd_notify, the same word that systemd waits
for), lets it idle, and reads VmRSS of /proc/PID/status and Pss of /proc/PID/smaps_rollup. Exit status 1 where a
figure is above its bound: 40 MB resident, 1 s to readiness. It runs as its unit runs it: with one malloc arena, and
from bytecode, as whatever was installed is.

`--enrolled`: it is connected meanwhile to a real mosquitto over TLS 1.3, where each proves to the other who it is by a
certificate of the collector's own authority, with an enrolment's folder beside its configuration.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks.enrolled import STATION, enrolled

REPOSITORY = Path(__file__).resolve().parents[1]
MOST_RESIDENT_MB = 40.0
MOST_START_S = 1.0
GIVE_UP_S = 30.0


@click.command()
@click.option(
    "--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="[default: config/demo.toml]"
)
@click.option("--seconds", default=20.0, show_default=True, help="How long it idles before it is measured.")
@click.option("--enrolled", "enrol", is_flag=True, help="Connected to its broker over TLS, as an enrolment leaves it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(config: Path | None, seconds: float, enrol: bool, as_json: bool) -> None:
    """Measure the idle daemon."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchwipe-idle-")))
        # A copy: what its devices keep lies beside the configuration.
        own = Path(shutil.copy(config or REPOSITORY / "config/demo.toml", folder / "station.toml"))
        broker = stack.enter_context(enrolled(own)) if enrol else None
        for name, idles in (("state-of-the-first", 0.0), ("state", seconds)):  # the first makes the bytecode
            found = measure(own, folder, name, idles)
        if broker is not None and f"u'{STATION}'" not in broker.log():
            raise click.ClickException(f"the station did not connect; its broker said:\n{broker.log()}")
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo(f"ready after {found['start_s']:.2f} s (at most {MOST_START_S})")
        click.echo(
            f"resident {found['rss_mb']:.1f} MB (at most {MOST_RESIDENT_MB}), of which its own {found['pss_mb']:.1f} MB"
        )
        click.echo(
            f"{found['threads']:.0f} threads, {found['cpu_percent']:.2f} % of a core over {seconds:.0f} s of idling"
        )
    sys.exit(found["rss_mb"] > MOST_RESIDENT_MB or found["start_s"] > MOST_START_S)


def measure(config: Path, folder: Path, state: str, seconds: float) -> dict[str, float]:
    """start_s, rss_mb and pss_mb (10^6 bytes), threads, cpu_percent of one core."""
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(folder / f"notify-{state}"))
        notify.settimeout(GIVE_UP_S)
        began = time.monotonic()
        daemon = subprocess.Popen(
            [_program(), "run", "--config", str(config), "--state-dir", str(folder / state)],
            env={**environment, "NOTIFY_SOCKET": str(folder / f"notify-{state}")},
            stderr=(folder / "log").open("wb"),
        )
        try:
            _wait_until_ready(notify, folder / "log")
            start = time.monotonic() - began
            before = _cpu_seconds(daemon.pid)
            time.sleep(seconds)
            return {
                "start_s": start,
                "rss_mb": _kib(daemon.pid, "status", "VmRSS") * 1024 / 1e6,
                "pss_mb": _kib(daemon.pid, "smaps_rollup", "Pss") * 1024 / 1e6,
                "threads": float(len(os.listdir(f"/proc/{daemon.pid}/task"))),
                "cpu_percent": 100 * (_cpu_seconds(daemon.pid) - before) / max(seconds, 0.01),
            }
        finally:
            daemon.terminate()
            daemon.wait(timeout=GIVE_UP_S)


def _program() -> str:
    """The `benchwipe` of the Python that runs this, else the one in PATH."""
    beside = Path(sys.executable).with_name("benchwipe")
    found = str(beside) if beside.exists() else shutil.which("benchwipe")
    if found is None:
        raise click.ClickException("there is no benchwipe to measure; run it with .venv/bin/python")
    return found


def _wait_until_ready(notify: socket.socket, log: Path) -> None:
    try:
        while b"READY=1" not in notify.recv(4096):
            pass
    except TimeoutError:
        raise click.ClickException(f"the daemon was not ready within {GIVE_UP_S:.0f} s:\n{log.read_text()}") from None


def _kib(pid: int, file: str, key: str) -> int:
    """A figure of /proc/PID/status or smaps_rollup, proc(5), in KiB."""
    found = re.search(rf"^{key}:\s+(\d+) kB$", Path(f"/proc/{pid}/{file}").read_text(), re.MULTILINE)
    assert found, f"/proc/{pid}/{file} has no {key}"
    return int(found[1])


def _cpu_seconds(pid: int) -> float:
    """User and system time so far: fields 14 and 15 of /proc/PID/stat, proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
