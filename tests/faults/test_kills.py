"""A few of the SIGKILLs; `make prove-kills` tries hundreds."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.engine_rig import Rig, drive
from tests.faults.kill_account import Account, account
from tests.faults.kill_bench import DaemonBench
from tests.faults.kill_run import Log, Run, Target
from tests.faults.rig import missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=f"the bench of kills {missing()}")


def test_whatever_is_killed_no_certificate_is_lost_doubled_or_false() -> None:
    command = [sys.executable, "-m", "tests.faults.kills", "--runs", "8", "--seed", "7", "--minutes", "2"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=170, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("8 SIGKILLs in ")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A state folder with two certificates, as it should be."""
    rig = Rig(tmp_path / "kept")
    for serial in ("S1", "S2"):
        rig.arrive("A1", drive(serial))
        rig.erase("A1")
        rig.leave("A1")
    rig.close()
    return tmp_path / "kept"


def test_the_account_of_what_is_right_is_clean(kept: Path) -> None:
    assert account(kept) == Account()


@pytest.mark.parametrize(
    ("sql", "wrong"),
    [
        ("UPDATE certificate SET sequence = 7 WHERE sequence = 2", "chain_breaks"),
        ("DELETE FROM outbox WHERE rowid = 1", "lost_certificates"),
        ("DELETE FROM certificate WHERE sequence = 2", "lost_certificates"),
        ("UPDATE certificate SET job = (SELECT MIN(job) FROM certificate)", "other"),
        ("UPDATE job SET state = 'erasing'", "other"),
    ],
)
def test_the_account_sees_what_is_wrong_in_the_ledger(kept: Path, tmp_path: Path, sql: str, wrong: str) -> None:
    state = shutil.copytree(kept, tmp_path / "state")
    with sqlite3.connect(state / "ledger.sqlite3") as db:
        db.execute(sql)
    assert getattr(account(state), wrong) > 0


def test_the_account_sees_a_number_given_twice_and_a_file_that_is_gone(kept: Path, tmp_path: Path) -> None:
    state = shutil.copytree(kept, tmp_path / "state")
    one, two = sorted((state / "certificates").iterdir())
    two.write_bytes(one.read_bytes())
    assert account(state).double_numbers == 1
    two.unlink()
    assert account(state).lost_certificates > 0


class Lies(DaemonBench):
    """A program that certifies a drive, and leaves it as it was."""

    def _run(self, target: Target | None, chance: random.Random) -> Run:
        self._said = ["erased"]
        return Run(Log(), 0, "", "")

    def _certificates(self) -> list[str]:
        return getattr(self, "_said", [])


def test_secrets_on_a_drive_that_is_called_erased_are_seen() -> None:
    with Lies() as bench:
        bench.work_on_one_drive(lambda: None, random.Random(1))
        assert bench.false_erased == 1
