"""A drive in a bay whose firmware was asked what it hides, and did not answer."""

from __future__ import annotations

from pathlib import Path

from agent.certificates.outcome import SILENT
from tests.agent.engine_rig import Rig, drive, erased, settings


def test_a_silent_drive_waits_for_its_answer_and_is_refused_when_there_is_none(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    token = rig.arrive("A1", drive(silent=True), refusals=(SILENT,))
    assert (rig.state("A1"), rig.engine.bays["A1"].reason) == ("blocked", SILENT)
    rig.arrive("A1", token=token)
    assert rig.state("A1") == "countdown"
    rig.arrive("A2", drive("S2", silent=True))
    assert rig.state("A2") == "finished"
    (refused,) = rig.certificates()
    assert refused.record.reason is not None
    assert (refused.record.outcome, refused.record.reason.code) == ("refused", "BW-P08")


def test_a_silent_drive_is_erased_where_that_is_accepted_and_its_certificate_says_what_is_not_known(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path / "accepting", settings(policy="accepting"))
    rig.arrive("A1", drive(silent=True))
    rig.wait(11)
    (worker,) = rig.effects.workers
    assert worker.spec.hidden_accepted
    rig.end("A1", erased())
    (certificate,) = rig.certificates()
    assert certificate.record.outcome == "erased"
    assert any("did not answer in time" in what for what in certificate.record.sanitization.not_reached)
