"""What will be done to a drive, and what will not: never a lower level than was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from agent.erase import METHODS
from agent.outcome import Reason
from agent.plan import FIRMWARE_TECHNIQUES, Plan, known_methods, plan
from agent.policy import NIST_CLEAR, NIST_PURGE, Policy
from drivers.drives.base import HiddenArea, Media
from tests.agent.engine_rig import CAPACITY, drive


@pytest.mark.parametrize(
    ("media", "method"),
    [("hdd", "zero"), ("ssd", "zero"), ("nvme", "zero"), ("unknown", "zero"), ("flash", "pattern-complement")],
)
def test_clear_is_one_pass_of_zeros_and_two_on_removable_flash(media: Media, method: str) -> None:
    found = plan(drive(media=media), NIST_CLEAR)
    assert isinstance(found, Plan)
    assert (found.method, found.level, found.passes) == (method, "clear", len(METHODS[method].passes))
    assert bool(found.not_reached) == (media in ("ssd", "nvme", "flash"))


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_overwrite_method_by_name_is_a_plan_with_its_passes_at_clear(method: str) -> None:
    found = plan(drive(), Policy(name="own", method=method))
    assert isinstance(found, Plan)
    assert (found.method, found.passes, found.level) == (method, len(METHODS[method].passes), "clear")


@pytest.mark.parametrize("method", ["no-such-method", ""])
def test_an_unknown_method_is_no_plan_and_says_which_are_known(method: str) -> None:
    found = plan(drive(), Policy(name="own", method=method))
    assert isinstance(found, Reason)
    assert "nist-clear" in found.hint


@pytest.mark.parametrize("policy", [NIST_PURGE, *(Policy(name=t, method=t) for t in FIRMWARE_TECHNIQUES)])
def test_what_a_simulated_drive_cannot_do_never_falls_to_a_lower_level(policy: Policy) -> None:
    found = plan(drive(transport="simulated"), policy)
    assert isinstance(found, Reason)
    assert found.hint


@pytest.mark.parametrize(
    "hiding",
    [{"native_capacity_bytes": CAPACITY + 4096}, {"hidden_area": HiddenArea(kind="hpa", bytes=4096)}],
)
def test_a_hidden_area_is_no_plan_unless_the_policy_accepts_it(hiding: dict[str, Any]) -> None:
    refused = plan(drive(**hiding), NIST_CLEAR)
    assert isinstance(refused, Reason)
    assert "4096 bytes" in refused.text
    accepted = plan(drive(**hiding), Policy(name="own", accept_hidden_area=True))
    assert isinstance(accepted, Plan)
    assert "4096 bytes of hidden area" in accepted.not_reached


def test_every_word_that_a_policy_may_use_is_known() -> None:
    assert set(known_methods()) >= {"nist-clear", "nist-purge", *METHODS, *FIRMWARE_TECHNIQUES}
