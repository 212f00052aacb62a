"""Hidden areas and frozen security, before an erasure: only the planned drive, and only what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.certificates.outcome import CANCELLED, Aborted, Erased, Outcome, Refused
from agent.erase import EraseSpec, Renewed, prepare
from agent.erase.prepare import BayServices, Preparation
from agent.erase.signals import Stop
from agent.erase.worker import run_job
from drivers.drives.base import DriveError, OpenDrive
from drivers.drives.simulated import Driver, Settings, make_drive, plug, pull
from drivers.errors import OutputDidNotFollow

SIZE, PART = 4 << 20, 1 << 20
REVEAL = EraseSpec(job="job-1", method="zero", prepare=("reveal",))


class Bay:
    """One port, its drive, and a hand that pulls the plug and puts it back."""

    def __init__(self, folder: Path, **commands: Any) -> None:  # noqa: ANN401 - fields of Commands
        self.folder = folder
        self.place = make_drive(folder, "S1", SIZE, port="p1", media="hdd", commands={"speaks": "ata", **commands})
        (self.place / "image").write_bytes(b"secret__" * (SIZE // 8))
        self.source = Driver("source", Settings(folder=str(folder)))
        self.reports: list[Any] = []
        self.cycles = 0
        self.stop = Stop()

    def cycle(self) -> None:
        self.cycles += 1
        pull(self.folder, "p1")
        plug(self.folder, "p1", "S1")

    def run(self, spec: EraseSpec = REVEAL, cycle: Callable[[], None] | None = None, **given: Any) -> Outcome:  # noqa: ANN401
        planned = given.pop("planned", None) or self.source.look("p1")
        return run_job(planned, spec, self.open, self.reports.append, self.stop, cycle=cycle)

    def open(self) -> OpenDrive:
        return self.source.open("p1")

    @property
    def image(self) -> bytes:
        return (self.place / "image").read_bytes()


@pytest.mark.parametrize(
    ("hides", "commands"),
    [
        ({"hpa": PART}, ["SET MAX ADDRESS EXT"]),
        ({"amac": PART}, ["SET ACCESSIBLE MAX ADDRESS EXT"]),
        ({"dco": PART}, ["DEVICE CONFIGURATION RESTORE"]),
        ({"hpa": PART, "dco": PART}, ["SET MAX ADDRESS EXT", "DEVICE CONFIGURATION RESTORE"]),
        ({"amac": PART, "dco": 2 * PART}, ["SET ACCESSIBLE MAX ADDRESS EXT", "DEVICE CONFIGURATION RESTORE"]),
    ],
)
def test_what_a_drive_hides_is_shown_in_order_erased_and_on_the_record(
    tmp_path: Path, hides: dict[str, int], commands: list[str]
) -> None:
    bay = Bay(tmp_path, **hides)
    before = bay.source.look("p1")
    assert before.capacity_bytes == SIZE - sum(hides.values())
    outcome = bay.run(cycle=bay.cycle)
    assert isinstance(outcome, Erased), outcome
    assert bay.image == bytes(SIZE)
    work = outcome.work
    assert [command.name for command in work.commands] == commands
    assert all(command.status.startswith("accepted") and command.raw for command in work.commands)
    assert work.drive is not None
    assert work.drive.capacity_bytes == work.verification.bytes == SIZE
    assert work.drive.hidden_area is not None
    assert (work.drive.hidden_area.outcome, work.drive.hidden_area.bytes) == ("removed", sum(hides.values()))
    assert bay.cycles == len(commands)
    renewed = [report.drive for report in bay.reports if isinstance(report, Renewed)]
    assert renewed[-1].fingerprint == bay.source.look("p1").fingerprint != before.fingerprint


def test_a_drive_that_says_it_shows_and_does_not_is_not_erased(tmp_path: Path) -> None:
    bay = Bay(tmp_path, hpa=PART, keeps_hidden=True)
    before = bay.image
    outcome = bay.run(cycle=bay.cycle)
    assert isinstance(outcome, Aborted)
    assert outcome.reason.code == "BW-E55"
    assert outcome.work.drive is not None
    assert outcome.work.drive.hidden_area is not None
    assert outcome.work.drive.hidden_area.outcome == "not-removed"
    assert bay.image == before


def write_silence(bay: Bay, how: str) -> None:
    """From now on its firmware is so silent."""
    settings = bay.place / "drive.toml"
    lines = [line for line in settings.read_text().splitlines() if not line.startswith("silent")]
    settings.write_text("\n".join([f'silent = "{how}"', *lines]) + "\n")


@pytest.mark.parametrize("how", ["half", "wholly"])
def test_a_drive_that_answered_when_it_was_planned_and_is_silent_when_it_is_opened_is_not_touched(
    tmp_path: Path, how: str
) -> None:
    """Else nobody would see the hidden area that was to be shown first."""
    bay = Bay(tmp_path, hpa=PART)
    planned, before = bay.source.look("p1"), bay.image
    write_silence(bay, how)
    for spec in (REVEAL, msgspec.structs.replace(REVEAL, hidden_accepted=True)):
        outcome = bay.run(spec, cycle=bay.cycle, planned=planned)
        assert isinstance(outcome, Refused)
        assert outcome.reason.code == "BW-P08"
    assert bay.image == before
    assert bay.cycles == 0


def test_a_drive_that_was_silent_already_is_erased_only_where_that_was_accepted(tmp_path: Path) -> None:
    bay = Bay(tmp_path, hpa=PART)
    write_silence(bay, "wholly")
    overwrite = EraseSpec(job="job-1", method="zero")
    before = bay.image
    assert isinstance(bay.run(overwrite), Refused)
    assert bay.image == before
    outcome = bay.run(msgspec.structs.replace(overwrite, hidden_accepted=True))
    assert isinstance(outcome, Erased)
    assert outcome.work.drive is not None
    assert outcome.work.drive.silent


def test_a_drive_that_is_silent_after_its_power_was_off_is_waited_for(tmp_path: Path) -> None:
    bay = Bay(tmp_path, hpa=PART, dco=PART)
    opened = []

    def cycle() -> None:
        bay.cycle()
        write_silence(bay, "half")

    def reopen() -> OpenDrive:
        found = bay.source.open("p1")
        opened.append(found.drive.silent)
        write_silence(bay, "no")
        return found

    planned = bay.source.look("p1")
    outcome = run_job(planned, REVEAL, reopen, bay.reports.append, bay.stop, cycle=cycle)
    assert isinstance(outcome, Erased), outcome
    assert bay.image == bytes(SIZE)
    assert opened == [False, True, False, True, False]


def test_a_drive_that_stays_silent_after_its_power_was_off_is_not_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beneath the HPA that it shows now there may be more."""
    monkeypatch.setattr(prepare, "APPEAR_S", 0.3)
    bay = Bay(tmp_path, hpa=PART, dco=PART)
    before = bay.image

    def cycle() -> None:
        bay.cycle()
        write_silence(bay, "half")

    outcome = bay.run(cycle=cycle)
    assert isinstance(outcome, Aborted)
    assert outcome.reason.code == "BW-P08"
    assert bay.image == before


def test_without_power_to_switch_it_is_shown_and_the_technician_plugs_it_in_again(tmp_path: Path) -> None:
    bay = Bay(tmp_path, hpa=PART)
    before = bay.image
    outcome = bay.run()
    assert isinstance(outcome, Aborted)
    assert outcome.reason.code == "BW-E52"
    assert bay.image == before
    bay.cycle()
    assert bay.source.look("p1").capacity_bytes == SIZE
    assert isinstance(bay.run(), Erased)
    assert bay.image == bytes(SIZE)


def test_another_drive_that_appears_after_the_power_was_off_is_never_taken_for_it(tmp_path: Path) -> None:
    bay = Bay(tmp_path, hpa=PART)
    other = make_drive(tmp_path, "S2", SIZE, media="hdd", commands={"speaks": "ata"})
    (other / "image").write_bytes(b"precious" * (SIZE // 8))
    before = bay.image

    def exchange() -> None:
        pull(tmp_path, "p1")
        plug(tmp_path, "p1", "S2")

    outcome = bay.run(cycle=exchange)
    assert isinstance(outcome, Aborted)
    assert outcome.reason.code == "BW-E54"
    assert outcome.work.drive is not None
    assert outcome.work.drive.serial == "S1"
    assert (other / "image").read_bytes() == b"precious" * (SIZE // 8)
    assert bay.image == before
    assert not [report for report in bay.reports if isinstance(report, Renewed)]


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_drive_loses_its_power_once_and_is_not_frozen_any_more(tmp_path: Path, frozen: bool) -> None:
    bay = Bay(tmp_path, security=True, frozen=frozen)
    name = "ata-secure-erase"
    spec = EraseSpec(job="job-1", method=name, technique=name, key_hex="00" * 32, prepare=("power-cycle",))
    ready = Preparation(bay.open(), spec, BayServices(bay.open, bay.cycle, bay.reports.append, bay.stop))
    assert ready.run() is None
    with ready.opened as opened:
        assert opened.drive.capabilities is not None
        assert opened.drive.capabilities.security_frozen is False
    assert bay.cycles == frozen
    assert bool([report for report in bay.reports if report.phase == "cycling"]) == frozen


def test_a_dock_that_does_not_follow_refuses_the_drive_untouched(tmp_path: Path) -> None:
    bay = Bay(tmp_path, hpa=PART)
    before = bay.image

    def stuck() -> None:
        raise OutputDidNotFollow(device="dock", bay=1, found="power on", wanted="power off")

    outcome = bay.run(cycle=stuck)
    assert isinstance(outcome, Aborted)
    assert outcome.reason.code == OutputDidNotFollow.code
    assert bay.image == before


def test_somebody_who_cancels_in_the_middle_is_heard(tmp_path: Path) -> None:
    bay = Bay(tmp_path, hpa=PART, dco=PART)

    def cancelled() -> None:
        bay.cycle()
        bay.stop.request(CANCELLED)

    outcome = bay.run(cycle=cancelled)
    assert isinstance(outcome, Aborted)
    assert outcome.reason == CANCELLED
    assert bay.cycles == 1
    assert b"secret__" in bay.image


def test_a_job_that_was_cut_off_between_two_layers_does_what_is_left(tmp_path: Path) -> None:
    bay = Bay(tmp_path, hpa=PART, dco=PART)

    def lost() -> None:
        bay.cycle()
        raise SystemExit

    with pytest.raises(SystemExit):
        bay.run(cycle=lost)
    outcome = bay.run(cycle=bay.cycle)
    assert isinstance(outcome, Erased)
    assert [command.name for command in outcome.work.commands] == ["DEVICE CONFIGURATION RESTORE"]
    assert bay.image == bytes(SIZE)


def test_other_devices_of_the_drive_that_somebody_uses_refuse_a_command_that_reaches_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = {"speaks": "nvme", "sanitize": ["block"]}
    place = make_drive(tmp_path, "N1", SIZE, port="p1", media="nvme", commands=commands)
    (place / "image").write_bytes(b"secret__" * (SIZE // 8))
    source = Driver("source", Settings(folder=str(tmp_path)))
    opened = source.open("p1")

    def in_use() -> None:
        raise DriveError(device="/dev/nvme0n2", problem="mounted")

    monkeypatch.setattr(opened, "hold_all", in_use)
    name = "nvme-sanitize-block"
    spec = EraseSpec(job="job-1", method=name, technique=name, key_hex="00" * 32)
    outcome = run_job(opened.drive, spec, lambda: opened, lambda _: None, Stop())
    assert not isinstance(outcome, Erased | Aborted)
    assert outcome.reason.code == "BW-B00"
    assert (place / "image").read_bytes() == b"secret__" * (SIZE // 8)
