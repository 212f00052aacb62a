"""The real firmware files, under CPython and under real MicroPython, against the real host driver over a real terminal.

Both run the same scenarios: what one of the two cannot do, the firmware must not use.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.deadline import Deadline
from drivers.docks._attachment import ControllerRefused
from drivers.docks.base import DockEvent, Light
from drivers.docks.benchwipe_controller import Driver, Settings
from drivers.errors import DeviceSilent, OutputDidNotFollow
from drivers.senses import Senses
from firmware_bridge.controller import wire
from tests.firmware_bridge.controller.boards import RUNTIMES, Board
from tests.patience import SOON_S

LOCKED_IN = wire.LOCK | wire.FAN


class Bench:
    """A board and the driver that is plugged into it."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.heard: list[DockEvent] = []
        self.dock = self.plug()

    def plug(self, lease_ms: int = 20000, busy_hold_s: int = 14400) -> Driver:
        """A station that starts; the one before is gone."""
        settings = Settings(port=self.board.port, slots=3, lease_ms=lease_ms, busy_hold_s=busy_hold_s)
        self.dock = Driver("dock", settings)
        self.dock.subscribe(self.heard.append)
        return self.dock

    def power(self, slot: int, on: bool = True) -> None:
        self.dock.set_power(slot, on, within=Deadline(SOON_S))

    def is_on(self, slot: int) -> bool:
        """As the bench has it, not as anybody says."""
        self.sync()
        return self.board.outputs[slot - 1] & wire.POWER == wire.POWER

    def sync(self) -> None:
        self.board.tell("bus", "well")

    def hears(self, slot: int, what: str) -> None:
        """Wait for an event; some may have been told at the first look."""
        self.board.until(lambda: any((e.slot, e.what) == (slot, what) for e in self.heard))


@pytest.fixture(params=RUNTIMES)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(Board(request.param, tmp_path / "controller"))
    yield made
    made.dock.close()
    made.board.close()


def within() -> Deadline:
    return Deadline(SOON_S)


def bays_are_switched_locked_and_lit_each_alone(bench: Bench) -> None:
    for slot in (1, 2, 3):
        bench.power(slot)
    bench.power(2, False)
    bench.dock.set_lock(3, True, within=within())
    bench.dock.set_light(1, Light.FAILED, within=within())
    bench.sync()
    assert bench.board.outputs == [wire.POWER | wire.LED_3, 0, wire.POWER | wire.LOCK]
    assert [bench.dock.power(n, within=within()) for n in (1, 2, 3)] == [True, False, True]


def lamps_are_as_bright_as_they_may_be(bench: Bench) -> None:
    bench.dock.adjust(Senses(brightness=20))
    bench.dock.set_light(1, Light.FAILED, within=within())
    bench.dock.set_light(3, Light.FAILED, within=within())  # on the expander, which has no half
    bench.sync()
    assert bench.board.outputs == [wire.LED_3, 0, wire.LED_3]
    bench.board.until(lambda: "shines 12 20" in bench.board.said)
    bench.dock.set_light(1, Light.OFF, within=within())
    bench.sync()
    assert bench.board.outputs[0] == 0


def sensors_and_contacts_are_read(bench: Bench) -> None:
    bench.power(3)
    for words in (("current", 2, 850), ("heat", 2, 431), ("drive", 2, 1), ("door", 2, 1)):
        bench.board.tell(*words)
    bench.hears(3, "present")
    bench.hears(3, "door")
    found = bench.dock.readings(3, within=within())
    assert (found.present, found.door_open, found.button) == (True, True, False)
    assert (found.milliamps, found.millivolts) == (850, 12000)
    assert found.celsius == pytest.approx(43.0, abs=0.11)


def a_button_is_told(bench: Bench) -> None:
    bench.dock.probe(within=within())
    bench.board.tell("button", 0, 1)
    bench.hears(1, "button")


def too_much_current_cuts_the_power_of_a_busy_bay_too(bench: Bench) -> None:
    bench.power(1)
    bench.dock.set_busy(1, True, within=within())
    bench.sync()
    bench.board.tell("current", 0, 5000)
    bench.board.until(lambda: not bench.is_on(1))
    bench.hears(1, "overcurrent")
    with pytest.raises(ControllerRefused, match="a limit has cut"):
        bench.power(1)
    bench.board.tell("current", 0, 300)
    bench.power(1, False)
    bench.power(1)
    bench.dock.probe(within=within())
    bench.hears(1, "well")


def a_hot_drive_loses_its_power(bench: Bench) -> None:
    bench.power(3)
    bench.sync()
    bench.board.tell("heat", 2, 655)
    bench.board.until(lambda: not bench.is_on(3))
    bench.hears(3, "hot")


def an_output_that_does_not_follow_is_noticed(bench: Bench) -> None:
    for slot in (1, 3):
        bench.board.tell("stuck", slot - 1, 1)
        with pytest.raises(OutputDidNotFollow, match="power off after power on"):
            bench.power(slot)
        bench.board.tell("stuck", slot - 1, 0)
        bench.power(slot)


def a_station_that_dies_leaves_idle_bays_off_and_busy_ones_on(bench: Bench) -> None:
    bench.dock.close()
    bench.plug(lease_ms=2000)
    bench.power(1)
    bench.power(2)
    bench.dock.set_busy(2, True, within=within())
    bench.sync()
    bench.dock.close()
    bench.board.until(lambda: not bench.is_on(1))
    assert bench.board.outputs == [0, wire.POWER | LOCKED_IN, 0]
    bench.plug()
    assert [bench.dock.power(n, within=within()) for n in (1, 2, 3)] == [False, True, False]
    bench.dock.set_busy(2, False, within=within())
    bench.sync()
    assert bench.board.outputs == [0, wire.POWER, 0]


def a_busy_bay_is_held_only_so_long(bench: Bench) -> None:
    bench.dock.close()
    bench.plug(lease_ms=2000, busy_hold_s=1)
    bench.power(2)
    bench.dock.set_busy(2, True, within=within())
    bench.sync()
    bench.dock.close()
    bench.board.until(lambda: bench.board.outputs == [0, 0, 0])


def a_reset_switches_all_off_and_the_station_finds_it_again(bench: Bench) -> None:
    bench.power(1)
    bench.dock.set_busy(1, True, within=within())
    bench.board.stop()
    bench.board.start()
    assert bench.board.outputs == [0, 0, 0]
    assert bench.dock.power(1, within=within()) is False
    bench.board.until(lambda: bench.board.outputs[0] == LOCKED_IN)  # it is told again that a drive is at work
    bench.power(1)
    assert bench.is_on(1)


def a_dead_bus_is_no_end(bench: Bench) -> None:
    bench.power(1)
    bench.board.tell("bus", "dead")
    deadline = time.monotonic() + SOON_S
    while bench.dock.readings(1, within=within()).milliamps is not None:
        assert time.monotonic() < deadline
    assert bench.dock.power(1, within=within()) is True
    bench.hears(1, "deaf")
    bench.board.tell("bus", "well")
    bench.hears(1, "hears")
    bench.hears(3, "hears")
    bench.power(3)
    assert bench.is_on(1)


def new_firmware_is_refused_while_a_bay_is_busy(bench: Bench) -> None:
    bench.power(1)
    bench.dock.set_busy(2, True, within=within())
    with pytest.raises(ControllerRefused, match="a bay is busy"):
        bench.dock.enter_boot(within=within())
    bench.sync()
    assert bench.is_on(1)
    bench.dock.set_busy(2, False, within=within())
    with contextlib.suppress(DeviceSilent):  # on a machine so busy that each reply comes too late
        bench.dock.enter_boot(within=within())
    bench.board.until(lambda: "booted" in bench.board.said)
    assert bench.board.outputs == [0, 0, 0]


def a_held_button_leaves_the_board_to_whoever_wants_its_files(bench: Bench) -> None:
    bench.power(1)
    bench.dock.close()
    bench.board.stop()
    bench.board.start("button", 0, 1)
    bench.board.until(lambda: "ended" in bench.board.said)
    assert (bench.board.said, bench.board.outputs) == (["ended"], [0, 0, 0])  # no watchdog either


Scenario = Callable[[Bench], None]
SCENARIOS: tuple[Scenario, ...] = (
    bays_are_switched_locked_and_lit_each_alone,
    lamps_are_as_bright_as_they_may_be,
    sensors_and_contacts_are_read,
    a_button_is_told,
    too_much_current_cuts_the_power_of_a_busy_bay_too,
    a_hot_drive_loses_its_power,
    an_output_that_does_not_follow_is_noticed,
    a_station_that_dies_leaves_idle_bays_off_and_busy_ones_on,
    a_busy_bay_is_held_only_so_long,
    a_reset_switches_all_off_and_the_station_finds_it_again,
    a_dead_bus_is_no_end,
    new_firmware_is_refused_while_a_bay_is_busy,
    a_held_button_leaves_the_board_to_whoever_wants_its_files,
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_firmware(bench: Bench, scenario: Scenario) -> None:
    scenario(bench)
