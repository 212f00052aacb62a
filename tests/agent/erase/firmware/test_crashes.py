"""The station dies at any step of any technique, any number of times: in the end the drive is erased, or failed.

It dies before or after a command, before or after a checkpoint; sometimes the drive loses its power with it. Whatever
happens, nothing is "erased" while a byte of before is there, and no second sanitize is sent beside one at work.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.certificates.outcome import Aborted, Erased, Failed, Outcome
from agent.erase import Checkpoint
from agent.erase.techniques import FIRMWARE_TECHNIQUES, TECHNIQUES
from agent.erase.worker import run_job
from drivers.drives.base import OpenDrive
from drivers.drives.firmware_port import FirmwarePort
from drivers.drives.simulated import SimulatedDrive
from firmware_bridge import ata
from tests.agent.erase.firmware.rig import SECRET, SIZE, Bench

MOST_RUNS = 12


class Killed(BaseException):
    """SIGKILL: nothing of the station goes on."""


class Fuse:
    """Dies at the so-manyth event; a negative number is after it happened, not before."""

    def __init__(self, at: int | None) -> None:
        self.at, self.count = at, 0

    def around(self, action: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the action gives
        """One event."""
        self.count += 1
        if self.at == self.count:
            raise Killed
        result = action()
        if self.at == -self.count:
            raise Killed
        return result


class FusedPort(FirmwarePort):
    """Each command is an event. No SANITIZE reaches a drive that is at work on one."""

    def __init__(self, port: FirmwarePort, fuse: Fuse) -> None:
        self._port, self._fuse = port, fuse
        self.speaks, self.namespace = port.speaks, port.namespace

    def ata(self, task: Any, **given: Any) -> Any:  # noqa: ANN401
        if task.command == 0xB4 and task.feature:
            self._alone()
        return self._fuse.around(lambda: self._port.ata(task, **given))

    def scsi(self, cdb: bytes, **given: Any) -> Any:  # noqa: ANN401
        if cdb[0] == 0x48:
            self._alone()
        return self._fuse.around(lambda: self._port.scsi(cdb, **given))

    def nvme(self, command: Any, **given: Any) -> Any:  # noqa: ANN401
        if command.opcode == 0x84:
            self._alone()
        return self._fuse.around(lambda: self._port.nvme(command, **given))

    def _alone(self) -> None:
        state = self._port._model.state  # type: ignore[attr-defined]
        assert state.status != "running", "a second sanitize beside one at work"


class FusedDrive(SimulatedDrive):
    """A simulated drive whose commands are events."""

    fuse: Fuse

    @property
    def firmware(self) -> Any:  # noqa: ANN401
        """Its port, with the fuse in it."""
        port = super().firmware
        return FusedPort(port, self.fuse) if port is not None else None


def run_until_killed(bench: Bench, fuse: Fuse) -> Outcome | None:
    """The outcome; None where the station died before."""
    source = bench.source

    def opened() -> OpenDrive:
        drive = source.open("p1")
        drive.__class__ = FusedDrive
        drive.fuse = fuse  # type: ignore[attr-defined]
        return drive

    def emit(report: Any) -> None:  # noqa: ANN401
        if isinstance(report, Checkpoint):
            fuse.around(lambda: bench.emit(report))

    try:
        return run_job(source.look("p1"), bench.spec(), opened, emit, bench.stop)
    except Killed:
        return None


def live_through(bench: Bench, kills: list[int], power: list[bool]) -> Outcome:
    """Run, die, come back, until there is an end. A drive that answers nothing leaves its job aborted."""
    for n in range(MOST_RUNS):
        outcome = run_until_killed(bench, Fuse(kills[n] if n < len(kills) else None))
        if outcome is not None and (n >= len(kills) or not isinstance(outcome, Aborted)):
            return outcome
        if n < len(power) and power[n]:
            bench.replug()
    raise AssertionError("it never came to an end")


KILLS = st.lists(st.integers(-14, 14).filter(bool), min_size=1, max_size=4)
POWER = st.lists(st.booleans(), max_size=4)
RARELY = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@RARELY
@given(technique=st.sampled_from(FIRMWARE_TECHNIQUES), kills=KILLS, power=POWER)
def test_an_honest_drive_is_erased_in_the_end(technique: str, kills: list[int], power: list[bool]) -> None:
    with TemporaryDirectory() as folder:
        bench = Bench.made(Path(folder), technique)
        outcome = live_through(bench, kills, power)
        assert isinstance(outcome, Erased), outcome
        assert SECRET[:64] not in bench.content
        with bench.source.open("p1") as drive:
            can = drive.drive.capabilities
            assert can is not None
            assert not can.security_enabled


@RARELY
@given(
    technique=st.sampled_from(FIRMWARE_TECHNIQUES),
    fault=st.sampled_from(("lies", "fails", "idle", "unreadable", "zeros")),
    kills=KILLS,
    power=POWER,
)
def test_a_dishonest_drive_is_never_erased_while_it_holds_anything(
    technique: str, fault: str, kills: list[int], power: list[bool]
) -> None:
    with TemporaryDirectory() as folder:
        bench = Bench.made(Path(folder), technique, fault=fault)
        outcome = live_through(bench, kills, power)
        if fault == "lies":
            assert isinstance(outcome, Failed), outcome
        assert not isinstance(outcome, Erased) or SECRET[:64] not in bench.content


def killed_at(bench: Bench, step: str) -> None:
    """SIGKILL as soon as the ledger has this step."""

    def emit(report: Any) -> None:  # noqa: ANN401
        bench.emit(report)
        if isinstance(report, Checkpoint) and report.point.firmware and report.point.firmware.step == step:
            raise Killed

    with pytest.raises(Killed):
        bench.run(emit=emit)


def ends_by_itself(bench: Bench) -> None:
    """The drive goes on to its end, and nobody looks."""
    place = bench.folder / "drives/one/firmware.json"
    with bench.source.open("p1") as drive:
        port = drive.firmware
        assert port is not None
        for _ in range(9):
            port._model.step()  # type: ignore[attr-defined]
    assert b'"status":"completed"' in place.read_bytes()


def sent(outcome: Outcome) -> int:
    """How many sanitizes the certificate would name."""
    assert isinstance(outcome, Erased), outcome
    return sum(command.name.startswith("SANITIZE ") for command in outcome.work.commands)


SEEN_TO_THE_END = [name for name, how in TECHNIQUES.items() if how.machine == "sanitize" and how.leaves != "anything"]


@pytest.mark.parametrize("technique", [name for name, how in TECHNIQUES.items() if how.machine == "sanitize"])
def test_a_sanitize_that_ended_while_nobody_looked_counts_where_the_drive_can_say_so(
    tmp_path: Path, technique: str
) -> None:
    """NVMe's log names it. ATA's status says that the last one succeeded: enough, if the reading shows the rest."""
    bench = Bench.made(tmp_path, technique)
    killed_at(bench, "accepted")
    ends_by_itself(bench)
    bench.replug()
    ours = technique.startswith("nvme") or technique in ("ata-sanitize-block", "ata-sanitize-overwrite")
    assert sent(bench.run()) == (1 if ours else 2)
    assert SECRET[:64] not in bench.content


def test_what_was_completed_before_ours_was_sent_counts_for_nothing(tmp_path: Path) -> None:
    """An ATA drive that would not clear its "completed" when ours begins could not be told from one that did it."""
    bench = Bench.made(tmp_path, "ata-sanitize-block")
    with bench.source.open("p1") as drive:
        port = drive.firmware
        assert port is not None
        port.ata(ata.sanitize("overwrite"), within=1)
    ends_by_itself(bench)
    killed_at(bench, "accepted")
    ends_by_itself(bench)
    assert sent(bench.run()) == 2


def test_what_was_written_since_is_found(tmp_path: Path) -> None:
    bench = Bench.made(tmp_path, "ata-sanitize-block")
    killed_at(bench, "accepted")
    ends_by_itself(bench)
    with (bench.folder / "drives/one/image").open("r+b") as image:
        image.seek(SIZE // 2)
        image.write(b"somebody's letter")
    outcome = bench.run()
    assert isinstance(outcome, Failed), outcome
    assert [m.offset for m in outcome.work.verification.mismatches] == [SIZE // 2]


@pytest.mark.parametrize("technique", SEEN_TO_THE_END)
def test_one_that_was_seen_to_its_end_is_only_read_back(tmp_path: Path, technique: str) -> None:
    bench = Bench.made(tmp_path, technique)
    killed_at(bench, "finished")
    bench.replug()
    assert sent(bench.run()) == 1
