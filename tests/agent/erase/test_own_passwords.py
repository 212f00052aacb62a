"""Passwords of jobs that sent nothing must not stand between a drive that our crash left locked and its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.certificates.outcome import FROZEN, Erased, Outcome, Refused
from agent.erase.signals import Stop
from agent.erase.worker import run_job
from agent.jobs.job import JobState, advance
from agent.jobs.new_job import new_job
from agent.jobs.registrar import Registrar, identity
from agent.planning.plan import Plan, plan
from agent.planning.policy import Policy
from agent.settings import Settings
from drivers.drives.drive import Drive
from drivers.drives.simulated import Driver, make_drive
from drivers.drives.simulated import Settings as Folder

SIZE = 64 << 10
SECURE = Policy(name="own", method="ata-secure-erase")


@pytest.fixture
def registrar(tmp_path: Path) -> Iterator[Registrar]:
    made = Registrar(Settings(), tmp_path / "state")
    made.ledger.certificates_dir.mkdir(parents=True, exist_ok=True)
    yield made
    made.close()


def worked(registrar: Registrar, drive: Drive) -> Outcome:
    """One job, from plan to certificate."""
    planned = plan(drive, SECURE)
    assert isinstance(planned, Plan)
    job = registrar.open_job(msgspec.structs.replace(new_job(drive), plan=planned))
    spec = registrar.spec(job, drives_at_once=1)
    source = Driver("source", Folder(folder=drive.device.rpartition("/ports/")[0]))

    stop = Stop()

    def emit(report: Any) -> None:  # noqa: ANN401
        stop.receipts.tell(getattr(report, "receipt", None), True)

    outcome = run_job(source.look("p1"), spec, lambda: source.open("p1"), emit, stop)
    registrar.issue(advance(job, JobState.ERASING), outcome)
    return outcome


def test_a_drive_that_our_crash_left_locked_is_opened_after_any_number_of_jobs_that_touched_nothing(
    registrar: Registrar, tmp_path: Path
) -> None:
    who = Driver("source", Folder(folder=str(tmp_path)))
    make_drive(tmp_path, "S1", SIZE, port="p1", media="hdd", commands={"speaks": "ata", "security": True})
    drive = who.look("p1")
    crashed = registrar.open_job(msgspec.structs.replace(new_job(drive), plan=plan(drive, SECURE)))
    (ours,) = registrar.spec(crashed, drives_at_once=1).passwords
    description = tmp_path / "drives/S1/drive.toml"
    plain = description.read_text()
    description.write_text(plain + f'password = "{bytes.fromhex(ours).decode()}"\nfrozen = true\n')
    for _ in range(6):
        assert worked(registrar, drive) == Refused(FROZEN)
    assert registrar.ledger.passwords.of(identity(drive)) == (bytes.fromhex(ours),)
    description.write_text(description.read_text().replace("frozen = true", "frozen = false"))
    assert isinstance(worked(registrar, drive), Erased)
    assert registrar.ledger.passwords.of(identity(drive)) == ()
