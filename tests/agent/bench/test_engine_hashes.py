"""Which hashes the engine has made while no bay works, and that it keeps them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.bench.engine import REST_S
from agent.bench.events import HashMade
from agent.erase import PatternSpan
from agent.jobs.hash_rows import MOST_KEPT
from tests.agent.engine_rig import CAPACITY, Rig, drive, erased, settings

DIGEST = "ab" * 32
WANTED = PatternSpan("00", CAPACITY)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A bench in scan mode: a drive that comes in waits for its tag."""
    made = Rig(tmp_path / "state", settings(mode="scan"))
    yield made
    made.close()


def sql(rig: Rig, statement: str) -> list[tuple[object, ...]]:
    """What stands in the ledger."""
    with contextlib.closing(sqlite3.connect(rig.ledger.path)) as db, db:
        return db.execute(statement).fetchall()


def test_a_drive_that_waits_has_its_hash_made_and_kept(rig: Rig) -> None:
    rig.engine.tick()
    assert rig.effects.ahead is None
    rig.arrive("A1")
    assert rig.effects.ahead == WANTED
    rig.engine.handle(HashMade(WANTED, DIGEST))
    rig.engine.tick()
    assert rig.effects.ahead is None
    assert sql(rig, "SELECT pattern, capacity, blake3, made_by FROM pattern_hash") == [(*WANTED, DIGEST, "idle")]


def test_nothing_is_made_while_a_bay_works_and_the_job_is_given_what_is_known(rig: Rig) -> None:
    rig.arrive("A1")
    rig.arrive("A2", drive("S2", capacity_bytes=2 * CAPACITY))
    rig.engine.handle(HashMade(WANTED, DIGEST))
    rig.sign_in()
    rig.scan("KK-0001", "BAY-A1")
    rig.wait(10.1)
    assert rig.working("A1")
    assert rig.effects.ahead is None
    known = rig.worker("A1").spec.known_hash
    assert (known.blake3 if known else None) == (None if rig.worker("A1").spec.hash_anew else DIGEST)
    rig.end("A1", erased())
    assert rig.effects.ahead == PatternSpan("00", 2 * CAPACITY)


def test_a_hash_that_cannot_be_kept_is_not_made_again_and_again(rig: Rig) -> None:
    rig.arrive("A1")
    rig.break_ledger("pattern_hash")
    for _ in range(3):
        rig.engine.handle(HashMade(WANTED, DIGEST))
        rig.engine.tick()
        assert rig.effects.ahead is None
    assert rig.state("A1") == "waiting"


def test_a_refused_drive_wants_none_nor_does_a_damaged_row(rig: Rig) -> None:
    rig.arrive("A1")
    rig.engine.handle(HashMade(WANTED, DIGEST))
    for damage in (
        "('zz', 512, 0)",
        "('00', 'much', 0)",
        "('00', -1, 0)",
        "('00', 999999999999999, 0)",
        "(x'00', 5, 0)",
    ):
        sql(rig, f"INSERT INTO pattern_hash (pattern, capacity, asked) VALUES {damage}")
    rig.restart()
    rig.wait(1)
    assert rig.effects.ahead is None


def test_drives_of_earlier_jobs_are_remembered_and_no_more_than_a_bound(rig: Rig) -> None:
    rig.arrive("A1")
    rig.sign_in()
    rig.scan("KK-0001", "BAY-A1")
    sql(rig, "DELETE FROM pattern_hash")
    rig.restart()
    rig.wait(1)
    assert rig.effects.ahead == WANTED
    planned = rig.engine.bays["A1"].job or rig.ledger.newest_jobs(1)[0]
    for n in range(1, MOST_KEPT + 20):
        rig.registrar.hashes.want(planned.plan, n * 512)
    assert sql(rig, "SELECT COUNT(*) FROM pattern_hash") == [(MOST_KEPT,)]


def test_an_idle_bench_gives_back_memory_once_and_again_after_a_job(rig: Rig) -> None:
    rig.wait(REST_S - 0.5)
    assert rig.effects.rests == 0
    rig.wait(1)
    rig.wait(100)
    assert rig.effects.rests == 1
    rig.arrive("A1")
    rig.sign_in()
    rig.scan("KK-0001", "BAY-A1")
    rig.wait(10.1)
    assert rig.working("A1")
    rig.wait(2 * REST_S)
    assert rig.effects.rests == 1
    rig.end("A1", erased())
    rig.wait(REST_S + 1)
    assert rig.effects.rests == 2
