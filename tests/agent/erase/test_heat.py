"""How hot a drive may become: its own word, the policy's, its kind's."""

from __future__ import annotations

from typing import Any

import pytest

from agent.erase import Limits
from agent.erase.heat import heat_limits
from drivers.drives.drive import Media

NOTHING: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("policy", "media", "health", "expected"),
    [
        (NOTHING, "hdd", None, (60, 55, 65)),
        (NOTHING, "unknown", {}, (60, 55, 65)),
        (NOTHING, "ssd", None, (75, 70, 85)),
        (NOTHING, "nvme", None, (75, 70, 85)),
        (NOTHING, "nvme", {"temperature_limit_c": 84, "temperature_critical_c": 88}, (84, 79, 88)),
        (NOTHING, "hdd", {"temperature_critical_c": 60}, (55, 50, 60)),
        (NOTHING, "hdd", {"temperature_limit_c": 0, "temperature_critical_c": 255}, (60, 55, 65)),
        ({"pause_at_c": 50.0}, "hdd", None, (50, 45, 65)),
        ({"pause_at_c": 50.0, "resume_at_c": 40.0, "abort_at_c": 55.0}, "ssd", None, (50, 40, 55)),
        ({"pause_at_c": 90.0, "abort_at_c": 99.0}, "nvme", {"temperature_limit_c": 70}, (70, 65, 85)),
        ({"abort_at_c": 50.0}, "hdd", None, (50, 50, 50)),
    ],
)
def test_limits(
    policy: dict[str, float], media: Media, health: dict[str, Any] | None, expected: tuple[float, float, float]
) -> None:
    found = heat_limits(Limits(**policy), media, health)  # type: ignore[arg-type]
    assert (found.pause_at_c, found.resume_at_c, found.abort_at_c) == expected


def test_everything_else_of_the_policy_stays() -> None:
    limits = Limits(give_up_after_errors=3, checkpoint_s=7)
    found = heat_limits(limits, "hdd", None)
    assert (found.give_up_after_errors, found.checkpoint_s) == (3, 7)
