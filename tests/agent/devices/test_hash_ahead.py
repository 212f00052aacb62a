"""Hashes are made while the station is idle: one at a time, and not while there is work."""

from __future__ import annotations

import os
import queue
import threading

import pytest
from blake3 import blake3

from agent.bench.events import HashMade
from agent.devices.hash_ahead import NICE, HashAhead
from agent.erase import PatternSpan, expected_hash
from agent.erase.expected_hash import FixedHash
from tests.agent.mosquitto import wait_until
from tests.patience import SOON_S

SIZE = 3 * 1024 * 1024 + 512
ENDLESS = PatternSpan("00", 1 << 60)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Each step that was made: (where it begins, its thread's priority)."""
    made: list[tuple[int, int]] = []
    step = FixedHash._step

    def noted(hashed: FixedHash, patience_s: float) -> None:
        made.append((hashed.position, os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))
        step(hashed, patience_s)

    monkeypatch.setattr(FixedHash, "_step", noted)
    monkeypatch.setattr(expected_hash, "STEP", 64 * 1024)
    return made


def _unexpected(made: HashMade) -> None:
    raise AssertionError(made)


def gone() -> bool:
    """Whether the thread has ended."""
    return not any(thread.name == "hash-ahead" for thread in threading.enumerate())


def test_what_is_wanted_is_made_behind_everything_else_and_its_thread_ends(steps: list[tuple[int, int]]) -> None:
    made: queue.SimpleQueue[HashMade] = queue.SimpleQueue()
    ahead = HashAhead(made.put)
    for pattern in ("00", "924924"):
        place = PatternSpan(pattern, SIZE)
        ahead.want(place)
        image = (bytes.fromhex(pattern) * SIZE)[:SIZE]
        assert made.get(timeout=SOON_S) == HashMade(place, blake3(image).hexdigest())
    assert {priority for _, priority in steps} == {NICE}
    wait_until(gone, "the thread ends")


def test_it_rests_at_once_and_goes_on_where_it_was(steps: list[tuple[int, int]]) -> None:
    ahead = HashAhead(_unexpected)
    ahead.want(ENDLESS)
    ahead.want(ENDLESS)
    wait_until(lambda: len(steps) > 3, "it works")
    ahead.want(None)
    wait_until(gone, "it rests")
    rested = len(steps)
    ahead.want(ENDLESS)
    wait_until(lambda: len(steps) > rested, "it goes on")
    ahead.want(None)
    wait_until(gone, "it rests")
    assert [at for at, _ in steps] == [n * 64 * 1024 for n in range(len(steps))], (
        "nothing was hashed twice, or left out"
    )


def test_another_wish_takes_the_place_of_one(steps: list[tuple[int, int]]) -> None:
    made: queue.SimpleQueue[HashMade] = queue.SimpleQueue()
    ahead = HashAhead(made.put)
    ahead.want(ENDLESS)
    wait_until(lambda: bool(steps), "it works")
    ahead.want(PatternSpan("ff", SIZE))
    assert made.get(timeout=SOON_S).place == PatternSpan("ff", SIZE)
    wait_until(gone, "the thread ends")
