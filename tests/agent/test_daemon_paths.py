"""The daemon and the command line on one state folder, and one drive that both of them reach."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.commands.conftest import ledger, start
from tests.agent.daemon_bench import Daemon
from tests.agent.mosquitto import wait_until
from tests.drivers.drives.conftest import MIB, Loops, needs_root


@pytest.fixture
def loops(tmp_path: Path) -> Iterator[Loops]:
    needs_root()
    (tmp_path / "loops").mkdir()
    made = Loops(tmp_path / "loops")
    yield made
    for device in reversed(made.made[:]):
        made.detach(device)


def test_the_command_line_leaves_a_drive_alone_that_the_daemon_erases_by_another_path(
    loops: Loops, tmp_path: Path
) -> None:
    image = loops.image(64 * MIB)
    one, two = loops.attach(image), loops.attach(image)
    station = Daemon(tmp_path / "station", ports=(one,))
    text = station.config.read_text()
    station.config.write_text(text.replace('name = "quick"\n', 'name = "quick"\nmethod = "gutmann"\n'))
    station.start()
    try:
        wait_until(lambda: ledger(station.state, "SELECT 1 FROM job WHERE state = 'erasing'"), "it erases")
        assert station.process is not None
        station.process.send_signal(signal.SIGSTOP)
        running = ledger(station.state, "SELECT id FROM job")[0][0]
        for more in ((), ("--resume",)):
            done = station.command("erase", two, "--yes", "--json", *more)
            assert done.returncode == 3, done.stdout + done.stderr
            for word in ("BW-S40", running, "bay A1", f"process {station.process.pid}"):
                assert word in done.stdout
        station.process.send_signal(signal.SIGCONT)
        wait_until(lambda: ledger(station.state, "SELECT 1 FROM certificate"), "it certifies")
        assert ledger(station.state, "SELECT job, outcome FROM certificate") == [(running, "erased")], [
            c.record for c in station.certificates()
        ]
    finally:
        station.kill()


def test_the_daemon_goes_on_with_a_job_of_the_command_line_only_when_that_is_dead(loops: Loops, tmp_path: Path) -> None:
    image = loops.image(64 * MIB)
    one, two = loops.attach(image), loops.attach(image)
    station = Daemon(tmp_path / "station", ports=(one,))
    words = ("--config", station.config, "--state-dir", station.state)
    command = start("erase", two, "--yes", "--json", "--method", "gutmann", *words)
    try:
        wait_until(lambda: ledger(station.state, "SELECT 1 FROM job WHERE state = 'erasing'"), "it erases")
        command.send_signal(signal.SIGSTOP)
        station.start()
        row = station.wait_bay("A1", "blocked")
        assert row["reason"]
        command.kill()
        command.wait()
        wait_until(lambda: ledger(station.state, "SELECT 1 FROM certificate"), "it certifies")
        ((job,),) = ledger(station.state, "SELECT id FROM job")
        assert ledger(station.state, "SELECT job, outcome FROM certificate") == [(job, "erased")]
    finally:
        command.kill()
        command.communicate()
        station.kill()
