"""Every fault once on a real block device; `make faults` tries each many times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import leftovers
from tests.agent.mosquitto import wait_until
from tests.faults.__main__ import try_scenario
from tests.faults.rig import Rig, missing
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.leftovers import RIG_BYTES

pytestmark = pytest.mark.skipif(missing() is not None, reason=f"the fault rig {missing()}")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name.replace(" ", "-"))
def test_a_fault_is_never_taken_for_success(scenario: Scenario) -> None:
    row = try_scenario(scenario, runs=1, seed=7)
    assert row.false_successes == 0
    assert row.wrong == 0, row.outcomes
    assert row.inexact == 0


def test_what_a_killed_run_left_is_taken_down_and_what_lives_is_not() -> None:
    with Rig(RIG_BYTES) as left, Rig(RIG_BYTES) as living:
        left.kill()
        wait_until(lambda: _is_taken_down(left), "it is dead, and taken down")
        leftovers.detach_dead(_sysfs_of(living))
        assert (_sysfs_of(living) / "backing_file").exists()


def _is_taken_down(rig: Rig) -> bool:
    leftovers.detach_dead(_sysfs_of(rig))
    return not (_sysfs_of(rig) / "backing_file").exists()


def _sysfs_of(rig: Rig) -> Path:
    return Path("/sys/block") / Path(rig.device).name / "loop"
