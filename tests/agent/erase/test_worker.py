"""One drive from open to outcome: nothing raises, nothing is claimed that was not proven, health stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.certificates.outcome import (
    CANCELLED,
    DRIVE_EXCHANGED,
    PULLED_OUT,
    TOO_HOT,
    Aborted,
    Erased,
    Failed,
    Outcome,
    Refused,
)
from agent.certificates.record import Interruption
from agent.erase import Checkpoint, EraseSpec, Progress, ResumePoint, presence
from agent.erase.signals import Stop
from agent.erase.worker import ANOTHER_DRIVE, EXCHANGED, _still_the_same, ask_health, run_job
from drivers.drives.base import DriveGone, DriveInUse, DriveMute, DriveUnasked, OpenDrive
from drivers.drives.drive import Drive, Others, Writes
from drivers.drives.simulated import Driver, Settings, make_drive, pull
from tests.agent.engine_rig import erased

SIZE = 4 << 20
AGAIN = Interruption(at="2026-11-22T20:00:00Z", reason="lost power", resumed_at_offset=0)
POINT = ResumePoint(pass_number=1, offset=1 << 20, interruptions=(AGAIN,))


@pytest.fixture
def source(tmp_path: Path) -> Driver:
    """A port p1 with a drive in it."""
    make_drive(tmp_path, "S1", SIZE, port="p1")
    return Driver("source", Settings(folder=str(tmp_path)))


def spec(**facts: Any) -> EraseSpec:  # noqa: ANN401 - fields of EraseSpec
    """Zeros, read back in full."""
    return EraseSpec(**{"job": "job-1", "method": "zero", **facts})


def run(source: Driver, open_drive: Callable[[], OpenDrive] | None = None, **given: Any) -> Any:  # noqa: ANN401
    """The outcome for the drive in p1."""
    made = given.pop("spec", spec())
    planned = given.pop("planned", None) or source.look("p1")
    emit = given.pop("emit", lambda _report: None)
    return run_job(planned, made, open_drive or (lambda: source.open("p1")), emit, given.pop("stop", Stop()), **given)


def raising(error: Exception) -> Callable[[], OpenDrive]:
    """An open that fails so."""

    def opens() -> OpenDrive:
        raise error

    return opens


def test_a_drive_is_erased_and_let_go_of(source: Driver) -> None:
    outcome = run(source)
    assert isinstance(outcome, Erased)
    assert outcome.work.verification.result == "passed"
    source.open("p1").close()  # nobody holds it any more


def test_another_drive_than_the_planned_one_is_refused_untouched(source: Driver, tmp_path: Path) -> None:
    image = tmp_path / "drives" / "S1" / "image"
    image.write_bytes(b"x" * SIZE)
    planned = msgspec.structs.replace(source.look("p1"), serial="S2")
    assert run(source, planned=planned) == Refused(ANOTHER_DRIVE)
    assert image.read_bytes() == b"x" * SIZE


def test_the_same_drive_in_another_appearance_is_refused(source: Driver) -> None:
    planned = msgspec.structs.replace(source.look("p1"), disk_sequence=7)
    opened = source.open("p1")
    opened.drive = msgspec.structs.replace(opened.drive, disk_sequence=8)
    assert run(source, lambda: opened, planned=planned) == Refused(ANOTHER_DRIVE)


@pytest.mark.parametrize(
    ("error", "code"),
    [(DriveInUse(device="x"), "BW-B02"), (PermissionError(13, "denied"), "BW-B05"), (OSError(5, "I/O"), "BW-B05")],
)
def test_what_cannot_be_opened_is_refused_with_its_code(source: Driver, error: Exception, code: str) -> None:
    outcome = run(source, raising(error))
    assert isinstance(outcome, Refused)
    assert outcome.reason.code == code


def test_a_job_that_goes_on_is_aborted_and_not_refused_when_it_cannot_be_opened(source: Driver) -> None:
    outcome = run(source, raising(DriveInUse(device="x")), spec=spec(resume=POINT))
    assert isinstance(outcome, Aborted)
    assert outcome.work.interruptions == (AGAIN,)
    outcome = run(source, raising(DriveGone(device="x")), spec=spec(interruption=AGAIN))
    assert isinstance(outcome, Aborted)
    assert (outcome.reason, outcome.work.interruptions) == (PULLED_OUT, (AGAIN,))


@pytest.mark.parametrize(
    ("others", "code", "writers"),
    [
        (Others(), None, "none"),
        (Others(unseen="this is a container", counted=True), None, "unknown"),
        (Others(users=("qemu (process 7) has /dev/sdb open for writing",)), "BW-S33", "none"),
        (Others(unseen="this is a container", counted=False), "BW-S34", "unknown"),
        (DriveUnasked(device="/dev/sdb", problem="/dev/loop3"), "BW-S36", "unknown"),
    ],
)
def test_nothing_is_erased_whom_somebody_else_could_write_to_at_the_end(
    source: Driver, monkeypatch: pytest.MonkeyPatch, others: Others | DriveUnasked, code: str | None, writers: str
) -> None:
    def answer(_drive: OpenDrive) -> Others:
        if isinstance(others, DriveUnasked):
            raise others
        return others

    monkeypatch.setattr(OpenDrive, "others", answer)
    if isinstance(others, Others) and others.counted:
        monkeypatch.setattr(OpenDrive, "written", lambda _drive: Writes(ours=1, seen=1))
    outcome = run(source)
    assert outcome.work.verification.writers == writers
    assert outcome.work.verification.result == "passed"
    assert (outcome.reason.code if isinstance(outcome, Failed) else None) == code
    if code == "BW-S33":
        assert "qemu (process 7)" in outcome.reason.text
        assert "erase it again" in outcome.reason.hint


@pytest.mark.parametrize("at", ["open", "work"])
def test_a_defect_of_ours_is_a_failure_with_a_code(source: Driver, at: str) -> None:
    def breaks(_report: Progress | Checkpoint) -> None:
        raise KeyError("defect")

    given: dict[str, Any] = {"emit": breaks} if at == "work" else {"open_drive": raising(KeyError("defect"))}
    outcome = run(source, **given)
    assert isinstance(outcome, Failed)
    assert outcome.reason.code == "BW-E90"
    assert "KeyError" in outcome.reason.text


def test_a_pulled_drive_and_a_cancelled_job_are_aborted(source: Driver, tmp_path: Path) -> None:
    stop = Stop()
    stop.request(CANCELLED)
    outcome = run(source, stop=stop)
    assert isinstance(outcome, Aborted)
    assert outcome.reason == CANCELLED
    planned = source.look("p1")
    opened = source.open("p1")
    pull(tmp_path, "p1")
    outcome = run(source, lambda: opened, planned=planned)
    assert isinstance(outcome, Aborted)
    assert outcome.reason == PULLED_OUT


def test_a_drive_that_changed_its_identity_meanwhile_is_not_erased(source: Driver) -> None:
    opened = source.open("p1")
    other = msgspec.structs.replace(opened.drive, serial="S2")
    opened.identify_again = lambda: other  # type: ignore[method-assign]
    outcome = run(source, lambda: opened)
    assert outcome.reason in (EXCHANGED, DRIVE_EXCHANGED)


@pytest.mark.parametrize(("answers", "ends"), [("gone", Aborted), ("mute", Failed), ("itself", Erased), ("S2", Failed)])
def test_a_drive_that_is_mute_before_it_is_certified_is_asked_again_and_may_be_gone(
    source: Driver, monkeypatch: pytest.MonkeyPatch, answers: str, ends: type[Outcome]
) -> None:
    """Pulled out in the last moment: its bridge fails at once, and the kernel lets go of it a moment later."""
    monkeypatch.setattr(presence, "SETTLE_S", 0.4)
    opened, asked = source.open("p1"), iter(range(1000))

    def identify_again() -> Drive:
        if next(asked) < 2 or answers == "mute":
            raise DriveMute(device="p1")
        if answers == "gone":
            raise DriveGone(device="p1")
        return opened.drive if answers == "itself" else msgspec.structs.replace(opened.drive, serial=answers)

    opened.identify_again = identify_again  # type: ignore[method-assign]
    outcome = _still_the_same(opened, opened.drive, erased())
    opened.close()
    assert isinstance(outcome, ends)
    if isinstance(outcome, Aborted):
        assert outcome.reason == PULLED_OUT


# Health


def test_health_before_and_after_stands_beside_the_outcome(source: Driver) -> None:
    hours = iter(range(100, 200))
    outcome = run(source, doctor=lambda _drive: {"power_on_hours": next(hours)})
    assert isinstance(outcome, Erased)
    assert outcome.work.health.before == {"power_on_hours": 100}
    assert outcome.work.health.after == {"power_on_hours": 101}


def test_a_drive_that_tells_nothing_has_no_health_and_is_erased_all_the_same(source: Driver) -> None:
    outcome = run(source, doctor=lambda _drive: None)
    assert isinstance(outcome, Erased)
    assert (outcome.work.health.before, outcome.work.health.after) == (None, None)


def test_a_drive_that_is_too_hot_is_aborted_by_the_limits_of_its_kind(source: Driver, tmp_path: Path) -> None:
    make_drive(tmp_path, "SLOW", SIZE, port="p2", mb_per_s=2)
    outcome = run(source, lambda: source.open("p2"), planned=source.look("p2"), doctor=lambda _: {"temperature_c": 66})
    assert isinstance(outcome, Aborted)
    assert outcome.reason == TOO_HOT


def test_only_real_drives_are_asked_and_only_where_the_path_still_leads_to_them(source: Driver) -> None:
    assert ask_health(source.look("p1")) is None
    loop = Drive(device="/dev/loop0", capacity_bytes=SIZE, number="7:0", transport="loop")
    assert ask_health(loop) is None
    moved = Drive(device="/dev/zero", capacity_bytes=SIZE, number="8:0", transport="sata")
    assert ask_health(moved) is None
