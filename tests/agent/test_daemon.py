"""The daemon as systemd runs it: a real process that is stopped, killed and started again under real drives."""

from __future__ import annotations

import json
import os
import pty
import random
import subprocess
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from agent.version import version
from tests.agent.daemon_bench import MIB, Daemon, NotifySocket, status_json
from tests.agent.mosquitto import Mosquitto, wait_until
from tests.agent.test_directory import signed as directory
from tests.agent.uplink.fake_collector import FakeCollector
from tests.agent.uplink.test_controller_command import KEY as CONTROLLER
from tests.agent.uplink.test_controller_command import command


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """In automatic mode, without a countdown, not yet started."""
    made = Daemon(tmp_path)
    yield made
    made.close()


def hash_of(image: Path) -> str:
    """What b3sum prints."""
    return blake3(image.read_bytes()).hexdigest()


def last(collector: FakeCollector, topic: str) -> str:
    """The state that a topic showed last; empty before its first word."""
    told = collector.seen.get(topic, [])
    return str(json.loads(told[-1])["state"]) if told else ""


def test_a_drive_is_begun_by_itself_and_its_certificate_holds_its_hash(daemon: Daemon) -> None:
    daemon.start()
    image = daemon.make("S1", mb_per_s=16)
    daemon.plug("p1", "S1")
    daemon.wait_bay("A1", "erasing")
    row = daemon.wait_bay("A1", "finished")
    (certificate,) = daemon.certificates()
    assert (row["outcome"], row["certificate"]) == ("erased", "bench-07-000001")
    assert certificate.record.verification.blake3 == hash_of(image)
    assert b"secret" not in image.read_bytes()
    assert daemon.terminate() < 5


def test_the_countdown_is_seen_and_cancelled_from_the_command_line(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, countdown=30)
    try:
        image = daemon.make("S1", port="p1")
        daemon.start()
        daemon.wait_bay("A1", "countdown")
        row = status_json(daemon)["bays"][0]
        assert 20 < row["countdown_s"] <= 30
        assert row["drive"]["serial"] == "S1"
        assert daemon.command("cancel", "A1").returncode == 0
        daemon.wait_bay("A1", "waiting")
        assert daemon.terminate() < 5
        daemon.start()  # in the same boot, and the drive never left
        daemon.wait_bay("A1", "waiting")
        assert image.read_bytes().startswith(b"secret! ")
        assert daemon.certificates() == []
    finally:
        daemon.close()


def test_a_scanner_that_is_unplugged_is_an_alarm_until_it_is_back(daemon: Daemon) -> None:
    line = daemon.folder / "usb"
    with daemon.config.open("a") as file:
        settings = f'settings = {{ port = "{line}" }}'
        file.write(f'\n[[input]]\nname = "usb"\ndriver = "serial"\n{settings}\n')
    daemon.start()
    wait_until(lambda: "usb" in daemon.status()["alarms"].get("device-usb", ""), "it was never there")
    master, port = pty.openpty()
    tty.setraw(port)
    line.symlink_to(os.ttyname(port))
    os.close(port)
    wait_until(lambda: daemon.status()["alarms"] == {}, "it is there")
    line.unlink()
    os.close(master)
    wait_until(lambda: "device-usb" in daemon.status()["alarms"], "it is gone")


def test_scan_mode_erases_by_the_policy_of_the_lots_customer(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, mode="scan")
    try:
        daemon.make("S1", port="p1")
        daemon.start()
        daemon.wait_bay("A1", "waiting")
        daemon.scan("LOT-1", "KK-0001", "BAY-A1")
        assert daemon.wait_bay("A1", "finished")["asset"] == "KK-0001"
        record = daemon.certificates()[0].record
        assert (record.sanitization.method, record.outcome) == ("random", "erased")
        assert record.customer is not None
        assert (record.customer.name, record.customer.lot) == ("Kolding", "LOT-1")
    finally:
        daemon.close()


@pytest.mark.parametrize("phase", ["erasing", "verifying"])
def test_a_daemon_killed_at_work_goes_on_and_says_so(daemon: Daemon, phase: str) -> None:
    image = daemon.make("S1", 16 * MIB, port="p1", mb_per_s=8)
    daemon.start()
    daemon.wait_bay("A1", phase)
    time.sleep(random.uniform(0, 0.6))  # any moment will do: that is the point
    daemon.kill()
    assert list(daemon.jobs().values()) in (["erasing"], ["verifying"])
    daemon.start()
    row = daemon.wait_bay("A1", "finished", 30)
    assert row["outcome"] == "erased"
    (certificate,) = daemon.certificates()
    (interruption,) = certificate.record.interruptions
    assert "stopped or lost power" in interruption.reason
    assert certificate.record.verification.blake3 == hash_of(image)
    assert daemon.jobs() == {} or daemon.terminate() < 5


def test_a_stop_takes_less_than_five_seconds_in_every_state_and_the_work_goes_on(daemon: Daemon) -> None:
    daemon.make("S1", port="p1", mb_per_s=4)
    daemon.make("STUCK", port="p2", stall_at=MIB)
    daemon.start()
    daemon.wait_bay("A1", "erasing")
    daemon.wait_bay("A2", "erasing")
    wait_until(lambda: daemon.bay("A1")["bytes_done"], "some of it is written")
    assert daemon.terminate() < 5
    assert sorted(daemon.jobs().values()) == ["interrupted", "interrupted"]
    daemon.pull("p2")
    daemon.start()
    daemon.wait_bay("A1", "verifying")
    assert daemon.terminate() < 5
    daemon.start()
    assert daemon.wait_bay("A1", "finished", 30)["outcome"] == "erased"
    assert len(daemon.certificates()[0].record.interruptions) == 2


def test_a_stalled_drive_loses_its_power_and_holds_nobody_up(daemon: Daemon) -> None:
    daemon.make("STUCK", port="p1", stall_at=MIB)
    daemon.make("S2", port="p2")
    daemon.start()
    assert daemon.wait_bay("A2", "finished")["outcome"] == "erased"
    row = daemon.wait_bay("A1", "quarantined")
    assert row["outcome"] == "failed"
    dock = daemon.folder / "dock.json"
    wait_until(lambda: json.loads(dock.read_text())["1"]["power"] is False, "the dock has cut the power")
    assert json.loads(dock.read_text())["2"]["power"] is True
    assert any("A1" in text for text in daemon.status()["alarms"].values())
    daemon.pull("p1")
    assert daemon.command("cancel", "A1").returncode == 0
    daemon.wait_bay("A1", "empty")
    wait_until(lambda: json.loads(dock.read_text())["1"]["power"] is True, "the bay has power again")
    assert daemon.status()["alarms"] == {}


def test_a_silent_dock_is_an_alarm_and_no_bay_stops_for_it(daemon: Daemon) -> None:
    control = daemon.folder / "dock.control"
    control.write_text("silent")
    daemon.make("S1", port="p1")
    daemon.start()
    wait_until(lambda: daemon.status()["alarms"], "the silence is told")
    assert daemon.wait_bay("A1", "finished")["outcome"] == "erased"
    (text,) = daemon.status()["alarms"].values()
    assert "BW-D05" in text
    assert "[A1, A2, A3, A4]" in text
    assert not (daemon.folder / "dock.json").exists()  # nothing was switched
    control.write_text("")
    wait_until(lambda: daemon.status()["alarms"] == {}, "it answers again")
    wait_until((daemon.folder / "dock.json").exists, "what was wished meanwhile is done")
    assert daemon.terminate() < 5


def test_a_pulled_drive_comes_back_in_another_bay_and_goes_on(daemon: Daemon) -> None:
    daemon.make("S1", 24 * MIB, port="p1", mb_per_s=8)
    daemon.start()
    wait_until(lambda: daemon.flushed() > 0, "some of it is written, flushed and written down")
    daemon.pull("p1")
    daemon.plug("p3", "S1")
    assert daemon.wait_bay("A3", "finished")["outcome"] == "erased"
    aborted, erased = (c.record for c in daemon.certificates())
    assert (aborted.outcome, erased.outcome) == ("aborted", "erased")
    assert erased.interruptions[0].resumed_at_offset > 0


def test_systemd_hears_that_it_is_ready_alive_and_stopping(daemon: Daemon, tmp_path: Path) -> None:
    systemd = NotifySocket(tmp_path)
    try:
        daemon.start(NOTIFY_SOCKET=str(systemd.path), WATCHDOG_USEC="900000")
        assert systemd.listen("READY=1")
        systemd.heard.clear()
        assert systemd.listen("WATCHDOG=1", 2)
        systemd.heard.clear()
        assert systemd.listen("WATCHDOG=1", 2)
        assert daemon.terminate() < 5
        assert systemd.listen("STOPPING=1")
    finally:
        systemd.close()


def test_a_second_daemon_on_the_same_state_folder_is_refused_with_one_line(daemon: Daemon) -> None:
    daemon.start()
    second = daemon.command("run")
    assert second.returncode == 2
    (line,) = second.stderr.strip().splitlines()
    assert str(daemon.state) in line
    assert daemon.answers()


def test_the_broker_shows_the_station_its_bays_and_its_certificates(daemon: Daemon, broker: Mosquitto) -> None:
    daemon.mqtt(broker.port)
    collector = FakeCollector(broker.port)
    collector.ready()
    try:
        daemon.make("S1", port="p1")
        daemon.start()
        daemon.wait_bay("A1", "finished")
        wait_until(lambda: daemon.status()["uplink"]["outbox_depth"] == 0, "the receipt came")
        (certificate,) = daemon.certificates()
        assert collector.certificates == {certificate.id: certificate.compact}
        root = "er/1/bench-07/"
        bay, state = f"{root}bay/A1/state", f"{root}state"
        wait_until(lambda: last(collector, bay) == "finished", "the bay is shown as finished")
        wait_until(lambda: last(collector, state) == "online", "the station is shown as online")
        wait_until(lambda: f"{root}birth" in collector.seen, "the birth came")
        birth = json.loads(collector.seen[f"{root}birth"][-1])
        assert birth["bays"] == ["A1", "A2", "A3", "A4"]
        assert birth["software"] == {"name": "benchwipe", "version": version()}
        assert birth["stream"] in birth["stream_mb_per_s"]
        assert daemon.terminate() < 5
        wait_until(lambda: last(collector, state) == "offline", "the station is shown as offline")
    finally:
        collector.close()


def test_a_controller_cancels_a_job_over_mqtt_and_gets_its_answer(daemon: Daemon, broker: Mosquitto) -> None:
    daemon.mqtt(broker.port, controller=CONTROLLER.public_key())
    controller = FakeCollector(broker.port)
    controller.ready()
    try:
        daemon.make("S1", 64 * MIB, port="p1", mb_per_s=4)
        daemon.start()
        wait_until(lambda: controller.last("er/1/bench-07/state"), "the station is connected")
        job = daemon.wait_bay("A1", "erasing")["job"]
        topic = "er/1/bench-07/cmd/cancel/c-1"
        wait_until(lambda: daemon.status()["uplink"]["connected"], "the station listens")
        controller.say(topic, command(topic=topic, job=job))
        wait_until(lambda: (controller.last(f"{topic}/status") or {}).get("state") == "succeeded", "it was done")
        (certificate,) = daemon.certificates()
        assert (certificate.record.outcome, certificate.record.job) == ("aborted", job)
        desired, reported = "er/1/bench-07/desired/config", "er/1/bench-07/reported/config"
        controller.say(desired, b'{"version":7,"hash":"ab","document":{}}')
        wait_until(lambda: controller.last(reported), "the configuration was answered")
        assert (controller.last(reported) or {})["state"] == "refused"
        controller.say(
            desired, directory(CONTROLLER, station="bench-07", destinations=[{"code": "DEST-9", "name": "x"}])
        )
        wait_until(lambda: (controller.last(reported) or {})["state"] == "applied", "a signed directory is taken")
    finally:
        controller.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root")
def test_a_real_block_device_in_a_configured_bay_is_erased(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(b"secret! " * (16 * MIB // 8))
    found = subprocess.run(["losetup", "--show", "-f", image], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(f"no loop device to be had: {found.stderr.strip()}")
    device = found.stdout.strip()
    daemon = Daemon(tmp_path / "station", ports=(device,))
    try:
        daemon.start()
        row = daemon.wait_bay("A1", "finished")
        assert (row["outcome"], row["drive"]["capacity_bytes"]) == ("erased", 16 * MIB)
        assert daemon.terminate() < 5
        (certificate,) = daemon.certificates()
        assert certificate.record.verification.blake3 == hash_of(Path(device))
        assert not any(image.read_bytes())
    finally:
        daemon.close()
        subprocess.run(["losetup", "-d", device], check=False)
