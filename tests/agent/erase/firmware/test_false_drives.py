"""A counterfeit gets no command; whom nothing can show to be the drive of before is named as such."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.certificates.outcome import Erased, Failed
from agent.erase import Checkpoint
from drivers.drives.simulated import SimulatedDrive
from tests.agent.erase.firmware.rig import Bench

MIB = 1 << 20
REAL = 3 * MIB // 2
Request = Callable[[SimulatedDrive, memoryview, int], int]


def wrapped(request: Request) -> Request:
    """The same request of a drive whose addresses wrap."""

    def at_the_rest(drive: SimulatedDrive, buffer: memoryview, offset: int) -> int:
        done = 0
        while done < len(buffer):
            place = (offset + done) % REAL
            part = min(len(buffer) - done, REAL - place)
            done += request(drive, buffer[done : done + part], place)
        return done

    return at_the_rest


@pytest.mark.parametrize("technique", ["nvme-sanitize-crypto", "scsi-sanitize-block", "ata-secure-erase"])
def test_a_drive_that_wraps_is_failed_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, technique: str
) -> None:
    """Its sentinels lie at drawn places, which meet by luck only."""
    monkeypatch.setattr("tests.agent.erase.firmware.rig.SIZE", 4 * MIB)
    bench = Bench.made(tmp_path, technique)
    (tmp_path / "drives/one/image").write_bytes(bytes(4 * MIB))
    monkeypatch.setattr(SimulatedDrive, "write_from", wrapped(SimulatedDrive.write_from))
    monkeypatch.setattr(SimulatedDrive, "read_into", wrapped(SimulatedDrive.read_into))
    outcome = bench.run()
    assert isinstance(outcome, Failed)
    assert outcome.reason.code == "BW-E65"
    assert outcome.work.capacity_proof is not None
    assert outcome.work.capacity_proof.real_bytes == REAL
    assert bench.point is not None
    assert bench.point.firmware is not None
    assert bench.point.firmware.step == "prepared"


@pytest.mark.parametrize("technique", ["nvme-sanitize-block", "scsi-sanitize-block", "ata-secure-erase-enhanced"])
def test_a_drive_that_has_what_it_shows_is_proved_before_its_sentinels_are_planted(
    tmp_path: Path, technique: str
) -> None:
    bench = Bench.made(tmp_path, technique)
    outcome = bench.run()
    assert isinstance(outcome, Erased)
    assert outcome.work.capacity_proof is not None
    assert outcome.work.capacity_proof.result == "passed"
    assert outcome.work.verification.sentinels is not None
    assert outcome.work.resumed == ()


def test_a_job_that_joins_what_a_drive_is_at_says_that_nothing_shows_the_medium(tmp_path: Path) -> None:
    bench = Bench.made(tmp_path, "nvme-sanitize-block", steps=4)
    accepted: list[object] = []

    def die(report: object) -> None:
        bench.emit(report)  # type: ignore[arg-type]
        if isinstance(report, Checkpoint) and report.point.firmware and report.point.firmware.step == "accepted":
            accepted.append(report)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.run(emit=die)
    assert accepted
    assert bench.point is not None
    first = bench.point.capacity_proof
    outcome = bench.run()
    assert isinstance(outcome, Erased)
    assert [(r.places, r.result) for r in outcome.work.resumed] == [(0, "not-run")]
    assert outcome.work.capacity_proof == first
