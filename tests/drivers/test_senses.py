"""Blinking is slow wherever it is at all; and what is not allowed is named."""

from __future__ import annotations

import itertools

import pytest

from drivers.options import convert
from drivers.senses import Senses

STEP_S = 0.125
A_MINUTE = [n * STEP_S for n in range(480)]


def changes(senses: Senses) -> int:
    """How often in a minute a lamp goes on or off."""
    return sum(before is not after for before, after in itertools.pairwise(senses.dark(at) for at in A_MINUTE))


def test_nothing_is_ever_dark_where_nothing_may_blink() -> None:
    assert not any(Senses(blinking="off").dark(at) for at in A_MINUTE)


def test_no_lamp_blinks_faster_than_once_a_second_and_each_is_lit_half_of_the_time() -> None:
    for senses, flashes in ((Senses(blinking="normal"), 30), (Senses(blinking="slow"), 15)):
        assert flashes <= 60
        assert abs(changes(senses) / 2 - flashes) < 1
        assert sum(senses.dark(at) for at in A_MINUTE) == len(A_MINUTE) // 2


def test_a_bench_is_silent_and_slow_until_somebody_wants_otherwise() -> None:
    assert Senses() == Senses(sound=False, brightness=50, blinking="slow")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"brightness": 0}, "senses.brightness = 0: allowed is a whole number from 1 up to 100"),
        ({"brightness": 101}, "senses.brightness = 101: allowed is a whole number from 1 up to 100"),
        ({"blinking": "fast"}, "senses.blinking = 'fast': allowed is one of normal, off, slow"),
        ({"sound": "loud"}, "senses.sound = 'loud': allowed is true or false"),
        ({"blink": "off"}, "senses.blink is not a known key; did you mean blinking?"),
    ],
)
def test_what_is_not_allowed_is_named(given: dict[str, object], problem: str) -> None:
    assert convert(given, Senses, path="senses") == (None, [problem])
