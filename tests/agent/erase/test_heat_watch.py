"""Pauses for heat, by the readings alone: when they begin, when they end, and how long they were."""

from __future__ import annotations

from agent.erase import Limits
from agent.erase.heat_watch import HeatWatch


def judged(limits: Limits, *readings: float | None) -> tuple[list[str], float]:
    """What each reading led to, ten seconds after the one before, and how long the job paused."""
    watch, said = HeatWatch(lambda: limits, None), list[str]()
    for number, celsius in enumerate(readings):
        watch.celsius = celsius
        said.append(watch.judge(number * 10.0))
    return said, watch.paused_s((len(readings) - 1) * 10.0)


def test_a_pause_ends_where_the_drive_is_cool_and_not_before() -> None:
    limits = Limits(pause_at_c=60, resume_at_c=50, abort_at_c=70)
    assert judged(limits, 59, 60, 55, 50, 59) == (["well", "pause", "well", "go on", "well"], 20.0)


def test_a_pause_that_lasts_is_counted_as_it_goes() -> None:
    assert judged(Limits(pause_at_c=60), 60, 59, 58) == (["pause", "well", "well"], 20.0)


def test_without_a_limit_to_go_on_at_it_is_five_degrees_below_the_pause() -> None:
    assert judged(Limits(pause_at_c=60), 60, 56, 55)[0] == ["pause", "well", "go on"]


def test_a_drive_that_falls_asleep_in_its_pause_goes_on() -> None:
    assert judged(Limits(pause_at_c=60), 60, None)[0] == ["pause", "go on"]


def test_a_pause_that_outlasts_its_limit_ends_the_job_and_one_after_another_does_not() -> None:
    limits = Limits(pause_at_c=60, pause_longest_s=30)
    assert judged(limits, 60, 60, 60, 60)[0] == ["pause", "well", "well", "never cool"]
    assert judged(limits, 60, 60, 55, 60, 60, 55)[0] == ["pause", "well", "go on", "pause", "well", "go on"]
    assert judged(Limits(pause_at_c=60, pause_longest_s=0), *[60] * 400)[0][-1] == "well"


def test_too_hot_is_said_in_a_pause_too() -> None:
    assert judged(Limits(pause_at_c=60, abort_at_c=70), 65, 70)[0] == ["pause", "too hot"]


def test_without_a_thermometer_nothing_is_too_hot() -> None:
    watch = HeatWatch(lambda: Limits(pause_at_c=0, abort_at_c=0), None)
    watch.start("job")
    assert (watch.celsius, watch.judge(0.0)) == (None, "well")
    watch.stop()
