"""docs/operate.md: each of its commands is typed here, on a machine of the test's own."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.jobs.schema import MIGRATIONS
from tests.agent.commands.chapters import typed
from tests.agent.commands.conftest import Call
from tests.agent.commands.test_backup_commands import IMEI, YES
from tests.agent.daemon_bench import Daemon
from tests.installing.pages import commands, section

PAGE = "operate.md"
BAYS = """
[[source]]
name = "bench"
driver = "simulated"
settings = { folder = "bench" }

[[bay]]
name = "A1"
source = "bench"
port = "1"
"""
Certify = Callable[[], str]


@pytest.fixture
def certify(call: Call, machine: Path, monkeypatch: pytest.MonkeyPatch) -> Certify:
    """Certify a phone on that machine; its number."""
    monkeypatch.setenv("BENCHWIPE_STATE_DIR", str(machine / "var/lib/benchwipe"))  # and not where `call` has its own

    def one() -> str:
        here = ("--state-dir", machine / "var/lib/benchwipe")
        done = call("attest", "--imei", IMEI, "--asset", "K-1", "--operator", "ida", *YES, "--json", *here)
        assert done.status == 0, done.err
        return str(done.document["number"])

    return one


@pytest.fixture
def tools(machine: Path) -> Path:
    """Programs of the system that must not do it to this one: they write down what they were asked."""
    for name in ("journalctl", "timedatectl"):
        (machine / "tools" / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{machine}/asked\n')
        (machine / "tools" / name).chmod(0o755)
    with (machine / "etc/benchwipe/station.toml").open("a") as file:
        file.write(BAYS)
    (machine / "etc/benchwipe/bench").mkdir()
    return machine / "tools"


def test_every_command_of_the_page_is_run_here() -> None:
    headings = ["What to watch", "Backup and restore", "Moving a station", "The clock", "The size of the log"]
    headings += ["Offline for a month", "Back to the version before"]
    text = (Path(__file__).resolve().parents[3] / "docs" / PAGE).read_text("utf-8")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == headings
    assert commands(PAGE) == []
    assert sum(len(commands(PAGE, heading)) for heading in headings) > 25
    assert "backup.md#the-card-has-died" in section(PAGE, "Backup and restore")


def test_what_to_watch_answers_on_a_station_that_runs(
    machine: Path, tools: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = Daemon(tmp_path_factory.mktemp("d"))
    monkeypatch.setenv("BENCHWIPE_STATE_DIR", str(station.state))
    (machine / "var/lib/benchwipe").mkdir()
    station.start()
    try:
        seen = typed(machine, commands(PAGE, "What to watch"))
    finally:
        station.close()
    assert "ledger and files tell one story" in seen
    assert "0 wait, 0 refused" in seen
    assert "BW-" not in seen
    assert (machine / "asked").read_text().startswith("journalctl --unit benchwipe --priority warning")


def test_a_station_moves_with_its_key_its_numbers_and_its_secrets(machine: Path, tools: Path, certify: Certify) -> None:
    """The stick keeps owners and modes: a password that everybody may read would not be taken."""
    state = machine / "var/lib/benchwipe"
    password = machine / "etc/benchwipe/broker.password"
    password.write_text("secret\n")
    password.chmod(0o600)
    for _ in range(2):
        certify()
    key = (state / "station.key").read_bytes()
    lines = commands(PAGE, "Moving a station")
    leave = next(n for n, line in enumerate(lines) if "--extract" in line)
    typed(machine, lines[:leave])
    shutil.rmtree(state)
    shutil.rmtree(machine / "etc/benchwipe")
    typed(machine, [line.replace("bench-01-000123", "bench-01-000002") for line in lines[leave:]])
    assert (state / "station.key").read_bytes() == key
    assert password.stat().st_mode & 0o777 == 0o600
    assert certify() == "bench-01-000003"


def test_backup_clock_log_and_outbox(machine: Path, tools: Path, certify: Certify) -> None:
    certify()
    for heading in ("Backup and restore", "The clock", "The size of the log", "Offline for a month"):
        typed(machine, commands(PAGE, heading))
    assert sorted(file.name for file in (machine / "media/usb").iterdir()) == ["bench-01.backup", "bench-01.etc.tar.gz"]
    asked = (machine / "asked").read_text()
    assert "timedatectl show --property NTPSynchronized\ntimedatectl set-ntp true\n" in asked
    assert "journalctl --vacuum-size 200M" in asked


def test_an_older_version_refuses_a_newer_ledger_and_goes_on_from_its_backup(
    machine: Path, tools: Path, certify: Certify, call: Call
) -> None:
    """git and make are real, and what they install is a stub: the clean Debian of `make prove-install` has the rest."""
    state = machine / "var/lib/benchwipe"
    certify()
    typed(machine, commands(PAGE, "Backup and restore"))
    certify()
    with sqlite3.connect(state / "ledger.sqlite3") as ledger:
        ledger.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = (state / "ledger.sqlite3").read_bytes()
    checkout(machine / "benchwipe")
    lines = commands(PAGE, "Back to the version before")
    typed(machine, lines[:5])
    assert (machine / "benchwipe/installed").read_text() == "back\nv1.2.3\n"
    refused = call("ledger", "check", "--state-dir", state)
    assert refused.status == 2
    assert "made by a newer benchwipe" in refused.err
    assert (state / "ledger.sqlite3").read_bytes() == before
    typed(machine, [line.replace("bench-01-000123", "bench-01-000002") for line in lines[5:]])
    assert certify() == "bench-01-000003"
    assert (machine / "var/lib/benchwipe.newer/ledger.sqlite3").read_bytes() == before


def checkout(folder: Path) -> None:
    """A checkout with two versions, of which the newer is out."""
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    folder.mkdir()
    (folder / "Makefile").write_text("install:\n\tgit describe --tags >>installed\nback:\n\techo back >>installed\n")
    for words in (
        ["init"],
        ["add", "."],
        ["commit", "-m", "1"],
        ["tag", "v1.2.3"],
        ["commit", "--allow-empty", "-m", "2"],
    ):
        subprocess.run([*git, *words], env=os.environ, capture_output=True, check=True)
