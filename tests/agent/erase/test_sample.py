"""A sample is spread, large enough, repeatable, and finds what it should."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.certificates.outcome import Erased, Failed
from agent.erase import VerifySpec
from agent.erase.ranges import merge, total
from agent.erase.sample import SamplePlan
from tests.agent.erase.drives import MemoryDrive
from tests.agent.erase.jobs import MIB, run_job, work_of

SEED = "00112233445566778899aabbccddeeff"


@given(
    blocks=st.integers(1, 9_000),
    unit=st.sampled_from([512, 4096]),
    fraction=st.floats(0.0001, 1),
    seed=st.binary(min_size=16, max_size=16),
)
@settings(max_examples=30, deadline=None)
def test_a_sample_is_what_the_standard_asks_for(blocks: int, unit: int, fraction: float, seed: bytes) -> None:
    capacity = blocks * unit
    plan = SamplePlan(seed=seed.hex(), fraction=fraction, capacity=capacity, unit=unit)
    spans = list(plan)
    assert len(spans) == len(plan)
    assert all(o % unit == 0 and n % unit == 0 and n > 0 and o + n <= capacity for o, n in spans)
    assert total(spans) >= min(capacity, math.floor(fraction * capacity))
    assert spans == sorted(spans)
    covered = merge(spans)
    assert covered[0][0] == 0
    assert sum(covered[-1]) == capacity
    assert sum(n for _, n in spans) <= total(spans) + 2 * unit  # only the first and last block may be read twice
    if blocks >= 2000:
        assert len(plan) >= 2000
        bounds = [section * blocks // 1000 * unit for section in range(1001)]
        counted = Counter(bisect_right(bounds, offset) - 1 for offset, _ in spans)
        assert all(counted[section] >= 2 for section in range(1000))


def test_a_large_drive_is_sampled_in_many_small_places_without_a_list_of_them() -> None:
    plan = SamplePlan(seed=SEED, fraction=0.1, capacity=1 << 40, unit=512)
    assert len(plan) > 100_000
    picked = [plan[i] for i in range(0, len(plan), 1000)]
    assert all(n <= MIB + 512 for _, n in picked)


def test_the_same_seed_gives_the_same_places_and_another_seed_others() -> None:
    options = {"fraction": 0.1, "capacity": 64 * MIB, "unit": 512}
    one, again = (list(SamplePlan(seed=SEED, **options)) for _ in range(2))  # type: ignore[arg-type]
    other = list(SamplePlan(seed=SEED[::-1], **options))  # type: ignore[arg-type]
    assert one == again
    assert len(set(one) & set(other)) < len(one) // 10


def test_every_block_has_its_chance() -> None:
    blocks = 10_000
    seen = set()
    for n in range(80):
        plan = SamplePlan(seed=f"{n:032x}", fraction=0.2, capacity=blocks * 512, unit=512)
        seen |= {b for o, n in plan for b in range(o // 512, (o + n) // 512)}
    assert len(seen) == blocks


def test_the_certificate_has_what_an_auditor_needs_to_repeat_the_sample() -> None:
    drive = MemoryDrive(8 * MIB)
    outcome, _ = run_job(drive, "random", verify=VerifySpec(kind="sample", fraction=0.2))
    assert isinstance(outcome, Erased)
    check = outcome.work.verification
    assert check.sample is not None
    plan = SamplePlan(seed=check.sample.seed, fraction=0.2, capacity=8 * MIB, unit=512)
    assert check.sample.locations == len(plan) >= 2000
    assert check.bytes == sum(n for _, n in plan) >= 0.2 * 8 * MIB
    assert check.blake3 is None
    assert "95 %" in check.sample.confidence
    assert drive.reads < 3000


def test_every_run_draws_a_fresh_seed() -> None:
    seeds = set()
    for _ in range(3):
        outcome, _events = run_job(MemoryDrive(2 * MIB), verify=VerifySpec(kind="sample"))
        sample = work_of(outcome).verification.sample
        assert sample is not None
        seeds.add(sample.seed)
    assert len(seeds) == 3


@pytest.mark.parametrize("at", [0, 8 * MIB - 1])
def test_the_first_and_the_last_block_are_always_read(at: int) -> None:
    drive = MemoryDrive(8 * MIB)

    def spoil(_: int) -> None:
        drive.data[at] = 1

    drive.faults.before_read = spoil
    outcome, _ = run_job(drive, verify=VerifySpec(kind="sample", fraction=0.01))
    assert isinstance(outcome, Failed)
    assert [m.offset for m in outcome.work.verification.mismatches] == [at // 512 * 512]


def test_a_drive_that_was_left_alone_for_a_tenth_is_found() -> None:
    drive = MemoryDrive(8 * MIB)
    drive.faults.before_read = lambda _: drive.data.__setitem__(slice(MIB, 2 * MIB), b"x" * MIB)
    outcome, _ = run_job(drive, verify=VerifySpec(kind="sample"))
    assert isinstance(outcome, Failed)
