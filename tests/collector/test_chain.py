"""The chain is the same whatever the order of arrival."""

from __future__ import annotations

import random
from itertools import permutations

from collector.intake.chain import Link, by_sequence, state

A = Link("a", 1, None)
B = Link("b", 2, "a")
C = Link("c", 3, "b")


def states(*links: Link) -> dict[str, str]:
    near = by_sequence(links)
    return {link.id: state(link, near) for link in links}


def test_a_whole_chain_is_ok_in_any_order() -> None:
    for order in permutations((A, B, C)):
        assert set(states(*order).values()) == {"ok"}


def test_a_missing_certificate_is_a_gap_before_its_successor_alone() -> None:
    assert states(A, C) == {"a": "ok", "c": "gap"}


def test_the_first_must_name_nobody() -> None:
    assert states(Link("x", 1, "y")) == {"x": "fork"}


def test_a_later_one_must_name_somebody() -> None:
    assert states(A, Link("x", 2, None)) == {"a": "ok", "x": "fork"}


def test_naming_another_than_the_one_before_is_a_fork() -> None:
    assert states(A, Link("x", 2, "other")) == {"a": "ok", "x": "fork"}


def test_two_of_the_same_sequence_are_both_forks_and_their_successor_is_judged_by_the_one_it_names() -> None:
    links = [A, B, Link("b2", 2, "a"), C]
    random.Random(1).shuffle(links)
    assert states(*links) == {"a": "ok", "b": "fork", "b2": "fork", "c": "ok"}
