"""Each mistake of a shift (tests/shift/table.py) under a real kernel, everything on USB: every drive is accounted for.

All forty drives take minutes here: `python -m benchmarks.latency --bench` works the whole shift, and measures it.
"""

from __future__ import annotations

import random
from pathlib import Path

from tests.laboratory.machine.control import JOB_TIMEOUT_S
from tests.laboratory.machine.qemu import Image
from tests.laboratory.shift import GuestBench
from tests.shift.account import problems
from tests.shift.table import SHORT
from tests.shift.technician import Technician


def test_after_a_shift_with_every_mistake_each_drive_is_accounted_for(image: Image, tmp_path: Path) -> None:
    with GuestBench(image, tmp_path, SHORT) as bench:
        Technician(bench, random.Random(1), patience_s=JOB_TIMEOUT_S).work(SHORT)
        found = bench.found(SHORT)
    assert problems(SHORT, found) == []
