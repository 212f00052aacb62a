"""The daemon and drives that erase themselves: killed in the middle, cancelled, locked by its own crash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.devices.control import ask
from tests.agent.daemon_bench import MIB, Daemon
from tests.agent.mosquitto import wait_until

NVME = {"speaks": "nvme", "sanitize": ["block"], "format": True, "format_crypto": True}
ATA = {"speaks": "ata", "security": True, "enhanced": True}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Its policy is the best that a drive has at purge."""
    made = Daemon(tmp_path)
    text = made.config.read_text()
    made.config.write_text(text.replace('name = "quick"', 'name = "quick"\nmethod = "nist-purge"'))
    yield made
    made.close()


def test_a_sanitize_that_outlives_the_station_is_gone_on_with_and_cannot_be_cancelled(daemon: Daemon) -> None:
    image = daemon.make("S1", MIB, port="p1", media="nvme", commands={**NVME, "fault": "never-finishes"})
    image.write_bytes(b"secret! " * (MIB // 8))
    daemon.start()
    wait_until(lambda: b'"running"' in state(image), "the drive erases itself")
    wait_until(lambda: daemon.bay("A1")["phase"] == "firmware", "the bay says so")
    ask(daemon.state, {"ask": "cancel", "bay": "A1"})
    wait_until(lambda: daemon.bay("A1")["phase"] == "firmware", "the bay says so")
    daemon.kill()
    description = image.parent / "drive.toml"
    description.write_text(description.read_text().replace("never-finishes", "none"))
    daemon.start()
    assert daemon.wait_bay("A1", "finished", 40)["outcome"] == "erased"
    (certificate,) = daemon.certificates()
    record = certificate.record
    assert record.sanitization.level == "purge"
    assert [c.name for c in record.sanitization.commands].count("SANITIZE block") == 1
    assert record.verification.sentinels is not None
    assert record.verification.sentinels.survived == 0
    assert record.interruptions
    assert b"secret!" not in image.read_bytes()


def test_a_drive_that_its_crash_left_locked_is_opened_and_erased(daemon: Daemon) -> None:
    image = daemon.make("S1", MIB, port="p1", media="hdd", commands={**ATA, "fault": "vanishes"})
    daemon.start()
    wait_until(lambda: not (daemon.bench / "ports/p1").is_symlink(), "the drive vanishes")
    daemon.wait_bay("A1", "empty", 20)
    assert b'"password":""' not in state(image)
    daemon.plug("p1", "S1")
    assert daemon.wait_bay("A1", "finished", 40)["outcome"] == "erased"
    assert b'"password":""' in state(image)
    erased = next(c.record for c in daemon.certificates() if c.record.outcome == "erased")
    assert "SECURITY UNLOCK" in [c.name for c in erased.sanitization.commands]


def state(image: Path) -> bytes:
    """firmware.json of the simulated drive."""
    try:
        return (image.parent / "firmware.json").read_bytes()
    except FileNotFoundError:
        return b""
