"""The table of a firmware technique's steps, walked whole: one way leads to success."""

from __future__ import annotations

from typing import get_args

import pytest

from agent.erase.firmware.dialogues import DIALOGUES
from agent.erase.firmware.steps import ENDS, REASONS, FirmwareStep, Said, advance
from agent.erase.firmware.work import MACHINES
from agent.erase.techniques import TECHNIQUES

SAID: tuple[Said, ...] = get_args(Said)


@pytest.mark.parametrize("step", [step for step in FirmwareStep if step not in ENDS])
@pytest.mark.parametrize("said", SAID)
def test_success_takes_our_own_command_and_the_word_completed(step: FirmwareStep, said: Said) -> None:
    after = advance(step, said)
    assert (after is FirmwareStep.FINISHED) == (
        step in (FirmwareStep.ACCEPTED, FirmwareStep.RUNNING) and said == "completed"
    )
    assert after is not FirmwareStep.READY or step is FirmwareStep.READY


@pytest.mark.parametrize("said", [said for said in SAID if said not in ("accepted", "running", "completed")])
def test_no_silence_and_no_odd_answer_leads_on(said: Said) -> None:
    for step in (FirmwareStep.ACCEPTED, FirmwareStep.RUNNING):
        after = advance(step, said)
        assert after in (FirmwareStep.FAILED, FirmwareStep.UNKNOWN, step)
        assert after is not step or said == "unreadable"


def test_an_end_is_an_end_and_has_its_reason() -> None:
    for end in ENDS:
        with pytest.raises(ValueError, match="is the end"):
            advance(end, "completed")
        assert (end in REASONS) == (end is not FirmwareStep.FINISHED)


def test_every_technique_can_be_carried_out_in_the_language_that_it_is_named_by() -> None:
    assert {row.machine for row in TECHNIQUES.values()} == set(MACHINES)
    assert {row.speaks for row in TECHNIQUES.values() if row.machine == "sanitize"} == set(DIALOGUES)
    for name, row in TECHNIQUES.items():
        assert name.startswith(f"{row.speaks}-")
        assert (row.machine == "security") == name.startswith("ata-secure-erase")
