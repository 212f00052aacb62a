"""The whole daemon over the real controller firmware: what a technician's bench does when the station dies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_bridge.controller import wire
from tests.agent.daemon_bench import MIB, Daemon
from tests.agent.mosquitto import wait_until
from tests.firmware_bridge.controller.boards import Board
from tests.patience import SOON_S

IDLE, WORKING = wire.POWER, wire.POWER | wire.LOCK | wire.FAN
LIGHTS = wire.LED_1 | wire.LED_2 | wire.LED_3
PATIENCE_S = SOON_S


class Station(Daemon):
    """Its dock is a controller with bays A1 and A2; A1 to A4 have simulated drives."""

    def __init__(self, folder: Path, board: Board) -> None:
        super().__init__(folder)
        self.board = board
        text = self.config.read_text()
        text = text.replace(
            'driver = "simulated"\nsettings = { slots = 4, state_file = "dock.json", control_file = "dock.control" }',
            'driver = "benchwipe_controller"\nspin_up_s = 0.1\n'
            f'settings = {{ port = "{board.port}", slots = 3, lease_ms = 3000 }}',
        )
        self.config.write_text(text.replace('dock = "dock"\nslot = 4\n', ""))

    def bays(self) -> list[int]:
        """Their outputs, without the lamps."""
        self.board.tell("bus", "well")
        return [outputs & ~LIGHTS for outputs in self.board.outputs]

    def wait_outputs(self, *wanted: int) -> None:
        wait_until(lambda: self.bays() == list(wanted), f"outputs {wanted}", PATIENCE_S)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    board = Board("cpython", tmp_path / "controller")
    made = Station(tmp_path, board)
    yield made
    made.close()
    board.close()


def test_a_station_that_is_killed_holds_its_busy_bay_and_goes_on_with_it(station: Station) -> None:
    station.start()
    station.wait_outputs(IDLE, IDLE, IDLE)
    station.make("S1", 64 * MIB, port="p1", mb_per_s=1)
    station.wait_bay("A1", "erasing", PATIENCE_S)
    station.wait_outputs(WORKING, IDLE, IDLE)
    station.kill()
    station.wait_outputs(WORKING, 0, 0)
    station.start()
    station.wait_outputs(WORKING, IDLE, IDLE)
    assert station.certificates() == []


def test_a_controller_that_cuts_a_bays_power_is_an_alarm_and_one_that_is_unplugged_too(station: Station) -> None:
    station.start()
    station.wait_outputs(IDLE, IDLE, IDLE)
    station.board.tell("current", 1, 6000)
    wait_until(lambda: "dock-A2" in station.status()["alarms"], "the alarm of the bay", PATIENCE_S)
    assert "too much current" in station.status()["alarms"]["dock-A2"]
    station.board.stop()
    station.make("S1", 64 * MIB, port="p4", mb_per_s=1)
    station.make("S3", 64 * MIB, port="p3", mb_per_s=1)  # its lamp asks the controller
    wait_until(lambda: "did not answer" in str(station.status()["alarms"]), "the alarm of the dock", PATIENCE_S)
    assert station.wait_bay("A4", "erasing", PATIENCE_S)  # and no other bay waits for it
    station.board.start()
    wait_until(lambda: "did not answer" not in str(station.status()["alarms"]), "its end", PATIENCE_S)
    wait_until(lambda: station.bays()[2] & wire.LOCK, "the lock of A3", PATIENCE_S)
