"""A bay whose worker switches its power: no drive has left, the same one is back, a crash in between is survived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.bench.events import DriveCycled, Worked
from agent.certificates.outcome import CANCELLED
from agent.erase import Renewed
from agent.jobs.job import JobState
from agent.jobs.running import CYCLING_S, SILENT_S
from agent.planning.policy import Policy
from drivers.drives.drive import Capabilities, Drive, HiddenArea
from tests.agent.engine_rig import CAPACITY, Rig, drive, erased, settings

HIDING = drive(
    media="hdd",
    capacity_bytes=CAPACITY - 4096,
    native_capacity_bytes=CAPACITY,
    hidden_area=HiddenArea(kind="hpa", bytes=4096),
    capabilities=Capabilities(security_supported=True, hidden_area_features=("hpa",)),
)
SHOWN = msgspec.structs.replace(
    HIDING, capacity_bytes=CAPACITY, hidden_area=HiddenArea(kind="hpa", bytes=4096, outcome="removed")
)
FOUND = msgspec.structs.replace(SHOWN, hidden_area=None)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A drive that hides something is at work in A1, whose power can be switched."""
    made = settings()
    made = msgspec.structs.replace(
        made,
        station=msgspec.structs.replace(made.station, policy="show"),
        policy=(Policy(name="show", hidden_area="remove"),),
    )
    rig = Rig(tmp_path / "state", made)
    rig.effects.dock = True
    rig.arrive("A1", HIDING)
    rig.wait(10.1)
    rig.progress("A1", "cycling")
    yield rig
    rig.close()


def renewed(rig: Rig, who: Drive = SHOWN) -> None:
    name = rig.worker("A1").job.id
    rig.engine.handle(Worked("A1", name, Renewed(job=name, drive=who)))


def back(rig: Rig, token: str = "again") -> None:
    rig.engine.handle(DriveCycled("A1", rig.worker("A1").job.id, token))


def test_the_worker_is_told_what_to_prepare_and_the_bay_shows_it(rig: Rig) -> None:
    assert rig.worker("A1").spec.prepare == ("reveal",)
    assert (rig.state("A1"), rig.job_of("A1").state) == ("cycling", JobState.CYCLING)


def test_a_drive_without_power_has_not_left_and_the_same_stay_goes_on_after_it(rig: Rig) -> None:
    rig.leave("A1")
    assert rig.worker("A1").stop.requested is None
    back(rig)
    renewed(rig)
    rig.progress("A1", "pass")
    assert (rig.state("A1"), rig.job_of("A1").drive.capacity_bytes) == ("erasing", CAPACITY)
    rig.end("A1", erased())
    assert rig.state("A1") == "finished"
    rig.arrive("A1", FOUND, token="again")  # the watcher's late word of the same appearance
    rig.wait(30)
    assert (rig.state("A1"), rig.working("A1"), len(rig.certificates())) == ("finished", False, 1)


def test_one_that_is_pulled_after_it_came_back_has_left(rig: Rig) -> None:
    back(rig)
    rig.progress("A1", "pass")
    rig.leave("A1")
    assert rig.worker("A1").stop.requested is not None


def test_a_slow_power_cycle_is_no_stall_and_an_endless_one_is(rig: Rig) -> None:
    rig.wait(SILENT_S + 1)
    assert rig.state("A1") == "cycling"
    rig.wait(CYCLING_S - SILENT_S)
    assert rig.state("A1") == "stalled"
    rig.progress("A1", "cycling")
    assert rig.state("A1") == "cycling"


def test_it_can_be_cancelled(rig: Rig) -> None:
    rig.cancel("A1")
    assert rig.worker("A1").stop.requested == CANCELLED


def test_after_a_crash_in_the_middle_the_bays_get_power_and_the_job_does_what_is_left(rig: Rig) -> None:
    first = rig.job_of("A1")
    rig.restart()
    assert ("A1", True) in rig.effects.power
    assert rig.arrive("A1", HIDING)
    rig.wait(10.1)
    assert (rig.worker("A1").job.id, rig.worker("A1").spec.prepare) == (first.id, ("reveal",))


def test_after_a_crash_behind_it_the_job_is_found_by_the_drives_new_capacity_and_says_what_was_removed(
    rig: Rig,
) -> None:
    first = rig.job_of("A1")
    renewed(rig)
    rig.restart()
    rig.arrive("A1", FOUND)
    rig.wait(10.1)
    going_on = rig.worker("A1").job
    assert (going_on.id, going_on.drive.capacity_bytes, going_on.drive.hidden_area) == (
        first.id,
        CAPACITY,
        SHOWN.hidden_area,
    )


def test_a_crash_before_anybody_wrote_the_capacity_down_closes_the_job_and_begins_anew(rig: Rig) -> None:
    first = rig.job_of("A1")
    rig.restart()
    rig.arrive("A1", FOUND)
    rig.wait(10.1)
    assert rig.worker("A1").job.id != first.id
    assert [c.record.outcome for c in rig.certificates()] == ["aborted"]
    assert rig.certificates()[0].record.job == first.id
