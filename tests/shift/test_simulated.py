"""A whole shift on simulated devices, in several orders: at its end every drive is accounted for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.agent.mosquitto import PROGRAM
from tests.shift.account import problems
from tests.shift.checker import Checker
from tests.shift.simulated import SimulatedBench
from tests.shift.table import SHIFT
from tests.shift.technician import Technician


@pytest.mark.timeout(300)
@pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed (apt-get install mosquitto)")
@pytest.mark.parametrize("seed", [1])
def test_after_a_shift_with_every_mistake_each_drive_is_accounted_for(tmp_path: Path, seed: int) -> None:
    with SimulatedBench(tmp_path) as bench:
        bench.make(SHIFT)
        checker = Checker(bench.daemon.status)
        technician = Technician(bench, random.Random(seed), checker=checker)
        technician.work(SHIFT)
        found = bench.found(SHIFT)
    assert problems(SHIFT, found) == []
    assert len(technician.reactions) > len(SHIFT)
    assert checker.looks > 3 * len(SHIFT)
    assert checker.moved > len(SHIFT), "a checker that sees nothing move finds nothing"
