"""SANITIZE that was frozen before: refused before a byte is touched, whatever became of the one before that."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.certificates.outcome import COMMAND_REFUSED, FROZEN, Erased, Refused
from agent.erase.firmware.dialogues import AtaDialogue
from agent.erase.techniques import TECHNIQUES
from drivers.drives import _simulated_pages as pages
from drivers.drives._simulated_port import SimulatedPort
from firmware_bridge import ata
from firmware_bridge.reply import ScsiReply
from tests.agent.erase.firmware.rig import SECRET, Bench
from tests.agent.erase.firmware.test_crashes import killed_at


@pytest.mark.parametrize("sanitized_before", [False, True])
def test_a_drive_whose_sanitize_is_frozen_is_refused_and_nothing_is_touched(
    tmp_path: Path, sanitized_before: bool
) -> None:
    """COUNT b15 outlives the power, so a drive that was sanitized once shows b15 and b13."""
    bench = Bench.made(tmp_path, "ata-sanitize-block", steps=0)
    if sanitized_before:
        with bench.source.open("p1") as drive:
            port = drive.firmware
            assert port is not None
            port.ata(ata.sanitize("block"), within=1)
        (tmp_path / "drives/one/image").write_bytes(SECRET)
    description = tmp_path / "drives/one/drive.toml"
    description.write_text(description.read_text() + "sanitize_frozen = true\n")
    assert bench.run() == Refused(FROZEN)
    assert bench.content == SECRET
    bench.replug()
    assert isinstance(bench.run(), Erased)


def test_one_of_ours_that_ended_before_it_was_frozen_counts(tmp_path: Path) -> None:
    bench = Bench.made(tmp_path, "ata-sanitize-block", steps=0)
    killed_at(bench, "finished")
    description = tmp_path / "drives/one/drive.toml"
    description.write_text(description.read_text() + "sanitize_frozen = true\n")
    assert isinstance(bench.run(), Erased)


@pytest.mark.parametrize(
    ("reason", "refused"), [(0, COMMAND_REFUSED), (2, COMMAND_REFUSED), (3, FROZEN), (4, COMMAND_REFUSED)]
)
def test_a_drive_that_aborts_the_question_is_refused_for_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int, refused: object
) -> None:
    def aborted(_: SimulatedPort) -> ScsiReply:
        return pages.registers(error=4, lba=reason, failed=True)

    monkeypatch.setattr(SimulatedPort, "_ata_status", aborted)
    bench = Bench.made(tmp_path, "ata-sanitize-crypto")
    assert bench.run() == Refused(refused)  # type: ignore[arg-type]
    assert bench.content == SECRET


def test_the_dialogue_tells_frozen_beside_completed() -> None:
    class Port:
        def ata(self, task: ata.TaskFile, *, within: float) -> object:
            from drivers.drives.firmware_port import ata_reply

            return ata_reply(task, pages.registers(count=1 << 15 | 1 << 13, lba=0xFFFF))

    class Talk:
        port = Port()

    answer = AtaDialogue(Talk(), TECHNIQUES["ata-sanitize-block"]).status()  # type: ignore[arg-type]
    assert (answer.said, answer.frozen) == ("completed", True)
