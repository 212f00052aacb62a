"""A drive that waits to cool, and one that was given up while its request hangs: what is said, what stays held."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.bench.events import WorkEnded
from agent.certificates.outcome import NEVER_COOL, Aborted, Work
from agent.jobs.at_work import AtWork
from tests.agent.engine_rig import Rig, erased


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """An engine on a bench of its own."""
    made = Rig(tmp_path)
    yield made
    made.close()


def test_a_pause_for_heat_that_lasts_is_an_alarm_that_names_the_drive_until_it_goes_on_or_ends(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.progress("A1", "paused", paused_s=299.0)
    assert "heat-A1" not in rig.effects.alarms
    rig.progress("A1", "paused", paused_s=301.0)
    alarm = rig.effects.alarms["heat-A1"]
    assert alarm.code == "BW-A71"
    for word in ("Bay A1", "S1", "64 C", "since", "UTC", "its sensor is stuck"):
        assert word in alarm.text
    rig.progress("A1", "pass")
    assert "heat-A1" not in rig.effects.alarms
    rig.progress("A1", "paused", paused_s=400.0)
    assert "heat-A1" in rig.effects.alarms
    rig.end("A1", Aborted(Work(), NEVER_COOL))
    assert "heat-A1" not in rig.effects.alarms
    assert [c.record.outcome for c in rig.certificates()] == ["aborted"]


def test_a_drive_that_was_given_up_stays_locked_until_its_request_comes_back(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    worker = rig.worker("A1")
    rig.progress("A1", "stalled")
    rig.wait(121)
    assert rig.state("A1") == "quarantined"
    at_work = AtWork(rig.registrar.at_work.folder.parent)
    assert at_work.running(worker.job.drive) is not None, "the kernel may still write to it"
    rig.engine.handle(WorkEnded("A1", worker.job.id, erased()))
    assert at_work.running(worker.job.drive) is None
