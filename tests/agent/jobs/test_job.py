"""The table of a job's states, walked whole."""

from __future__ import annotations

import itertools

import pytest

from agent.errors import IllegalTransition
from agent.jobs.job import ENDED, NEXT, WORKING, Job, JobState, advance
from tests.agent.engine_rig import NOW, drive

PAIRS = list(itertools.product(JobState, JobState))


def job(state: JobState) -> Job:
    """A job in that state."""
    return Job(id="job-1", bay="A1", drive=drive(), plan=None, state=state, created_at=NOW)


@pytest.mark.parametrize(("here", "to"), PAIRS)
def test_every_pair_of_states_either_moves_or_raises(here: JobState, to: JobState) -> None:
    if to in NEXT[here]:
        moved = advance(job(here), to, finished_at=NOW)
        assert (moved.state, moved.finished_at, moved.id) == (to, NOW, "job-1")
    else:
        with pytest.raises(IllegalTransition, match=f"job job-1 cannot go from {here} to {to}"):
            advance(job(here), to)


def test_the_table_has_every_state_and_nothing_leaves_an_end() -> None:
    assert NEXT.keys() == set(JobState)
    assert all(not NEXT[state] for state in ENDED)
    assert all(NEXT[state] for state in set(JobState) - ENDED)


def test_only_work_can_end_as_erased() -> None:
    assert {state for state in JobState if JobState.ERASED in NEXT[state]} == WORKING


def test_nothing_is_taken_up_as_done_after_an_interruption() -> None:
    assert NEXT[JobState.INTERRUPTED] == {JobState.ERASING, JobState.ABORTED, JobState.CANCELLED}


def test_every_state_can_be_reached_from_the_first() -> None:
    reached, ahead = set(), {JobState.PLANNED}
    while ahead:
        reached |= ahead
        ahead = {to for state in ahead for to in NEXT[state]} - reached
    assert reached == set(JobState)
