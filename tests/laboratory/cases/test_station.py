"""The daemon inside the guest: drives come and go, the power is cut, and what it says of them reaches a real broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.laboratory.machine.qemu import Image
from tests.laboratory.models.ata import AtaDrive
from tests.laboratory.models.medium import Medium
from tests.laboratory.models.nvme import NvmeDrive
from tests.laboratory.models.sat import SatTarget
from tests.laboratory.station import Station
from tests.laboratory.usb.storage import Dock

SIZE = 8 << 20


@pytest.fixture
def station(image: Image, tmp_path: Path) -> Iterator[Station]:
    """Without a drive, its daemon running."""
    with Station(image, tmp_path) as made:
        made.start()
        yield made


def drive(serial: str, *, caching: bool = False, size: int = SIZE) -> SatTarget:
    return SatTarget(AtaDrive(Medium(size, caching=caching), serial=serial))


def plug(station: Station, port: int, target: SatTarget) -> None:
    station.rig.machine.ports[port].plug(Dock(target))


def test_drives_that_are_hot_plugged_are_erased_certified_and_reported(station: Station) -> None:
    first, second, third = drive("HOT-1"), drive("HOT-2"), NvmeDrive(Medium(SIZE), serial="HOT-3")
    plug(station, 1, first)
    plug(station, 3, second)
    station.rig.nvme(third)
    for bay in ("U1", "U3", "N1"):
        assert station.wait_bay(bay, "finished")["outcome"] == "erased"
    records = station.arrived(3)
    assert {record.drive.serial for record in records} == {"HOT-1", "HOT-2", "HOT-3"}
    assert [medium.secrets() for medium in (first.medium, second.medium, third.medium)] == [0, 0, 0]
    station.rig.machine.ports[1].unplug()
    station.wait_bay("U1", "empty")
    assert station.stop() == 0


def test_a_drive_pulled_out_at_work_is_aborted_and_goes_on_when_it_comes_back(station: Station) -> None:
    target = drive("PULLED", size=2 * SIZE)
    target.pauses_after = 100  # of some 140: there was time for a checkpoint, which cannot be flushed while it pauses
    plug(station, 2, target)
    assert target.paused.wait(60), station.said()
    station.wait_checkpoint()
    station.rig.machine.ports[2].unplug()
    station.wait_bay("U2", "empty")
    (aborted,) = station.arrived(1)
    assert aborted.outcome == "aborted"
    assert target.medium.secrets() > 0
    plug(station, 4, target)  # in another bay: a drive is known by what it is, not by where it stands
    assert station.wait_bay("U4", "finished")["outcome"] == "erased"
    erased = station.arrived(2)[-1]
    assert len(erased.interruptions) == 1
    assert target.medium.secrets() == 0


@pytest.mark.parametrize("caching", [False, True], ids=["written-through", "volatile-cache"])
def test_a_power_cut_at_work_is_gone_on_from_with_the_same_ledger(station: Station, caching: bool) -> None:
    target = drive("CUT", caching=caching)
    target.pauses_after = 40
    plug(station, 1, target)
    assert target.paused.wait(60), station.said()
    station.rig.cut_power()
    target.power_cycle()
    assert target.medium.secrets() > 0
    station.rig.power_on()
    station.start()
    plug(station, 1, target)
    assert station.wait_bay("U1", "finished")["outcome"] == "erased"
    (record,) = station.arrived(1)
    assert ("stopped or lost power" in record.interruptions[0].reason, len(record.interruptions)) == (True, 1)
    assert target.medium.secrets() == 0


def test_a_drive_that_stops_answering_stalls_its_bay_and_no_other(image: Image, tmp_path: Path) -> None:
    with Station(image, tmp_path, stall_s=1) as station:
        station.start()
        stuck, other = drive("STUCK"), drive("OTHER")
        stuck.pauses_after = 10
        plug(station, 1, stuck)
        assert stuck.paused.wait(60), station.said()
        station.wait_bay("U1", "stalled")
        plug(station, 2, other)
        assert station.wait_bay("U2", "finished")["outcome"] == "erased"
        stuck.running.set()
        assert station.wait_bay("U1", "finished")["outcome"] == "erased"
        assert stuck.medium.secrets() == 0
