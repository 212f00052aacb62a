"""Flushes that fail, and what was written since the last good one dies with the drive's cache."""

from __future__ import annotations

import random
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.certificates.outcome import Aborted, Erased, Outcome
from agent.certificates.record import VerificationKind
from agent.erase import Limits, VerifySpec
from tests.agent.erase.drives import Faults, MemoryDrive
from tests.agent.erase.jobs import KIB, last_point, run_job

SIZE = 256 * KIB + 3 * 512
KINDS: tuple[VerificationKind, ...] = ("full", "sample", "none")
METHOD = st.sampled_from(["zero", "random", "pattern-complement"])
LAST = {"zero": b"\x00", "pattern-complement": b"\xaa"}


def proved(outcome: Outcome, drive: MemoryDrive, method: str) -> bool:
    """Whether it is not called erased, or is."""
    if not isinstance(outcome, Erased):
        return True
    return b"secret" not in drive.durable and (method not in LAST or drive.durable == LAST[method] * SIZE)


@given(
    method=METHOD,
    kind=st.sampled_from(KINDS),
    flushes=st.sets(st.integers(1, 10), max_size=4),
    writes=st.sets(st.integers(1, 30), max_size=4),
    cuts=st.lists(st.integers(1, 50), max_size=2),
    every=st.sampled_from([16 * KIB, 64 * KIB, 0]),
    seed=st.integers(0, 999),
)
@settings(max_examples=60, deadline=None)
def test_no_sequence_of_failing_writes_and_flushes_leaves_old_data_on_an_erased_drive(
    method: str, kind: VerificationKind, flushes: set[int], writes: set[int], cuts: list[int], every: int, seed: int
) -> None:
    chance, point = random.Random(seed), None
    faults = Faults(
        flush_fails=flushes.__contains__,
        write_fails=writes.__contains__,
        survives=lambda _: chance.random() < 0.3,
        delay_s=0.001,
    )
    drive = MemoryDrive(SIZE, faults=faults)
    limits, verify = Limits(checkpoint_bytes=every, checkpoint_s=0), VerifySpec(kind=kind)
    for cut in [*cuts, None]:
        faults.gone_after_writes = None if cut is None else drive.writes + cut
        with mock.patch("agent.erase.overwrite.POLL_S", 0.0005):
            outcome, events = run_job(drive, method, limits=limits, verify=verify, resume=point)
        if isinstance(outcome, Aborted):
            drive.power_cut(lambda _: chance.random() < 0.5)
            point = last_point(events) or point
            continue
        break
    assert proved(outcome, drive, method)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_rewritten_before_a_flush_that_fails_in_the_salvage_is_written_again(kind: VerificationKind) -> None:
    """The first block is put aside, and a good flush follows. The pass's last flush fails, then that of a piece.

    The end of the drive is written twice: the job's marker at the start, and what covers it as the last of all.
    """
    drive = MemoryDrive(SIZE, faults=Faults(write_fails=lambda n: n == 1, delay_s=0.005))
    late: list[int] = []

    def fails(flush: int) -> bool:
        if drive.write_log.count((SIZE // (16 * KIB) * 16 * KIB, 3 * 512)) > 1:
            late.append(flush)
        return 1 <= len(late) <= 2

    drive.faults.flush_fails = fails
    with mock.patch("agent.erase.overwrite.POLL_S", 0.001):
        outcome, _ = run_job(
            drive, limits=Limits(checkpoint_bytes=16 * KIB, checkpoint_s=0), verify=VerifySpec(kind=kind)
        )
    assert late[0] > 1, "no good flush came before"
    assert drive.durable == bytes(SIZE)
    assert isinstance(outcome, Erased)
