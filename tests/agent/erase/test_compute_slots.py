"""Slots to compute in: as many as cores, with scratch memory that no two threads have at once."""

from __future__ import annotations

import threading

from agent.erase.buffers import ROOM
from agent.erase.compute_slots import SCRATCH, Slots
from tests.patience import SOON_S


def test_no_more_threads_compute_than_there_are_slots_and_none_shares_its_scratch() -> None:
    slots, lock = Slots(2), threading.Lock()
    inside: list[int] = []
    most, seen = 0, set()

    def compute(mark: int) -> None:
        nonlocal most
        for _ in range(200):
            with slots as scratch:
                with lock:
                    inside.append(mark)
                    most = max(most, len(inside))
                    seen.add(id(scratch))
                scratch[:8] = bytes([mark]) * 8
                assert bytes(scratch[:8]) == bytes([mark]) * 8
                assert len(scratch) == SCRATCH + ROOM
                with lock:
                    inside.remove(mark)

    threads = [threading.Thread(target=compute, args=(mark,)) for mark in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)
    assert not inside
    assert most <= 2
    assert len(seen) <= 2, "six threads need no more scratch memory than two slots"


def test_a_slot_comes_back_from_work_that_failed_with_the_scratch_used_last() -> None:
    slots = Slots(1)
    used: list[memoryview] = []
    for _ in range(2):
        try:
            with slots as scratch:
                used.append(scratch)
                raise ZeroDivisionError
        except ZeroDivisionError:
            continue
    assert used[0] is used[1]
