"""Labels of a real daemon with a printer on a real line: power lost while one is printed, the scan, the reprint."""

from __future__ import annotations

import os
import pty
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.certificates.attestation import QUESTIONS
from tests.agent.daemon_bench import MIB, Daemon
from tests.agent.mosquitto import wait_until
from tests.drivers.printers.test_channel import Zebra

PRINTER = '\n[[printer]]\nname = "zebra"\ndriver = "raw"\nsettings = {{ path = "{path}", language = "zpl" }}\n'


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path)
    yield made
    made.close()


def labels(daemon: Daemon) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = daemon.status()["labels"]
    return found


def test_a_label_cut_off_by_a_power_cut_is_asked_for_scanned_and_printed_again_as_a_copy(daemon: Daemon) -> None:
    master, end = pty.openpty()
    tty.setraw(end)
    zebra = Zebra(master, prints=False)  # takes the label and never says that it is done
    with daemon.config.open("a") as file:
        file.write(PRINTER.format(path=os.ttyname(end)))
    daemon.make("one", MIB, port="p1")
    daemon.start()
    wait_until(lambda: b"^XZ" in zebra.got, f"the printer has the label: {daemon.log.read_text()}")
    daemon.kill()
    zebra.got, zebra.prints = b"", True
    daemon.start()
    (label,) = labels(daemon)
    number = label["number"]
    assert (label["state"], label["copy"]) == ("unknown", 0)
    assert f"Label {number}" in daemon.status()["alarms"][f"label-{number}"]
    assert zebra.got == b""
    daemon.scan(number)
    wait_until(lambda: labels(daemon) == [], "the scan is the proof")
    assert daemon.status()["alarms"] == {}
    assert daemon.command("reprint", "bench-07-999999").returncode == 2
    assert daemon.command("reprint", number).returncode == 0
    wait_until(lambda: b"COPY 1" in zebra.got, "the copy says so")
    wait_until(lambda: f"Put label {number}" in daemon.status()["said"], "the printer said that it is done")
    assert labels(daemon) == []


def test_a_reset_attested_on_the_command_line_has_its_label_from_the_daemon(daemon: Daemon) -> None:
    with daemon.config.open("a") as file:
        file.write('\n[[printer]]\nname = "labels"\ndriver = "simulated"\nsettings = { folder = "labels" }\n')
    yes = [word for question in QUESTIONS for word in ("--yes-to", question)]
    words = ["attest", "--imei", "490154203237518", "--asset", "KK-1", "--operator", "ida", *yes]
    printed = daemon.folder / "labels"
    assert daemon.command(*words).returncode == 0  # while nobody is there
    assert not printed.exists()
    daemon.start()
    wait_until((printed / "bench-07-000001.zpl").exists, "the label that was due")
    assert daemon.command(*words).returncode == 0
    wait_until((printed / "bench-07-000002.zpl").exists, "the label of now")
    wait_until(lambda: labels(daemon) == [], "both came out")
    assert all("COPY" not in file.read_text("utf-8") for file in printed.glob("*.zpl"))
