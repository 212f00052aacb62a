"""Every firmware technique end to end: planned, executed, verified, certified; with each fault that applies to it."""

from __future__ import annotations

import pytest

from tests.bench.conftest import RESULTS
from tests.bench.rig import Rig
from tests.bench.scenarios import Fault, every, locks, sanitizes
from tests.bench.subjects import AtaSubject
from tests.bench.table import Found, note

ALL = [pytest.param(technique, fault, id=f"{technique}-{fault.name}") for technique, fault in every()]


@pytest.mark.parametrize(("technique", "fault"), ALL)
def test_technique(rig: Rig, technique: str, fault: Fault) -> None:
    trial = fault.run(rig, technique)
    ended, drive = trial.ended, trial.subject
    note(RESULTS, Found(technique, fault.name, ended.outcome, trial.false_success))
    assert not trial.false_success, ended.said
    assert ended.outcome in fault.allowed, ended.said
    if ended.outcome == "refused":
        assert drive.eraser.starts == 0
        return
    assert ended.record is not None, ended.said
    if ended.outcome == "erased":
        assert ended.record.sanitization.technique == technique
        assert drive.medium.secrets() == 0 or drive.hidden_secrets()
    if sanitizes(technique) and fault.name == "killed, resumed":
        assert drive.eraser.starts == 1, "an erasure that was running was started again"
    if locks(technique) and isinstance(drive, AtaSubject) and fault.name in ("no fault", "fails", "lies"):
        assert drive.drive.lock.user is None, "the drive was left locked"
