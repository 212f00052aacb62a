"""Hashes that the station's ledger knows from earlier jobs: what they spare, and that a wrong one does no harm."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from agent.erase import expected_hash
from agent.erase.expected_hash import FixedHash, SharedHashes
from agent.erase.pattern import FixedFill
from agent.jobs import pattern_hashes
from tests.agent.commands.conftest import Call, payload
from tests.drivers.drives.conftest import MIB, Loops
from tests.slices import some

WRONG = "77" * 32


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The capacities of the hashes that were made; every command is a process that knows none."""
    begun: list[int] = []
    start = FixedHash.start

    def noted(hashed: FixedHash) -> None:
        begun.append(hashed.capacity)
        start(hashed)

    monkeypatch.setattr(FixedHash, "start", noted)
    monkeypatch.setattr(pattern_hashes, "CHECKED_ONE_IN", 10**9)
    return begun


def erase(call: Call, device: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> dict[str, object]:
    """The certificate of an erasure, as a new process makes it."""
    monkeypatch.setattr(expected_hash, "SHARED", SharedHashes())
    done = call("erase", device, "--yes", "--json", *words)
    assert done.outcomes == ["erased"], done.err
    verification = payload(Path(done.results[0]["certificate_file"]))["verification"]
    assert verification["blake3"] == verification["expected_blake3"] == blake3(Path(device).read_bytes()).hexdigest()
    return dict(verification)


def sql(folder: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """What somebody does to the ledger behind the station's back."""
    with contextlib.closing(sqlite3.connect(folder / "state" / "ledger.sqlite3")) as db, db:
        return db.execute(statement, values).fetchall()


def test_the_second_drive_of_a_size_costs_no_hash(
    call: Call, loops: Loops, tmp_path: Path, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, other = (loops.attach(loops.image(size)) for size in (8 * MIB, 8 * MIB, 9 * MIB))
    erase(call, first, monkeypatch)
    erase(call, second, monkeypatch)
    assert made == [8 * MIB]
    erase(call, other, monkeypatch)
    erase(call, second, monkeypatch, "--method", "one")
    assert made == [8 * MIB, 9 * MIB, 8 * MIB]
    rows = sql(
        tmp_path, "SELECT pattern, capacity, made_by IN (SELECT id FROM job), made_at > '2026' FROM pattern_hash"
    )
    assert sorted(rows) == [("00", 8 * MIB, 1, 1), ("00", 9 * MIB, 1, 1), ("ff", 8 * MIB, 1, 1)]


def test_the_first_drive_of_a_size_says_what_its_hash_cost(
    call: Call,
    loops: Loops,
    made: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(expected_hash, "TOLD_S", 0.0)
    for hashes, size in ((1, 8 * MIB), (1, 8 * MIB), (2, 9 * MIB)):
        erase(call, loops.attach(loops.image(size)), monkeypatch)
        assert len(made) == hashes
        assert caplog.text.count("its hash took") == hashes
    assert f"pattern 00 over {9 * MIB} bytes: its hash took 0.0 s of a processor" in caplog.text


@pytest.mark.parametrize(
    "damage",
    some(
        [
            f"UPDATE pattern_hash SET blake3 = '{WRONG}'",
            "UPDATE pattern_hash SET blake3 = 'rubbish', seal = x'00'",
            "UPDATE pattern_hash SET seal = NULL",
            "UPDATE pattern_hash SET seal = 'text', made_by = NULL",
            f"UPDATE pattern_hash SET blake3 = x'{WRONG}'",
            "UPDATE pattern_hash SET made_at = '2020-01-01T00:00:00Z'",
            # Each with a seal of this station: of another pattern, or another size.
            f"UPDATE pattern_hash SET capacity = {8 * MIB}",
            "UPDATE OR REPLACE pattern_hash SET pattern = '00' WHERE pattern = 'ff'",
            "UPDATE pattern_hash SET capacity = 'rubbish' || rowid, pattern = 'zz'",
            "DELETE FROM pattern_hash",
            "DROP TABLE pattern_hash",
        ],
        each=5,
    ),
)
def test_a_damaged_row_is_not_believed(
    call: Call, loops: Loops, tmp_path: Path, made: list[int], monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    size = 9 * MIB if "capacity = 8" in damage else 8 * MIB
    for method in ("zero", "one"):
        erase(call, loops.attach(loops.image(size)), monkeypatch, "--method", method)
    sql(tmp_path, damage)
    erase(call, loops.attach(loops.image(8 * MIB)), monkeypatch)
    assert len(made) == 3
    if not damage.startswith("DROP"):
        erase(call, loops.attach(loops.image(8 * MIB)), monkeypatch)
        assert len(made) == 3, "what was made anew is remembered"


def test_a_row_of_another_station_is_not_believed(
    call: Call, loops: Loops, tmp_path: Path, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = loops.attach(loops.image(8 * MIB))
    erase(call, device, monkeypatch)
    rows = sql(tmp_path, "SELECT pattern, capacity, blake3, made_by, made_at, seal, asked FROM pattern_hash")
    (tmp_path / "state").rename(tmp_path / "elsewhere")
    erase(call, device, monkeypatch, "--method", "random")
    sql(
        tmp_path,
        "INSERT INTO pattern_hash (pattern, capacity, blake3, made_by, made_at, seal, asked) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        *rows[0],
    )
    erase(call, device, monkeypatch)
    assert made == [8 * MIB, 8 * MIB]


def test_a_wrong_hash_that_the_station_sealed_itself_is_found_by_the_check_and_forgotten(
    call: Call,
    loops: Loops,
    tmp_path: Path,
    made: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    device = loops.attach(loops.image(8 * MIB))
    with monkeypatch.context() as patch:  # memory that fails, say
        patch.setattr(pattern_hashes.PatternHashes, "_seal", _sealing_wrong(pattern_hashes.PatternHashes._seal))
        erase(call, device, monkeypatch)
    sql(tmp_path, "UPDATE pattern_hash SET blake3 = ?", WRONG)
    monkeypatch.setattr(pattern_hashes, "CHECKED_ONE_IN", 1)
    erase(call, device, monkeypatch)
    assert "is forgotten: job" in caplog.text
    assert sql(tmp_path, "SELECT blake3 FROM pattern_hash") == [(None,)]
    erase(call, device, monkeypatch)
    assert len(made) == 3
    erase(call, device, monkeypatch)
    assert sql(tmp_path, "SELECT checked_at > made_at OR checked_at = made_at FROM pattern_hash") == [(1,)]
    assert len(made) == 4


def _sealing_wrong(seal: Callable[..., bytes]) -> Callable[..., bytes]:
    return lambda self, place, _digest, by, at: seal(self, place, WRONG, by, at)


def test_a_drive_that_differs_from_a_wrong_hash_gets_the_right_one_on_its_certificate(
    call: Call, loops: Loops, tmp_path: Path, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = loops.attach(loops.image(8 * MIB))
    with monkeypatch.context() as patch:
        patch.setattr(pattern_hashes.PatternHashes, "_seal", _sealing_wrong(pattern_hashes.PatternHashes._seal))
        erase(call, device, monkeypatch)
    sql(tmp_path, "UPDATE pattern_hash SET blake3 = ?", WRONG)
    same = FixedFill.same
    monkeypatch.setattr(expected_hash, "SHARED", SharedHashes())
    with monkeypatch.context() as patch:  # the drive flips a bit of one block
        patch.setattr(
            FixedFill, "same", lambda self, found, offset, scratch: _flipped(same, self, found, offset, scratch)
        )
        done = call("erase", device, "--yes", "--json")
    assert done.outcomes == ["failed"]
    found = payload(Path(done.results[0]["certificate_file"]))["verification"]
    assert found["expected_blake3"] == blake3(bytes(8 * MIB)).hexdigest()
    assert found["blake3"] != found["expected_blake3"]
    assert sql(tmp_path, "SELECT blake3 FROM pattern_hash") == [(None,)], "it was found to be wrong"
    assert len(made) == 2


def _flipped(same: Callable[..., bool], fill: FixedFill, found: memoryview, offset: int, scratch: memoryview) -> bool:
    if offset == 4 * MIB:
        found[77] ^= 4
    return same(fill, found, offset, scratch)
