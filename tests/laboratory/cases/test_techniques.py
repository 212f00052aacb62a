"""Every firmware technique end to end: planned, executed, verified, certified; with each fault that applies to it."""

from __future__ import annotations

import pytest

from tests.laboratory.conftest import RESULTS
from tests.laboratory.rig import Rig
from tests.laboratory.scenarios import Fault, every, locks, sanitizes
from tests.laboratory.subjects import AtaSubject
from tests.laboratory.table import Found, note
from tests.slices import some

ALL = [pytest.param(technique, fault, id=f"{technique}-{fault.name}") for technique, fault in every()]
GONE_ON_WITH = ("killed, resumed", "power cut, resumed")


@pytest.mark.parametrize(("technique", "fault"), some(ALL, each=3))
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
    if fault.name in GONE_ON_WITH:
        assert [record.outcome for record in rig.certificates()] == ["erased"], "one job, one certificate"
    if fault.name in GONE_ON_WITH and sanitizes(technique):
        tells_nothing = fault.name == "power cut, resumed" and technique.startswith("scsi")
        assert (drive.eraser.starts > 1) == tells_nothing, "started again, or not"
    if (
        locks(technique)
        and isinstance(drive, AtaSubject)
        and fault.name in ("no fault", "fails", "lies", *GONE_ON_WITH)
    ):
        assert drive.drive.lock.user is None, "the drive was left locked"
