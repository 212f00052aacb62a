"""What must hold for every dock in drivers/docks/: it does what it declares, reads back, and is asked nothing else.

Each driver works on its counterpart (counterparts.py), which is what the assertions look at: never the driver's word.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers import registry
from drivers.deadline import Deadline
from drivers.docks.base import Dock, Light, Lights, Lock, NoSuchSlot, Power, Readings, Sensors, power_of
from drivers.errors import DeviceGone, DeviceSilent, DriverError, OutputDidNotFollow
from drivers.senses import Senses
from tests.drivers.docks.counterparts import COUNTERPARTS, Counterpart
from tests.patience import SOON_S

NO_POWER = {"plain", "ledctl"}
POWERED = sorted(set(COUNTERPARTS) - NO_POWER)
MORTAL = ["devantech_rly16", "kmtronic", "lcus", "mcp23017", "modbus_relay", "pcf8574"]
HARDWARE = sorted(set(COUNTERPARTS) - {"plain"})


def test_every_dock_in_the_folder_is_under_this_contract() -> None:
    assert set(COUNTERPARTS) == set(registry.known("docks"))


@pytest.fixture
def board(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counterpart]:
    """The other side."""
    made = COUNTERPARTS[request.param](tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def dock(request: pytest.FixtureRequest, board: Counterpart) -> Iterator[Dock]:
    """The driver; closing it twice is harmless."""
    made = registry.load("docks", request.node.callspec.params["board"], board.settings, where="dock")
    yield made
    made.close()
    made.close()


every = pytest.mark.parametrize("board", sorted(COUNTERPARTS), indirect=True)
powered = pytest.mark.parametrize("board", POWERED, indirect=True)
hardware = pytest.mark.parametrize("board", HARDWARE, indirect=True)


def within() -> Deadline:
    """Enough for a busy machine."""
    return Deadline(SOON_S)


@every
def test_it_is_a_dock_and_has_its_slots(dock: Dock, board: Counterpart) -> None:
    assert dock.slots == board.slots
    assert isinstance(dock, Dock)


@powered
def test_it_switches_power(dock: Dock) -> None:
    assert power_of(dock) is dock


@every
def test_power_reads_back_as_it_was_set_or_is_never_declared(dock: Dock, board: Counterpart) -> None:
    if not isinstance(dock, Power):
        assert power_of(dock) is None
        return
    for on in (False, True, True, False):
        dock.set_power(2, on, within=within())
        assert dock.power(2, within=within()) is on
        if type(board).__name__ != "Simulated":
            assert board.relays()[1] is on


@powered
def test_a_switch_leaves_the_other_slots_alone(dock: Power) -> None:
    dock.set_power(1, True, within=within())
    dock.set_power(3, True, within=within())
    dock.set_power(2, False, within=within())
    assert [dock.power(n, within=within()) for n in (1, 2, 3)] == [True, False, True]


@powered
def test_the_last_slot_is_the_last_slot(dock: Power) -> None:
    for on in (True, False):
        dock.set_power(dock.slots, on, within=within())
        assert dock.power(dock.slots, within=within()) is on


@powered
def test_a_second_driver_finds_what_the_first_one_left(dock: Power, board: Counterpart) -> None:
    if type(board).__name__ == "Simulated":
        pytest.skip("its outputs live in the driver")
    dock.set_power(1, True, within=within())
    dock.set_power(2, False, within=within())
    dock.close()
    again = registry.load("docks", type(dock).__module__.rsplit(".", 1)[1], board.settings, where="again")
    assert isinstance(again, Power)
    try:
        assert [again.power(n, within=within()) for n in (1, 2)] == [True, False]
    finally:
        again.close()


@every
def test_the_lock_reads_back_as_it_was_set_or_is_never_declared(dock: Dock) -> None:
    if not isinstance(dock, Lock):
        return
    for locked in (True, False):
        dock.set_lock(1, locked, within=within())
        assert dock.locked(1, within=within()) is locked


@every
def test_every_light_can_be_shown_or_none(dock: Dock) -> None:
    if not isinstance(dock, Lights):
        return
    for light in Light:
        dock.set_light(1, light, within=within())


@every
@pytest.mark.parametrize("senses", [Senses(blinking="off", brightness=1), Senses(blinking="normal", brightness=100)])
def test_it_takes_whatever_the_senses_want_and_still_shows_every_light(
    dock: Dock, board: Counterpart, senses: Senses
) -> None:
    board.mishap = "silent"
    dock.adjust(senses)  # opens nothing, asks nothing
    board.mishap = "none"
    if not isinstance(dock, Lights):
        return
    for light in Light:
        dock.set_light(1, light, within=within())


@every
def test_what_it_senses_has_one_form(dock: Dock) -> None:
    if isinstance(dock, Sensors):
        assert isinstance(dock.readings(1, within=within()), Readings)


@every
def test_a_slot_that_it_does_not_have_is_refused(dock: Dock) -> None:
    for slot in (0, dock.slots + 1, -1):
        with pytest.raises(NoSuchSlot, match=f"1 to {dock.slots}"):
            dock.require(slot)
        if isinstance(dock, Power):
            with pytest.raises(NoSuchSlot):
                dock.power(slot, within=within())
            with pytest.raises(NoSuchSlot):
                dock.set_power(slot, False, within=within())


@every
def test_a_probe_switches_nothing(dock: Dock, board: Counterpart) -> None:
    if not isinstance(dock, Power) or type(board).__name__ == "Simulated":
        dock.probe(within=within())
        return
    before = board.relays()
    dock.probe(within=within())
    assert board.relays() == before
    assert getattr(board, "log", []) == []  # not even a register


@hardware
def test_a_silent_device_is_said_to_be_silent_before_the_deadline(dock: Dock, board: Counterpart) -> None:
    board.mishap = "silent"
    begun = time.monotonic()
    for ask in asks(dock):
        with pytest.raises(DeviceSilent):
            ask(Deadline(0.2))
    assert time.monotonic() - begun < SOON_S  # it would be silent for ever
    board.mishap = "none"
    dock.probe(within=within())


@powered
def test_garbage_is_never_taken_for_an_answer(dock: Power, board: Counterpart) -> None:
    before = (board.relays() if hasattr(board, "states") else [])[1:]
    board.mishap = "garbage"
    with pytest.raises(DriverError):
        dock.set_power(1, True, within=Deadline(1.0))
    board.mishap = "none"
    assert (board.relays() if hasattr(board, "states") else [])[1:] == before
    dock.set_power(1, True, within=within())


@powered
def test_an_output_that_does_not_follow_is_noticed(
    dock: Power, board: Counterpart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(dock), "settle_seconds", 0.1)
    now = dock.power(2, within=within())
    board.mishap = "stuck"
    with pytest.raises(OutputDidNotFollow, match="reads back"):
        dock.set_power(2, not now, within=within())
    board.mishap = "none"
    dock.set_power(2, not now, within=within())


@hardware
def test_an_unplugged_device_is_gone_and_is_found_again(dock: Dock, board: Counterpart) -> None:
    dock.probe(within=within())
    board.unplug()
    for ask in asks(dock):
        with pytest.raises((DeviceGone, DeviceSilent)):
            ask(Deadline(2.0))
    board.plug()
    dock.probe(within=within())
    if isinstance(dock, Power):
        dock.set_power(1, True, within=within())


@pytest.mark.parametrize("board", MORTAL, indirect=True)
def test_a_device_that_is_unplugged_while_it_is_asked_is_gone(dock: Power, board: Counterpart) -> None:
    dock.set_power(2, True, within=within())
    board.mishap = "dies"
    with pytest.raises((DeviceGone, DeviceSilent)):
        dock.set_power(1, not dock.power(1, within=Deadline(2.0)), within=Deadline(2.0))
    board.plug()
    dock.set_power(1, True, within=within())


def asks(dock: Dock) -> list[Ask]:
    """Everything that a dock of this kind may be asked."""
    if not isinstance(dock, Power):
        assert isinstance(dock, Lights)
        return [lambda d: dock.set_light(1, Light.FAILED, within=d)]
    found: list[Ask] = [
        lambda d: dock.set_power(1, True, within=d),
        lambda d: dock.power(1, within=d),
        lambda d: dock.probe(within=d),
    ]
    return found


Ask = Callable[[Deadline], object]
