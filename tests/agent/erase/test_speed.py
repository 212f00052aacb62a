"""The benchmark's forecast names what bounds an erase: the drive, or the processors where these are slower."""

from __future__ import annotations

import time

import pytest

from agent.commands.work.benchmark import rate_lines
from agent.erase.speed import NOTHING, Benchmark, benchmark, forecast
from tests.agent.erase.drives import Faults, MemoryDrive


def measured(**rates: float) -> Benchmark:
    """A machine of two cores, 10^6 bytes a second."""
    made = {"compare": 30_000.0, "hash": 3_000.0, "read": 200.0, **rates}
    return Benchmark(
        device="/dev/sdz", bytes_tried=1, cores=2, generate={"chacha20": made.pop("generate", 6_000.0)},
        stream="chacha20", write=None, limit="", zeros=NOTHING, random=NOTHING, **made,
    )  # fmt: skip


def test_a_disk_is_its_own_limit_and_many_fit() -> None:
    found = forecast(measured(), 190.0)
    assert found.limit == found.random.limit == "the drive's writing"
    assert found.zeros.mb_per_s == pytest.approx(1 / (1 / 200 + 1 / 190), abs=0.1)
    assert found.zeros.drives == int((1 / 200 + 1 / 190) * 2 / (1 / 30_000 + 1 / 3_000))
    assert found.random.drives < found.zeros.drives


def test_one_thread_that_hashes_a_pattern_bounds_a_drive_as_fast_as_memory() -> None:
    found = forecast(measured(read=7_000.0), 8_000.0)
    assert found.zeros.mb_per_s == 3_000.0
    assert found.limit == "hashing"


def test_the_hash_of_a_stream_is_done_with_when_it_is_written() -> None:
    found = forecast(measured(read=7_000.0, generate=20_000.0), 8_000.0)
    assert found.random.mb_per_s == pytest.approx(1 / (1 / 3_000 + 1 / 7_000), abs=0.1)
    assert found.random.limit == "hashing"
    assert forecast(measured(read=7_000.0, generate=20_000.0), 2_000.0).random.limit == "the drive's writing"


def test_a_slow_generator_bounds_a_random_pass_alone() -> None:
    found = forecast(measured(generate=90.0), 190.0)
    assert found.zeros.limit == "the drive's writing"
    assert found.random.limit == "generating (chacha20)"
    assert found.random.drives == 0
    assert forecast(measured(generate=150.0), 190.0).random.drives == 1


@pytest.mark.parametrize(("seconds", "slow"), [(0.05, 0.2), (0.0, 0.0)])
def test_a_drive_that_hardly_answers_and_a_machine_without_time_are_measured(seconds: float, slow: float) -> None:
    drive = MemoryDrive(4096, faults=Faults(before_read=lambda _: time.sleep(slow), delay_s=slow))
    found = benchmark(drive, write=True, seconds=seconds)
    assert found.read > 0
    assert found.write is not None
    assert found.write > 0
    assert found.zeros.mb_per_s > 0
    assert "  0 MB/s" not in "\n".join(rate_lines(found))


def test_what_was_not_written_is_taken_to_write_as_it_reads() -> None:
    found = forecast(measured(), None)
    assert (found.write, found.limit, found.zeros.mb_per_s) == (None, "the drive's reading", 100.0)
