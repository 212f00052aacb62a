"""A drive that another program erases, and drives with one identity: what the bench does and does not do with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.certificates.outcome import STATION_STOPPED, Aborted, Work
from agent.erase import ResumePoint
from agent.jobs.at_work import AtWork
from agent.jobs.job import JobState
from tests.agent.engine_rig import Rig, drive


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "state")
    yield made
    made.close()


def reason(rig: Rig, bay: str) -> str:
    why = rig.engine.bays[bay].reason
    assert why is not None
    return f"{why.code} {why.text}"


def test_a_drive_that_the_command_line_erases_is_blocked_until_that_has_ended(rig: Rig) -> None:
    claim = AtWork(rig.state_dir).claim(drive())
    claim.names("job-of-the-command")
    rig.arrive("A1")
    assert rig.state("A1") == "blocked"
    assert reason(rig, "A1").startswith("BW-S40")
    assert "job-of-the-command" in reason(rig, "A1")
    claim.release()
    rig.wait(5.1)
    assert rig.state("A1") == "countdown"


def test_a_drive_that_the_command_line_takes_during_the_countdown_is_not_begun(rig: Rig) -> None:
    rig.arrive("A1")
    claim = AtWork(rig.state_dir).claim(drive())
    rig.wait(10.1)
    assert rig.state("A1") == "blocked"
    assert rig.effects.workers == []
    assert rig.certificates() == []
    claim.release()
    rig.wait(5.1)
    assert rig.state("A1") == "countdown"
    assert rig.erase("A1").record.outcome == "erased"


def test_a_running_job_of_the_command_line_is_neither_taken_up_nor_certified_as_aborted(rig: Rig) -> None:
    """Its drive is in a bay by another path."""
    rig.arrive("A1")
    rig.wait(10.1)
    running = replace(rig.job_of("A1"), bay="")
    rig.restart()
    rig.ledger.save_job(running)
    claim = AtWork(rig.state_dir).claim(drive())
    rig.arrive("A1")
    rig.wait(20)
    assert (rig.state("A1"), rig.certificates()) == ("blocked", [])
    assert [job.state for job in rig.ledger.unfinished()] == [JobState.ERASING]
    claim.release()
    rig.wait(5.1)
    rig.wait(10.1)
    assert rig.job_of("A1").id == running.id


def test_a_job_is_known_to_run_from_its_start_to_its_certificate(rig: Rig) -> None:
    others = AtWork(rig.state_dir)
    rig.arrive("A1")
    assert others.running(drive()) is None
    rig.wait(10.1)
    running = others.running(drive())
    assert running is not None
    assert f"job {rig.job_of('A1').id} in bay A1" in str(running)
    rig.erase("A1")
    assert others.running(drive()) is None


def test_a_job_that_waits_for_the_next_start_does_not_run(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.engine.stop("test")
    rig.end("A1", Aborted(Work(), STATION_STOPPED))
    assert AtWork(rig.state_dir).running(drive()) is None


def test_a_begin_that_cannot_be_written_down_leaves_the_drive_free(rig: Rig) -> None:
    rig.arrive("A1")
    rig.break_ledger("job")
    rig.wait(10.1)
    assert not rig.working("A1")
    assert AtWork(rig.state_dir).running(drive()) is None
    rig.mend_ledger()
    rig.wait(5.1)
    assert rig.working("A1")


@pytest.mark.parametrize("facts", [{}, {"wwn": "0x5"}, {"capacity_bytes": 2 << 20}])
def test_of_two_drives_with_one_identity_the_second_is_blocked_and_both_are_named(
    rig: Rig, facts: dict[str, Any]
) -> None:
    rig.arrive("A1")
    rig.arrive("A2", drive(**facts))
    assert rig.state("A2") == "blocked"
    for word in ("BW-S22", "A1", "A2"):
        assert word in reason(rig, "A2")


def test_two_luns_of_one_device_are_two_drives(rig: Rig) -> None:
    rig.arrive("A1", drive(lun=0))
    rig.arrive("A2", drive(lun=1))
    rig.wait(10.1)
    assert (rig.state("A1"), rig.state("A2")) == ("erasing", "erasing")


@pytest.mark.parametrize("lun", [0, 1])
def test_an_interrupted_job_of_before_luns_were_counted_goes_on_with_its_drive(rig: Rig, lun: int) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.checkpoint("A1", 4096)
    was = rig.job_of("A1").id
    rig.restart()
    rig.arrive("A1", drive(lun=lun))
    rig.wait(10.1)
    assert rig.job_of("A1").id == was
    assert rig.worker("A1").spec.resume == ResumePoint(pass_number=1, offset=4096)


def test_an_interrupted_job_of_one_lun_is_not_that_of_another(rig: Rig) -> None:
    rig.arrive("A1", drive(lun=1))
    rig.wait(10.1)
    was = rig.job_of("A1").id
    rig.restart()
    rig.arrive("A1", drive(lun=0))
    rig.wait(10.1)
    assert rig.job_of("A1").id != was
    assert rig.certificates() == []
