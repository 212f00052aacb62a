"""What must hold for every dock in drivers/docks/: it does what it declares, reads back, and is asked nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from drivers import registry
from drivers.deadline import Deadline
from drivers.docks.base import Capability, Dock, DockCannot, Light, NoSuchSlot, Readings

SETTINGS: dict[str, dict[str, Any]] = {"plain": {"slots": 3}, "simulated": {"slots": 3}}
"""How each driver is made without its hardware. A new file in drivers/docks/ needs a row (or a stand-in device)."""


def test_every_dock_in_the_folder_is_under_this_contract() -> None:
    assert set(SETTINGS) == set(registry.known("docks"))


@pytest.fixture(params=sorted(SETTINGS))
def dock(request: pytest.FixtureRequest) -> Iterator[Dock]:
    made = registry.load("docks", request.param, SETTINGS[request.param], where="dock")
    yield made
    made.close()
    made.close()


def within() -> Deadline:
    return Deadline(2.0)


def test_it_has_slots_and_declares_what_it_can(dock: Dock) -> None:
    assert dock.slots == 3
    assert isinstance(dock.capabilities, frozenset)


def test_power_reads_back_as_it_was_set_or_is_never_declared(dock: Dock) -> None:
    if Capability.POWER not in dock.capabilities:
        assert dock.power(1, within=within()) is None
        with pytest.raises(DockCannot):
            dock.set_power(1, True, within=within())
        return
    for on in (False, True, True, False):
        dock.set_power(2, on, within=within())
        assert dock.power(2, within=within()) is on


def test_a_switch_leaves_the_other_slots_alone(dock: Dock) -> None:
    if Capability.POWER in dock.capabilities:
        dock.set_power(1, True, within=within())
        dock.set_power(3, True, within=within())
        dock.set_power(2, False, within=within())
        assert [dock.power(n, within=within()) for n in (1, 2, 3)] == [True, False, True]


def test_the_lock_reads_back_as_it_was_set_or_is_never_declared(dock: Dock) -> None:
    if Capability.LOCK not in dock.capabilities:
        with pytest.raises(DockCannot):
            dock.set_lock(1, True, within=within())
        return
    for locked in (True, False):
        dock.set_lock(1, locked, within=within())
        assert dock.locked(1, within=within()) is locked


@pytest.mark.parametrize("light", list(Light))
def test_every_light_can_be_shown_or_none(dock: Dock, light: Light) -> None:
    if Capability.LIGHT in dock.capabilities:
        dock.set_light(1, light, within=within())
    else:
        with pytest.raises(DockCannot):
            dock.set_light(1, light, within=within())


def test_what_it_senses_has_one_form(dock: Dock) -> None:
    if Capability.SENSE in dock.capabilities:
        assert isinstance(dock.readings(1, within=within()), Readings)
    else:
        with pytest.raises(DockCannot):
            dock.readings(1, within=within())


@pytest.mark.parametrize("slot", [0, 4, -1])
def test_a_slot_that_it_does_not_have_is_refused(dock: Dock, slot: int) -> None:
    with pytest.raises(NoSuchSlot, match="1 to 3"):
        dock.power(slot, within=within())
    if Capability.POWER in dock.capabilities:
        with pytest.raises(NoSuchSlot):
            dock.set_power(slot, False, within=within())
