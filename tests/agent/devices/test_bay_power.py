"""Power of the bays: one after the other, proved when it is cut, held when the dock is silent."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from agent.bench.events import DeviceFault
from agent.devices import bay_power, device_thread
from agent.devices.bay_power import BayPower
from agent.devices.device_thread import DeviceThread, Later
from agent.settings import BaySettings, DockDevice
from drivers.deadline import Deadline
from drivers.docks import simulated
from drivers.docks.base import DockCannot, PowerNotCut
from drivers.drives.base import DriveGone, DriveSource, OpenDrive
from drivers.drives.drive import Drive
from drivers.drives.facts import Facts
from drivers.errors import DeviceSilent, OutputDidNotFollow
from tests.agent.mosquitto import wait_until
from tests.patience import SOON_S


class Ports(DriveSource):
    """Drives that are there for as long as their slot has power, unless they are wired `elsewhere`."""

    def __init__(self, dock: simulated.Driver) -> None:
        self.dock = dock
        self.elsewhere: set[str] = set()

    def present(self, ports: frozenset[str]) -> Mapping[str, str]:
        """A port is the number of a slot."""
        return {p: "token" for p in ports if p in self.elsewhere or self.dock._state[int(p)].power}

    def look(self, port: str) -> Drive:
        """Never asked."""
        raise DriveGone(device=port)

    def facts(self, port: str, *, protect: Iterable[Path]) -> Facts:
        """Never asked."""
        raise DriveGone(device=port)

    def open(self, port: str) -> OpenDrive:
        """Never asked."""
        raise DriveGone(device=port)


class NotingDock(simulated.Driver):
    """Writes down its switches, with the moment."""

    def __init__(self, control: Path) -> None:
        super().__init__("dock.d", simulated.Settings(slots=3, powered=False, control_file=str(control)))
        self.switched: list[tuple[int, bool, float]] = []

    def switch_power(self, slot: int, on: bool, *, within: Deadline) -> None:
        """As it is told."""
        super().switch_power(slot, on, within=within)
        self.switched.append((slot, on, time.monotonic()))


class Rig:
    """A dock of three bays."""

    def __init__(self, folder: Path, spin_up_s: float) -> None:
        self.control = folder / "control"
        self.dock = NotingDock(self.control)
        self.switched = self.dock.switched
        self.ports = Ports(self.dock)
        self.faults: list[DeviceFault] = []
        self.thread = DeviceThread("dock.d", self.faults.append, patient=True)
        bays = [BaySettings(name=f"A{n}", port=str(n), dock="d", slot=n) for n in (1, 2, 3)]
        settings = [DockDevice(name="d", driver="simulated", spin_up_s=spin_up_s)]
        self.threads = {"dock.d": self.thread}
        self.power = BayPower(
            [*bays, BaySettings(name="B1", port="9")], {"d": self.dock}, self.threads, {"block": self.ports}, settings
        )

    def has(self) -> list[bool]:
        """Which slots have power."""
        return [slot.power for slot in self.dock._state.values()]

    def codes(self) -> list[str]:
        """What was told."""
        return [fault.code for fault in self.faults]


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Impatient, as its tests are."""
    for module, name in ((device_thread, "FIRST_RETRY_S"), (bay_power, "PROBE_EVERY_S"), (bay_power, "GONE_LOOK_S")):
        monkeypatch.setattr(module, name, 0.01)
    made = Rig(tmp_path, spin_up_s=0.05)
    yield made
    made.thread.close(Deadline(SOON_S))


def test_two_bays_never_power_on_within_the_interval(rig: Rig) -> None:
    for bay in ("A1", "A2", "A3"):
        assert rig.power.on(bay)
    wait_until(lambda: rig.has() == [True] * 3, "all bays have power")
    moments = [moment for _, _, moment in rig.switched]
    assert sorted(slot for slot, _, _ in rig.switched) == [1, 2, 3]
    assert all(later - earlier >= 0.05 for earlier, later in itertools.pairwise(moments))


def test_a_bay_that_has_power_is_not_switched_again(rig: Rig) -> None:
    rig.dock.set_power(1, True, within=Deadline(SOON_S))
    rig.switched.clear()
    rig.power.on("A1")
    rig.power.on("A2")
    wait_until(lambda: rig.has()[1], "A2 has power")
    assert [slot for slot, _, _ in rig.switched] == [2]


def test_a_bay_without_a_dock_cannot_be_switched(rig: Rig) -> None:
    assert not rig.power.on("B1")
    assert not rig.power.off("B1")
    assert rig.power.cycler("B1") is None
    with pytest.raises(DockCannot):
        rig.power.cycle("B1")


def test_a_cut_is_proved_by_the_drive_that_disappears(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.dock.set_power(2, True, within=Deadline(SOON_S))
    rig.power.off("A2")
    wait_until(lambda: not rig.thread.waits(("power", 2)) and not rig.has()[1], "A2 is off")
    assert rig.faults == []
    monkeypatch.setattr(bay_power, "GONE_S", 0.02)
    rig.ports.elsewhere.add("1")
    rig.dock.set_power(1, True, within=Deadline(SOON_S))
    rig.power.off("A1")
    wait_until(lambda: "BW-D12" in rig.codes(), "it is said that the drive in A1 is still there")
    rig.ports.elsewhere.clear()
    rig.power.on("A1")
    wait_until(lambda: rig.codes()[-1] == "BW-D00", "the fault is over when the bay does as it is told")


def test_a_silent_dock_is_told_once_switches_nothing_and_is_asked_again_until_it_answers(rig: Rig) -> None:
    rig.dock.set_power(1, True, within=Deadline(SOON_S))
    rig.power.on("A1")
    rig.power.watch([rig.dock], rig.threads)
    rig.switched.clear()
    rig.control.write_text("silent")
    wait_until(lambda: rig.codes() == ["BW-D05"], "the silence is noticed without anybody wanting anything")
    rig.power.on("A3")
    assert rig.thread.waits(("power", 3)) or rig.thread.waits("probe")
    assert rig.switched == []
    assert rig.has() == [True, False, False]
    rig.control.write_text("")
    wait_until(lambda: rig.has() == [True, False, True], "what was wished meanwhile is done")
    assert rig.codes() == ["BW-D05", "BW-D00"]


def test_a_dock_that_lost_its_outputs_gets_them_back(rig: Rig) -> None:
    for bay in ("A1", "A2"):
        rig.power.on(bay)
    wait_until(lambda: rig.has() == [True, True, False], "two bays have power")
    rig.power.watch([rig.dock], rig.threads)
    rig.switched.clear()
    for slot in (1, 2):
        rig.dock._state[slot] = simulated.Slot(power=False)
    wait_until(lambda: rig.has() == [True, True, False], "they have it again")
    assert all(on for _, on, _ in rig.switched)


def test_a_worker_cycles_its_bay(rig: Rig) -> None:
    rig.dock.set_power(1, True, within=Deadline(SOON_S))
    rig.power.on("A1")
    rig.switched.clear()
    rig.power.cycle("A1", off_s=0.0)
    assert [(slot, on) for slot, on, _ in rig.switched] == [(1, False), (1, True)]
    assert rig.has() == [True, False, False]


@pytest.mark.parametrize(
    ("fault", "error"), [("stuck 1", OutputDidNotFollow), ("silent", DeviceSilent), ("elsewhere", PowerNotCut)]
)
def test_a_cycle_that_is_not_proved_fails_and_leaves_the_bay_wished_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, fault: str, error: type[Exception]
) -> None:
    monkeypatch.setattr(bay_power, "GONE_S", 0.02)
    rig.dock.set_power(1, True, within=Deadline(SOON_S))
    if fault == "elsewhere":
        rig.ports.elsewhere.add("1")
    else:
        rig.control.write_text(fault)
    with pytest.raises(error):
        rig.power.cycle("A1", off_s=0.0)
    rig.control.write_text("")
    wait_until(lambda: rig.has()[0] and not rig.thread.waits(("power", 1)), "the bay has power")


def test_the_answer_that_comes_too_late_is_not_carried_out(rig: Rig) -> None:
    until, done = threading.Event(), []
    rig.thread.call(lambda: until.wait(SOON_S), key="busy")
    with pytest.raises(DeviceSilent):
        rig.thread.ask(lambda: done.append(1), key="x", within=0.02)
    until.set()
    assert rig.thread.close(Deadline(SOON_S))
    assert done == []


def test_a_fault_stands_until_the_very_call_that_failed_is_well_again(rig: Rig) -> None:
    rig.control.write_text("stuck 2")
    rig.power.on("A2")
    wait_until(lambda: rig.codes() == ["BW-D06"], "the output that does not follow is told")
    rig.power.on("A1")
    wait_until(lambda: rig.has()[0], "another bay goes on")
    assert rig.codes() == ["BW-D06"]
    rig.control.write_text("")
    rig.power.on("A2")
    wait_until(lambda: rig.codes() == ["BW-D06", "BW-D00"], "it is over")


def test_a_call_that_says_later_is_replaced_by_a_newer_word() -> None:
    thread = DeviceThread("d", lambda fault: None, patient=True)
    seen: list[str] = []

    def later() -> None:
        seen.append("later")
        raise Later(3600)

    thread.call(later, key="k")
    wait_until(lambda: seen == ["later"], "it was asked")
    thread.call(lambda: seen.append("newer"), key="k")
    wait_until(lambda: seen[-1] == "newer", "the newer word is carried out")
    thread.call(later, key="k")
    wait_until(lambda: seen[-1] == "later", "it was asked")
    assert thread.close(Deadline(SOON_S))  # what is not due keeps nobody
