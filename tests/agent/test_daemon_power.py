"""The daemon on a simulated dock that takes its drives' power: hidden areas, end to end, and a crash in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.daemon_bench import MIB, Daemon
from tests.agent.mosquitto import wait_until

HIDING = {"speaks": "ata", "hpa": MIB, "dco": MIB}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Policy: what is hidden is removed. Bay A1's power is that of its port."""
    made = Daemon(tmp_path)
    text = made.config.read_text()
    for before, after in (
        ("settings = { slots = 4", 'settings = { ports = { 1 = "bench/ports/p1" }, slots = 4'),
        ('name = "dock"\n', 'name = "dock"\noff_s = OFF\nspin_up_s = 0\n'),
        ('name = "quick"\n', 'name = "quick"\nhidden_area = "remove"\n'),
    ):
        assert before in text
        text = text.replace(before, after, 1)
    made.config.write_text(text)
    yield made
    made.close()


def off_for(daemon: Daemon, seconds: float) -> None:
    daemon.config.write_text(daemon.config.read_text().replace("off_s = OFF", f"off_s = {seconds}"))


def test_a_hidden_area_is_removed_by_two_power_cycles_erased_and_certified(daemon: Daemon) -> None:
    off_for(daemon, 0.1)
    image = daemon.make("S1", 4 * MIB, port="p1", media="hdd", transport="ata", commands=HIDING)
    daemon.start()
    assert daemon.wait_bay("A1", "finished", 40)["outcome"] == "erased"
    assert image.read_bytes() == bytes(4 * MIB)
    (certificate,) = daemon.certificates()
    record = certificate.record
    assert record.drive.capacity_bytes == record.verification.bytes == 4 * MIB
    assert record.drive.hidden_area is not None
    assert (record.drive.hidden_area.outcome, record.drive.hidden_area.bytes) == ("removed", 2 * MIB)
    assert [c.name for c in record.sanitization.commands] == ["SET MAX ADDRESS EXT", "DEVICE CONFIGURATION RESTORE"]
    assert record.drive.capabilities.before is not None
    assert record.drive.capabilities.before.hidden_area_features == ("hpa", "dco")
    daemon.pull("p1")
    daemon.wait_bay("A1", "empty")


def test_a_frozen_drive_is_unfrozen_by_its_bays_power_and_erases_itself(daemon: Daemon) -> None:
    off_for(daemon, 0.1)
    purge = 'name = "quick"\nmethod = "nist-purge"'
    daemon.config.write_text(daemon.config.read_text().replace('name = "quick"', purge))
    frozen = {"speaks": "ata", "security": True, "enhanced": True, "frozen": True}
    image = daemon.make("S1", MIB, port="p1", media="hdd", transport="ata", commands=frozen)
    daemon.start()
    assert daemon.wait_bay("A1", "finished", 40)["outcome"] == "erased"
    assert b"secret!" not in image.read_bytes()
    (certificate,) = daemon.certificates()
    done, drive = certificate.record.sanitization, certificate.record.drive
    assert (done.technique, done.level, done.asked_level) == ("ata-secure-erase-enhanced", "purge", "purge")
    assert "SECURITY ERASE UNIT" in {command.name for command in done.commands}
    assert drive.capabilities.after is not None
    assert (drive.capabilities.after.security_frozen, drive.capabilities.after.security_enabled) == (False, False)


def test_a_station_that_dies_while_a_bay_is_dark_gives_it_power_and_goes_on(daemon: Daemon) -> None:
    off_for(daemon, 30)
    image = daemon.make("S1", 4 * MIB, port="p1", media="hdd", transport="ata", commands=HIDING)
    daemon.start()
    daemon.wait_bay("A1", "cycling")
    wait_until(lambda: not (daemon.bench / "ports/p1").is_symlink(), "the bay is dark")
    assert daemon.bay("A1")["state"] == "cycling"
    daemon.kill()
    daemon.config.write_text(daemon.config.read_text().replace("off_s = 30", "off_s = 0.1"))
    daemon.start()
    assert daemon.wait_bay("A1", "finished", 40)["outcome"] == "erased"
    assert image.read_bytes() == bytes(4 * MIB)
    assert daemon.certificates()[-1].record.drive.capacity_bytes == 4 * MIB
