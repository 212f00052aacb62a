"""Every technique on a drive that has it: erased, with what proves it; and with each fault, never erased."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from agent.certificates.outcome import (
    CANCELLED,
    COMMAND_REFUSED,
    FIRMWARE_FAILED,
    FOREIGN_PASSWORD,
    FROZEN,
    GOES_ON_BY_ITSELF,
    NO_ANSWER,
    NOT_JOURNALLED,
    NOTHING_SAYS_SO,
    PULLED_OUT,
    SENTINEL_SURVIVED,
    TOO_LONG,
    Aborted,
    Erased,
    Failed,
    Refused,
)
from agent.erase import Limits, Progress, VerifySpec
from agent.erase.signals import Stop
from agent.erase.techniques import FIRMWARE_TECHNIQUES, TECHNIQUES
from drivers.drives._simulated_firmware import Model
from drivers.drives.simulated import make_drive
from tests.agent.erase.firmware.rig import SECRET, SIZE, Bench
from tests.patience import SOON_S

SANITIZES = [name for name in FIRMWARE_TECHNIQUES if TECHNIQUES[name].machine == "sanitize"]
SECURITY = [name for name in FIRMWARE_TECHNIQUES if TECHNIQUES[name].machine == "security"]
FORMATS = [name for name in FIRMWARE_TECHNIQUES if TECHNIQUES[name].machine == "format"]


@pytest.mark.parametrize(
    ("technique", "estimate_s"),
    [("ata-secure-erase", 120.0), ("ata-secure-erase-enhanced", 120.0), ("nvme-format-crypto", None)],
)
def test_a_command_that_tells_no_progress_shows_its_time_and_the_drives_own_estimate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, technique: str, estimate_s: float | None
) -> None:
    bench = Bench.made(tmp_path, technique)
    shown, told = threading.Event(), set()
    erases = Model.erase

    def slowly(model: Model, *given: Any) -> None:  # noqa: ANN401
        assert shown.wait(SOON_S), "nothing was shown while the command was out"
        erases(model, *given)

    def emit(report: Any) -> None:  # noqa: ANN401
        bench.emit(report)
        if isinstance(report, Progress) and report.works_s is not None:
            told.add((report.phase, report.estimate_s))
            shown.set()

    monkeypatch.setattr(Model, "erase", slowly)
    assert isinstance(bench.run(emit=emit), Erased)
    assert told == {("firmware", estimate_s)}


@pytest.mark.parametrize("technique", FIRMWARE_TECHNIQUES)
def test_a_drive_that_does_what_it_says_is_erased(tmp_path: Path, technique: str) -> None:
    bench = Bench.made(tmp_path, technique)
    outcome = bench.run()
    assert isinstance(outcome, Erased), outcome
    verification = outcome.work.verification
    assert verification.result == "passed"
    assert verification.bytes == SIZE
    assert verification.sentinels is not None
    assert verification.sentinels.count == 128
    assert (verification.sentinels.survived, verification.sentinels.unreadable) == (0, 0)
    assert verification.content == ("other" if TECHNIQUES[technique].leaves == "anything" else "zeros")
    assert any(command.status.startswith("completed") for command in outcome.work.commands)
    assert SECRET[:64] not in bench.content


@pytest.mark.parametrize("technique", FIRMWARE_TECHNIQUES)
def test_a_drive_that_lies_comes_out_failed(tmp_path: Path, technique: str) -> None:
    outcome = Bench.made(tmp_path, technique, fault="lies").run()
    assert isinstance(outcome, Failed), outcome
    assert outcome.reason == SENTINEL_SURVIVED
    assert outcome.work.verification.sentinels is not None
    assert outcome.work.verification.sentinels.survived == 128


@pytest.mark.parametrize("technique", ["ata-secure-erase", "scsi-sanitize-crypto", "nvme-format-user-data"])
@pytest.mark.parametrize("where", [0, SIZE - 512])
def test_a_drive_that_keeps_its_first_or_last_block_comes_out_failed(
    tmp_path: Path, technique: str, where: int
) -> None:
    outcome = Bench.made(tmp_path, technique, keeps=[[where, 512]]).run(verify=VerifySpec(kind="none"))
    assert isinstance(outcome, Failed), outcome
    assert outcome.reason == SENTINEL_SURVIVED


# One of each machine and command set: the state machines are the same for every kind.
SANITIZES_ONCE = ["ata-sanitize-block", "scsi-sanitize-crypto", "nvme-sanitize-overwrite"]
FAULTS: list[tuple[str, str, Any]] = [
    *((name, "fails", FIRMWARE_FAILED) for name in SANITIZES_ONCE),
    *((name, "aborts", COMMAND_REFUSED) for name in (*SANITIZES_ONCE, *SECURITY, *FORMATS)),
    *((name, "fails", COMMAND_REFUSED) for name in (*SECURITY, *FORMATS)),
    *((name, "silent", NOTHING_SAYS_SO) for name in (*SANITIZES_ONCE, *FORMATS)),
    *((name, "silent", COMMAND_REFUSED) for name in SECURITY),
    *((name, "unreadable", NOTHING_SAYS_SO) for name in SANITIZES_ONCE),
    *((name, "unreadable", COMMAND_REFUSED) for name in SECURITY),
    *((name, "zeros", NOTHING_SAYS_SO) for name in (*SANITIZES_ONCE, *SECURITY)),
    *((name, "idle", NOTHING_SAYS_SO) for name in (*SANITIZES_ONCE, *SECURITY) if TECHNIQUES[name].speaks != "scsi"),
    *((name, "another", NOTHING_SAYS_SO) for name in SANITIZES_ONCE if TECHNIQUES[name].speaks == "nvme"),
]


@pytest.mark.parametrize(("technique", "fault", "reason"), FAULTS)
def test_no_fault_is_taken_for_a_success(tmp_path: Path, technique: str, fault: str, reason: Any) -> None:  # noqa: ANN401
    outcome = Bench.made(tmp_path, technique, fault=fault).run()
    assert isinstance(outcome, Failed), outcome
    assert outcome.reason == reason
    assert outcome.work.commands
    assert any(command.raw for command in outcome.work.commands) or "no answer" in str(outcome.work.commands)


@pytest.mark.parametrize("technique", ["ata-sanitize-block", "scsi-sanitize-overwrite", "nvme-sanitize-crypto"])
def test_one_that_never_finishes_is_given_up(tmp_path: Path, technique: str) -> None:
    bench = Bench.made(tmp_path, technique, fault="never-finishes")
    outcome = bench.run(limits=Limits(give_up_after_s=2))
    assert isinstance(outcome, Failed), outcome
    assert outcome.reason == TOO_LONG
    assert "firmware" in bench.phases


@pytest.mark.parametrize("technique", [*SANITIZES, *FORMATS, *SECURITY])
def test_one_that_vanishes_is_aborted_and_erased_when_it_is_back(tmp_path: Path, technique: str) -> None:
    bench = Bench.made(tmp_path, technique, fault="vanishes")
    outcome = bench.run()
    assert isinstance(outcome, Aborted), outcome
    assert outcome.reason == PULLED_OUT
    bench.replug()
    again = bench.run()
    assert isinstance(again, Erased), again
    assert again.work.interruptions
    assert SECRET[:64] not in bench.content


def test_a_quick_drive_that_nobody_saw_at_work_is_asked_for_its_own_word(tmp_path: Path) -> None:
    outcome = Bench.made(tmp_path, "scsi-sanitize-crypto", steps=0).run()
    assert isinstance(outcome, Erased), outcome
    assert "SANITIZE without IMMED" in [command.name for command in outcome.work.commands]


@pytest.mark.parametrize("technique", ["ata-sanitize-block", "nvme-sanitize-crypto", "scsi-sanitize-block"])
def test_blocks_that_read_as_errors_are_no_proof_and_are_overwritten(tmp_path: Path, technique: str) -> None:
    outcome = Bench.made(tmp_path, technique, read_errors=True).run()
    assert isinstance(outcome, Erased), outcome
    assert [p.pattern for p in outcome.work.passes] == ["00"]
    sentinels = outcome.work.verification.sentinels
    assert sentinels is not None
    assert sentinels.unreadable == sentinels.count
    assert "overwritten" in (outcome.work.verification.note or "")


def test_content_that_is_not_the_same_everywhere_fails_a_block_erase(tmp_path: Path) -> None:
    bench = Bench.made(tmp_path, "ata-sanitize-block", keeps=[[10 * 1024, 1024]], erased_byte=255)
    outcome = bench.run()
    assert isinstance(outcome, Failed), outcome  # by the sentinels in it, or as a mismatch


def test_ones_are_recognised(tmp_path: Path) -> None:
    outcome = Bench.made(tmp_path, "ata-secure-erase", erased_byte=255).run()
    assert isinstance(outcome, Erased), outcome
    assert outcome.work.verification.content == "ones"


def test_zeros_are_said_to_prove_little(tmp_path: Path) -> None:
    outcome = Bench.made(tmp_path, "nvme-sanitize-block").run()
    assert isinstance(outcome, Erased)
    assert "no proof by themselves" in (outcome.work.verification.note or "")


@pytest.mark.parametrize("verify", ["full", "sample", "none"])
def test_each_kind_of_verification(tmp_path: Path, verify: Any) -> None:  # noqa: ANN401
    outcome = Bench.made(tmp_path, "ata-sanitize-crypto").run(verify=VerifySpec(kind=verify))
    assert isinstance(outcome, Erased), outcome
    assert outcome.work.verification.kind == verify


@pytest.mark.parametrize("technique", SECURITY)
def test_a_frozen_drive_is_refused_and_unfrozen_by_a_power_cycle(tmp_path: Path, technique: str) -> None:
    bench = Bench.made(tmp_path, technique, frozen=True)
    assert bench.run() == Refused(FROZEN)
    assert bench.content == SECRET
    bench.replug()
    assert isinstance(bench.run(), Erased)


@pytest.mark.parametrize("technique", SECURITY)
def test_a_foreign_password_is_refused_and_nothing_is_touched(tmp_path: Path, technique: str) -> None:
    bench = Bench.made(tmp_path, technique, password="theirs")
    outcome = bench.run()
    assert outcome == Refused(FOREIGN_PASSWORD)
    assert bench.content == SECRET


@pytest.mark.parametrize("technique", [*SECURITY, "ata-sanitize-block"])
def test_a_drive_that_our_crash_left_locked_is_opened_and_erased(tmp_path: Path, technique: str) -> None:
    from tests.agent.erase.firmware.rig import PASSWORD

    bench = Bench.made(tmp_path, technique, password=PASSWORD.decode())
    outcome = bench.run()
    assert isinstance(outcome, Erased), outcome
    assert "SECURITY UNLOCK" in [command.name for command in outcome.work.commands]


@pytest.mark.parametrize("technique", SECURITY)
def test_a_password_stands_nowhere(tmp_path: Path, technique: str) -> None:
    from tests.agent.erase.firmware.rig import PASSWORD

    bench = Bench.made(tmp_path, technique)
    outcome = bench.run()
    for text in (repr(outcome), repr(bench.spec()), str(bench.spec()), repr(bench.point)):
        assert PASSWORD.decode() not in text
        assert PASSWORD.hex() not in text


@pytest.mark.parametrize("technique", ["ata-secure-erase", "scsi-sanitize-block", "nvme-format-crypto"])
def test_nothing_is_sent_that_the_ledger_does_not_have(tmp_path: Path, technique: str) -> None:
    bench = Bench.made(tmp_path, technique)
    bench.keeps = lambda _: False
    assert bench.run() == Refused(NOT_JOURNALLED)
    assert bench.content == SECRET
    bench.keeps = lambda report: report.point.firmware is not None and report.point.firmware.step == "prepared"
    outcome = bench.run()
    assert isinstance(outcome, Aborted), outcome
    assert outcome.reason == NOT_JOURNALLED


def test_somebody_who_does_not_wait_learns_that_it_goes_on(tmp_path: Path) -> None:
    bench, stop = Bench.made(tmp_path, "nvme-sanitize-block", fault="never-finishes"), Stop()

    def emit(report: Any) -> None:  # noqa: ANN401
        bench.emit(report)
        if bench.point is not None and bench.point.firmware is not None and bench.point.firmware.step == "accepted":
            stop.request(CANCELLED)

    outcome = bench.run(stop, emit)
    assert isinstance(outcome, Aborted), outcome
    assert outcome.reason == GOES_ON_BY_ITSELF
    description = tmp_path / "drives/one/drive.toml"
    description.write_text(description.read_text().replace("never-finishes", "none"))
    again = bench.run()
    assert isinstance(again, Erased), again
    assert sum(command.name.startswith("SANITIZE") for command in again.work.commands) == 1


@pytest.mark.parametrize("technique", ["ata-sanitize-block", "scsi-sanitize-block", "nvme-sanitize-block"])
def test_a_sanitize_of_somebody_else_is_waited_for_and_never_counted(tmp_path: Path, technique: str) -> None:
    bench = Bench.made(tmp_path, technique, steps=2)
    with bench.source.open("p1") as drive:
        from agent.erase.firmware.dialogues import DIALOGUES

        class Only:
            port = drive.firmware

            def expect_silence(self, seconds: float) -> None: ...

        how = TECHNIQUES[technique]
        DIALOGUES[how.speaks](Only(), how).start()  # type: ignore[arg-type]
    outcome = bench.run()
    assert isinstance(outcome, Erased), outcome
    statuses = [command.status for command in outcome.work.commands]
    assert any("not counted" in status for status in statuses)
    assert outcome.work.verification.sentinels is not None


def test_a_technique_that_the_drive_does_not_have_is_refused_with_what_it_has(tmp_path: Path) -> None:
    bench = Bench.made(tmp_path, "ata-sanitize-overwrite", sanitize=["crypto"], security=False)
    outcome = bench.run()
    assert isinstance(outcome, Refused)
    assert "no such technique" in outcome.reason.text
    assert outcome.reason.hint == "It has: ata-sanitize-crypto."


def test_a_drive_without_commands_is_refused(tmp_path: Path) -> None:
    make_drive(tmp_path, "one", SIZE, port="p1")
    outcome = Bench(tmp_path, "nvme-sanitize-block").run()
    assert isinstance(outcome, Refused)
    assert outcome.reason.hint == "It has: none."


def test_a_bridge_that_carries_no_status_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    bench = Bench.made(tmp_path, "ata-sanitize-block", fault="unreadable")
    failed = bench.run()
    assert isinstance(failed, Failed)
    bench.point = None
    assert bench.run() == Refused(NO_ANSWER)


@pytest.mark.parametrize(
    ("technique", "steps"),
    # A SCSI unit at rest has no log: that it is open again is all that a quick one can say.
    [("ata-sanitize-block", 2), ("scsi-sanitize-crypto", 0)],
)
def test_a_sanitize_that_failed_before_is_opened_by_one_that_does_not_count(
    tmp_path: Path, technique: str, steps: int
) -> None:
    bench = Bench.made(tmp_path, technique, fault="fails", steps=steps)
    assert isinstance(bench.run(), Failed)
    description = tmp_path / "drives/one/drive.toml"
    description.write_text(description.read_text().replace("fails", "none"))
    bench.point = None
    outcome = bench.run()
    assert isinstance(outcome, Erased), outcome
    names = [command.name for command in outcome.work.commands]
    opened = names.index("SANITIZE, to open a drive whose last one failed")
    assert opened < names.index(f"SANITIZE {technique.rpartition('-')[2]}")
