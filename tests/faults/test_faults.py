"""Every fault once on a real block device; `make faults` tries each many times."""

from __future__ import annotations

import pytest

from tests.faults.__main__ import try_scenario
from tests.faults.rig import missing
from tests.faults.scenarios import SCENARIOS, Scenario

pytestmark = pytest.mark.skipif(missing() is not None, reason=f"the fault rig {missing()}")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name.replace(" ", "-"))
def test_a_fault_is_never_taken_for_success(scenario: Scenario) -> None:
    row = try_scenario(scenario, runs=1, seed=7)
    assert row.false_successes == 0
    assert row.wrong == 0, row.outcomes
    assert row.inexact == 0
