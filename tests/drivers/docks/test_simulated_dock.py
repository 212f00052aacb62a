"""The simulated dock misbehaves when it is told to, and shows its outputs in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drivers.deadline import Deadline
from drivers.docks.base import DockEvent, Light, Readings
from drivers.docks.simulated import Driver, Settings
from drivers.errors import BadDriverSettings, DeviceGone, DeviceSilent, OutputDidNotFollow
from tests.patience import SOON_S


def test_a_stuck_output_is_noticed_when_it_is_switched(tmp_path: Path) -> None:
    control = tmp_path / "control"
    control.write_text("stuck 2\n")
    dock = Driver("dock", Settings(control_file=str(control)))
    with pytest.raises(OutputDidNotFollow, match="bay 2 reads back power on after power off was set"):
        dock.set_power(2, False, within=Deadline(SOON_S))
    with pytest.raises(OutputDidNotFollow, match="reads back unlocked after locked"):
        dock.set_lock(2, True, within=Deadline(SOON_S))
    dock.set_power(1, False, within=Deadline(SOON_S))
    control.write_text("")
    dock.set_power(2, False, within=Deadline(SOON_S))


@pytest.mark.parametrize(("fault", "error"), [("silent", DeviceSilent), ("gone", DeviceGone)])
def test_a_dock_that_is_silent_or_gone_says_so_at_every_call(
    fault: str, error: type[Exception], tmp_path: Path
) -> None:
    control = tmp_path / "control"
    control.write_text(fault)
    dock = Driver("dock", Settings(control_file=str(control)))
    with pytest.raises(error):
        dock.set_power(1, True, within=Deadline(SOON_S))
    with pytest.raises(error):
        dock.power(1, within=Deadline(SOON_S))
    with pytest.raises(error):
        dock.set_light(1, Light.DONE, within=Deadline(SOON_S))
    control.unlink()
    dock.set_power(1, True, within=Deadline(SOON_S))


def test_a_fault_that_nobody_knows_is_an_error_that_lists_the_known(tmp_path: Path) -> None:
    control = tmp_path / "control"
    control.write_text("on fire")
    dock = Driver("dock", Settings(control_file=str(control)))
    with pytest.raises(BadDriverSettings, match="'on fire': allowed is one of none, silent, gone, stuck"):
        dock.power(1, within=Deadline(SOON_S))


def test_outputs_are_mirrored_to_the_state_file(tmp_path: Path) -> None:
    state = tmp_path / "dock.json"
    dock = Driver("dock", Settings(slots=2, state_file=str(state)))
    dock.set_power(2, False, within=Deadline(SOON_S))
    dock.set_light(1, Light.WORKING, within=Deadline(SOON_S))
    shown = json.loads(state.read_text())
    assert shown["1"] == {"power": True, "locked": False, "light": "working", "present": None}
    assert shown["2"]["power"] is False


def test_events_reach_the_subscriber_and_the_readings(tmp_path: Path) -> None:
    dock = Driver("dock", Settings())
    events: list[DockEvent] = []
    dock.subscribe(events.append)
    dock.sense(3, present=True)
    assert events == [DockEvent(slot=3, what="present", readings=Readings(present=True))]
    assert dock.readings(3, within=Deadline(SOON_S)).present is True
