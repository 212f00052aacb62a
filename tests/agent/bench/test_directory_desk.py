"""A directory at the bench: in use at once, after a restart too, and answered always."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.bench.events import DirectoryArrived
from agent.messages import ReportedConfig
from tests.agent.engine_rig import Rig
from tests.agent.test_directory import KEYS, STRANGER, signed

NEW: dict[str, Any] = {
    "customers": [{"name": "Middelfart Kommune", "policy": "strict-77"}],
    "lots": [{"code": "LOT-77", "customer": "Middelfart Kommune"}],
    "operators": [{"badge": "BADGE-77", "id": "bo", "name": "Bo"}],
    "destinations": [{"code": "DEST-77", "name": "Shop"}],
    "policies": [{"name": "strict-77", "method": "nist-purge"}],
}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "state")
    made.controllers.update(KEYS)
    made.restart()
    yield made
    made.close()


def send(rig: Rig, body: bytes) -> ReportedConfig:
    rig.engine.handle(DirectoryArrived(body))
    report = rig.effects.reports[-1]
    assert report.hash == hashlib.sha256(body).hexdigest()
    return report


def lots(rig: Rig) -> list[str]:
    return [lot.code for lot in rig.engine._settings.lot if lot.code.startswith("LOT-77")]


def test_it_is_in_use_at_once_and_answered(rig: Rig) -> None:
    report = send(rig, signed(**NEW))
    assert (report.state, report.version, report.reason) == ("applied", 5, "")
    assert lots(rig) == ["LOT-77"]
    rig.scan("BADGE-77")
    assert rig.engine.context.operator is not None
    assert rig.engine.context.operator.id == "bo"
    rig.scan("LOT-77")
    assert rig.engine.context.lot is not None


def test_it_is_in_use_after_a_restart_without_a_network(rig: Rig) -> None:
    body = signed(**NEW)
    send(rig, body)
    rig.restart()
    assert lots(rig) == ["LOT-77"]
    assert rig.effects.reports[-1].state == "applied"


def test_an_older_one_or_another_of_the_same_version_is_never_taken(rig: Rig) -> None:
    send(rig, signed(version=5, **NEW))
    for body in (signed(version=4), signed(version=5)):
        report = send(rig, body)
        assert (report.state, "not newer than 5" in report.reason) == ("refused", True)
        assert lots(rig) == ["LOT-77"]
    assert send(rig, signed(version=5, **NEW)).state == "applied", "the same bytes again are no news"
    assert send(rig, signed(version=6)).state == "applied"
    assert lots(rig) == []


def test_one_that_is_refused_leaves_the_one_before_in_use(rig: Rig) -> None:
    send(rig, signed(**NEW))
    for body in (signed(STRANGER, version=9), signed(version=9, station="other"), b"nonsense"):
        assert send(rig, body).state == "refused"
        assert "directory" in rig.effects.alarms
        assert lots(rig) == ["LOT-77"]
    assert send(rig, signed(version=9, **NEW)).state == "applied"
    assert "directory" not in rig.effects.alarms


def test_what_is_at_work_keeps_its_plan(rig: Rig) -> None:
    send(rig, signed(**NEW))
    rig.arrive("A1")
    before = rig.engine.bays["A1"].job
    send(rig, signed(version=6))
    after = rig.engine.bays["A1"].job
    assert before is not None
    assert after is not None
    assert after.plan == before.plan
