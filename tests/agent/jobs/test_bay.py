"""The table of a bay's states, walked whole."""

from __future__ import annotations

import itertools

import pytest

from agent.devices.lights_and_locks import LIGHTS
from agent.errors import IllegalTransition
from agent.jobs.bay import BUSY, HELD, NEXT, Bay, BayState, changed, emptied, move
from agent.phrases import keys
from tests.agent.engine_rig import drive


@pytest.mark.parametrize(("here", "to"), list(itertools.product(BayState, BayState)))
def test_every_pair_of_states_either_moves_or_raises(here: BayState, to: BayState) -> None:
    bay = Bay(name="A1", state=here, rev=7, drive=drive())
    if to in NEXT[here]:
        moved = move(bay, to, outcome="failed")
        assert (moved.state, moved.rev, moved.outcome, moved.drive) == (to, 8, "failed", bay.drive)
    else:
        with pytest.raises(IllegalTransition, match=f"bay A1 cannot go from {here} to {to}"):
            move(bay, to)


@pytest.mark.parametrize("here", list(BayState))
def test_a_bay_is_emptied_of_all_that_was_known_of_its_drive(here: BayState) -> None:
    bay = Bay(name="A1", state=here, rev=7, drive=drive(), insertion="x", drive_present=True, outcome="erased")
    if here is BayState.CERTIFYING:
        with pytest.raises(IllegalTransition):
            emptied(bay)
    else:
        assert emptied(bay) == Bay(name="A1", rev=8)


def test_a_revision_grows_with_every_change() -> None:
    bay = changed(Bay(name="A1", rev=3), drive_present=True)
    assert (bay.rev, bay.drive_present) == (4, True)


def test_an_outcome_is_only_shown_after_its_certificate() -> None:
    to_finished = {state for state in BayState if BayState.FINISHED in NEXT[state]}
    assert to_finished == {BayState.EMPTY, BayState.CERTIFYING}  # from empty: what was certified before a restart


def test_only_a_countdown_leads_to_erasing_a_drive_that_nobody_works_on() -> None:
    assert {state for state in BayState if BayState.ERASING in NEXT[state]} - BUSY == {BayState.COUNTDOWN}
    assert BUSY < HELD


@pytest.mark.parametrize("state", list(BayState))
def test_every_state_has_a_lamp_and_words(state: BayState) -> None:
    assert state in LIGHTS
    assert f"bay_{state.value}" in keys()
