"""Answers to the command itself: what is an end, what is a beginning, and what is neither."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.certificates.outcome import NOT_UNLOCKED, NOTHING_SAYS_SO, Erased, Failed
from drivers.drives import _simulated_pages as pages
from drivers.drives._simulated_port import SimulatedPort
from firmware_bridge.reply import NvmeReply, ScsiReply
from tests.agent.erase.firmware.rig import SECRET, Bench

ABORTED_BY_HOST = NvmeReply(status=0x371)  # status code type 3h, path related: the controller did not say it
WARNED = pages.check(pages.fixed_sense(1, 0x5D, 0x10))  # RECOVERED ERROR, failure prediction: done all the same


def answers(
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    meant: Callable[[Any], bool],
    instead: Callable[[], object],
    *,
    carried_out: bool = True,
) -> None:
    """What comes back of the commands that are meant, in place of the drive's own answer; `instead` may raise."""
    sends = getattr(SimulatedPort, method)

    def sent(port: SimulatedPort, command: object, **given: object) -> object:
        if not meant(command):
            return sends(port, command, **given)
        if carried_out:
            sends(port, command, **given)
        return instead()

    monkeypatch.setattr(SimulatedPort, method, sent)


def silence(number: int) -> Callable[[], object]:
    """No answer, in the kernel's words."""

    def raised() -> object:
        raise OSError(number, "")

    return raised


def test_an_nvme_sanitize_that_the_host_gave_up_is_not_refused_and_is_followed_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, "nvme", lambda command: command.opcode == 0x84, lambda: ABORTED_BY_HOST)
    bench = Bench.made(tmp_path, "nvme-sanitize-block")
    outcome = bench.run()
    assert isinstance(outcome, Erased), outcome
    assert "no answer of the controller" in outcome.work.commands[0].status
    assert SECRET[:64] not in bench.content


def test_a_format_that_the_host_gave_up_is_neither_refused_nor_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, "nvme", lambda command: command.opcode == 0x80, lambda: ABORTED_BY_HOST)
    outcome = Bench.made(tmp_path, "nvme-format-crypto").run()
    assert isinstance(outcome, Failed), outcome
    assert outcome.reason == NOTHING_SAYS_SO


@pytest.mark.parametrize("steps", [0, 2])
def test_a_recovered_error_says_that_the_command_was_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    answers(monkeypatch, "scsi", lambda cdb: cdb[0] == 0x48, lambda: WARNED)
    outcome = Bench.made(tmp_path, "scsi-sanitize-crypto", steps=steps).run()
    assert isinstance(outcome, Erased), outcome
    assert any("recovered error 5Dh/10h" in command.status for command in outcome.work.commands)


def test_a_deferred_error_is_of_an_earlier_command_and_this_one_was_not_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deferred = ScsiReply(status=2, host_status=0, driver_status=8, sense=b"\x71" + WARNED.sense[1:])
    answers(monkeypatch, "scsi", lambda cdb: cdb[0] == 0x48, lambda: deferred, carried_out=False)
    outcome = Bench.made(tmp_path, "scsi-sanitize-crypto").run()
    assert isinstance(outcome, Failed), outcome


def test_a_timeout_of_the_kernel_is_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left_by_nvme_timeout = silence(errno.EINTR)
    answers(monkeypatch, "nvme", lambda command: command.opcode == 0x84, left_by_nvme_timeout, carried_out=False)
    outcome = Bench.made(tmp_path, "nvme-sanitize-block").run()
    assert isinstance(outcome, Failed), outcome
    assert outcome.reason == NOTHING_SAYS_SO


def test_a_drive_that_falls_silent_in_its_erasure_may_be_locked_and_the_technician_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[bool] = []

    def from_erase_unit_on(task: Any) -> bool:  # noqa: ANN401
        if task.command == 0xF4:
            begun.append(True)
        return bool(begun)

    answers(monkeypatch, "ata", from_erase_unit_on, silence(errno.ETIMEDOUT), carried_out=False)
    outcome = Bench.made(tmp_path, "ata-secure-erase").run()
    assert isinstance(outcome, Failed), outcome
    assert outcome.reason == NOT_UNLOCKED
