"""Our controller's driver: what it refuses, when it believes that a bay is off, and how its lamps speak."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.deadline import Deadline
from drivers.docks._attachment import Heard, WrongController
from drivers.docks.base import DockEvent, Light
from drivers.docks.benchwipe_controller import LAMPS, Driver, Settings
from drivers.errors import DeviceGone, OutputDidNotFollow
from drivers.senses import Senses
from firmware_bridge import messages
from firmware_bridge.controller import wire
from tests.agent.mosquitto import wait_until
from tests.drivers.docks.counterparts import OurController
from tests.patience import SOON_S

LEDS = wire.LED_1 | wire.LED_2 | wire.LED_3


@pytest.fixture
def board(tmp_path: Path) -> Iterator[OurController]:
    made = OurController(tmp_path)
    yield made
    made.close()


@pytest.fixture
def dock(board: OurController) -> Iterator[Driver]:
    made = Driver("dock", Settings(port=board.settings["port"], slots=4, lease_ms=2000))
    yield made
    made.close()


def within() -> Deadline:
    return Deadline(SOON_S)


def test_another_protocol_version_is_refused_before_a_session_is_opened(board: OurController, dock: Driver) -> None:
    info = messages.Info(2, 3, 2, 0, 0, 1, bytes(12), 4, 0, 0)
    board.bench.controller._info = info.to_body  # type: ignore[method-assign]
    with pytest.raises(WrongController, match=r"speaks protocol 2 to 3, this station 1.*BW-F24"):
        dock.set_power(1, True, within=within())
    assert board.bench.controller.session == 0
    assert board.relays() == [False] * 4


def test_fewer_bays_than_slots_are_refused_before_a_session_is_opened(board: OurController) -> None:
    dock = Driver("dock", Settings(port=board.settings["port"], slots=5))
    with pytest.raises(WrongController, match="it has 4 bays, and 5 slots are configured"):
        dock.set_power(1, True, within=within())
    dock.close()
    assert board.bench.controller.session == 0


def test_a_line_that_another_program_holds_is_said_and_not_shared(board: OurController, dock: Driver) -> None:
    dock.probe(within=within())
    second = Driver("second", Settings(port=board.settings["port"], slots=4))
    with pytest.raises(DeviceGone, match="second"):
        second.probe(within=Deadline(0.5))
    second.close()
    dock.probe(within=within())


def looked(dock: Driver, heard: list[DockEvent]) -> list[DockEvent]:
    """What was heard up to this look."""
    dock.probe(within=within())
    return heard


@pytest.mark.parametrize(("what", "value"), [("milliamps", 80), ("millivolts", 4800)])
def test_off_is_not_believed_while_something_still_flows(
    board: OurController, dock: Driver, what: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Driver, "settle_seconds", 0.05)
    dock.set_power(2, True, within=within())
    monkeypatch.setattr(board.bench.lines[1], what, lambda: value)
    with pytest.raises(OutputDidNotFollow, match="reads back nothing after power off"):
        dock.set_power(2, False, within=within())
    monkeypatch.undo()
    wait_until(lambda: dock.power(2, within=within()) is False, "the bay is off")


def test_no_two_states_look_alike_without_colour_and_blinking() -> None:
    assert set(LAMPS) == {light.value for light in Light}
    assert len(set(LAMPS.values())) == len(LAMPS)


def test_lamps_blink_where_that_is_wanted_and_stand_still_elsewhere(board: OurController, dock: Driver) -> None:
    dock.adjust(Senses(blinking="normal"))
    dock.set_light(1, Light.DONE, within=within())
    dock.set_light(2, Light.ATTENTION, within=within())
    seen: list[set[int]] = [set(), set()]

    def both() -> bool:
        for index, shown in enumerate(seen):
            shown.add(board.bench.lines[index].on & LEDS)
        return len(seen[1]) == 2

    wait_until(both, "lamps on and off")
    assert seen == [{LAMPS["done"] << 4}, {0, LAMPS["attention"] << 4}]


def test_lamps_are_as_bright_as_they_may_be_also_after_a_reset(board: OurController, dock: Driver) -> None:
    dock.adjust(Senses(brightness=30))
    dock.set_light(1, Light.DONE, within=within())
    assert [lines.percent for lines in board.bench.lines] == [30] * 4
    for lines in board.bench.lines:
        lines.percent = 100
    board.bench.reset()
    dock.set_light(1, Light.DONE, within=within())
    assert [lines.percent for lines in board.bench.lines] == [30] * 4


def test_a_controller_of_before_is_not_asked_to_dim(
    board: OurController, dock: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    del board.bench.controller._handlers[wire.DIM]
    monkeypatch.setattr(board.bench.board, "capabilities", wire.LINES)
    dock.adjust(Senses(brightness=30))
    dock.set_light(1, Light.DONE, within=within())
    assert [lines.percent for lines in board.bench.lines] == [100] * 4


def test_lamps_of_ones_own(board: OurController) -> None:
    dock = Driver("dock", Settings(port=board.settings["port"], slots=4, blink=(), lamps={"attention": 7}))
    dock.set_light(1, Light.ATTENTION, within=within())
    dock.close()
    assert board.bench.lines[0].on == LEDS


def test_what_changed_while_nobody_listened_is_told_at_the_first_look(board: OurController, dock: Driver) -> None:
    heard: list[DockEvent] = []
    dock.subscribe(heard.append)
    board.bench.lines[2].inputs = wire.PRESENT
    wait_until(lambda: looked(dock, heard), "the drive is told")
    assert [(event.slot, event.what) for event in heard] == [(3, "present")]
    board.bench.lines[2].inputs = 0
    wait_until(lambda: looked(dock, heard)[1:], "its absence is told")
    assert [(event.slot, event.what) for event in heard[1:]] == [(3, "absent")]


def test_sensors_that_fall_silent_are_told_of_their_bay_and_switch_nothing(board: OurController, dock: Driver) -> None:
    heard: list[DockEvent] = []
    dock.subscribe(heard.append)
    dock.set_power(2, True, within=within())
    board.bench.lines[1].deaf = True
    wait_until(lambda: heard, "the silence of bay 2")
    assert board.relays() == [False, True, False, False]
    board.bench.lines[1].deaf = False
    wait_until(lambda: heard[1:], "bay 2 measures again")
    assert [(event.slot, event.what) for event in heard] == [(2, "deaf"), (2, "hears")]
    assert board.relays() == [False, True, False, False]


def test_a_board_without_sensors_is_not_deaf(
    board: OurController, dock: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board.bench.board, "capabilities", wire.LINES)
    heard: list[DockEvent] = []
    dock.subscribe(heard.append)
    dock.set_power(2, True, within=within())
    board.bench.lines[1].deaf = True
    wait_until(lambda: board.bench.controller.bays[1].faults() & wire.FAULT_SENSOR, "the controller knows")
    dock._on_beat(Heard((), False, wire.FAULT_SENSOR))
    assert heard == []


def test_a_busy_slot_is_locked_cooled_and_held(board: OurController, dock: Driver) -> None:
    dock.set_busy(1, True, within=within())
    assert board.bench.lines[0].on == wire.LOCK | wire.FAN
    assert board.bench.controller.bays[0].busy
    dock.set_busy(1, False, within=within())
    assert board.bench.lines[0].on == 0
    assert not board.bench.controller.bays[0].busy
