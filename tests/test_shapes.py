"""A shape means one thing, wherever it stands: screen, label, command sheet and web pages read one table."""

from __future__ import annotations

from typing import get_args

import pytest

from agent.certificates.certificate import Claim
from agent.certificates.record import OutcomeName
from agent.certificates.shapes import SIGNS
from agent.pdf.command_codes import Shape as OnSheet
from agent.views.looks import ASKING, OUTCOMES, STATES, TROUBLE, UNKNOWN, WAITS
from collector.certificates import check_words, words
from drivers.printers.languages.label import Shape as OnLabel

CLAIMS = {*get_args(OutcomeName), "unread", "attested", "again"}
SAME = {"again", "aborted"}  # one meaning: begun, and to be erased again


def test_every_outcome_has_its_shape_in_every_medium_and_no_two_share_one() -> None:
    assert set(SIGNS) == CLAIMS
    assert get_args(Claim)
    for medium in ("drawn", "typed", "shown"):
        shapes = {name: getattr(sign, medium) for name, sign in SIGNS.items()}
        assert shapes["again"] == shapes["aborted"]
        assert len(set(shapes.values())) == len(CLAIMS) - 1
    assert {sign.drawn for sign in SIGNS.values()} == set(OnLabel)


def test_the_screen_has_them_and_gives_them_to_nothing_else() -> None:
    for name, look in OUTCOMES.items():
        assert look.shape == SIGNS[name].typed  # type: ignore[index]  # a claim's name
    taken = {sign.typed for sign in SIGNS.values()}
    assert {name for name, look in STATES.items() if look.shape in taken} == {"blocked"}
    assert STATES["blocked"].shape == SIGNS["refused"].typed  # it is refused, and nothing was done to it
    assert all(len(shape) <= 2 for shape in taken)


def test_a_question_mark_waits_for_a_person_and_an_exclamation_mark_is_trouble() -> None:
    assert {name for name, look in STATES.items() if look.shape == WAITS} == {"waiting"}
    assert {look.shape for look in (*ASKING.values(), UNKNOWN)} == {WAITS}
    assert {name for name, look in STATES.items() if look.shape == TROUBLE} == {"stalled", "quarantined"}


def test_web_pages_have_them_and_give_them_to_nothing_else() -> None:
    for name, mark in words.OUTCOMES.items():
        assert mark.shape == SIGNS[name].shown  # type: ignore[index]  # a claim's name
    taken = {sign.shown for sign in SIGNS.values()}
    others = {**words.CHAINS, **words.BAYS, **{str(k): mark for k, mark in words.PRESENCE.items()}}
    others["does_not_hold"] = words.HEADINGS["does_not_hold"]
    assert taken.isdisjoint(check_words.SHAPES.values())
    assert {name for name, mark in others.items() if mark.shape in taken} == {"blocked"}


@pytest.mark.parametrize("shape", list(OnSheet))
def test_no_command_of_the_sheet_has_an_outcomes_shape(shape: OnSheet) -> None:
    assert shape.value not in {drawn.value for drawn in OnLabel}
