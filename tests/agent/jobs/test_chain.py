"""Rows against files: what may be taken in, and every way in which the two can contradict. A table."""

from __future__ import annotations

import pytest

from agent.jobs.chain import Filed, Row, Span, State, judge, next_number, untold

A, B, C = (Row(n, name, f"bench-01-{n:06d}") for n, name in ((1, "a"), (2, "b"), (3, "c")))


def filed(name: str, sequence: int, previous: str | None, gap_first: int = 0, problem: str = "") -> Filed:
    """A file that was read."""
    return Filed(name, sequence, f"bench-01-{sequence:06d}", previous, gap_first, problem)


FA, FB, FC = filed("a", 1, None), filed("b", 2, "a"), filed("c", 3, "b")


def found(
    rows: list[Row], files: list[Filed], gaps: tuple[Span, ...] = (), known: frozenset[tuple[str, str]] = frozenset()
) -> tuple[set[tuple[str, str]], tuple[str, ...]]:
    """({(kind, name)}, strays)."""
    read = {file.name: file for file in files}
    judged = judge(State(rows=rows, names=set(read), read=read, gaps=gaps, known=known))
    return {(conflict.kind, conflict.name) for conflict in judged.conflicts}, judged.strays


def test_one_story_has_no_conflict_and_no_stray() -> None:
    assert found([A, B, C], [FA, FB, FC]) == (set(), ())
    assert found([], []) == (set(), ())


def test_files_that_follow_the_last_row_one_after_another_want_a_row() -> None:
    assert found([A], [FA, FB, FC]) == (set(), ("b", "c"))
    assert found([], [FC, FB, FA]) == (set(), ("a", "b", "c"))


@pytest.mark.parametrize(
    ("rows", "files", "conflicts"),
    [
        ([A, B, C], [FA, FC], {("no-file", "b")}),
        ([A], [FA, FC], {("no-row", "c")}),
        ([A, C], [FA, FC], {("hole", "2-2")}),
        ([C], [FC], {("hole", "1-2")}),
        ([A, C], [FA, FB, FC], {("hole", "2-2"), ("no-row", "b")}),
        ([A, B], [FA, FB, filed("b2", 2, "a")], {("second", "b2")}),
        ([A], [FA, FB, filed("b2", 2, "a")], {("second", "b"), ("second", "b2")}),
        ([A, B], [FA, filed("b", 2, "x")], {("broken", "b")}),
        ([A, B], [FA, filed("b", 2, None)], {("broken", "b")}),
        ([A, B], [FA, filed("b", 7, "a")], {("broken", "b")}),
        ([A], [filed("a", 1, "x")], {("broken", "a")}),
        ([A], [FA, filed("b", 2, "x")], {("no-row", "b")}),
        ([A], [FA, filed("z", 9, "y", problem="signed by an unknown key")], {("foreign", "z")}),
        ([A], [filed("a", 1, None, problem="damaged")], {("foreign", "a")}),
    ],
)
def test_each_contradiction_is_found_and_named(
    rows: list[Row], files: list[Filed], conflicts: set[tuple[str, str]]
) -> None:
    assert found(rows, files)[0] == conflicts
    assert found(rows, files, known=frozenset(conflicts))[0] == set()


def test_what_follows_is_taken_in_although_something_else_contradicts() -> None:
    conflicts, strays = found([A], [FA, FB, filed("x", 9, "y")])
    assert (conflicts, strays) == ({("no-row", "x")}, ("b",))


def test_behind_a_told_gap_a_certificate_names_the_last_one_before_it() -> None:
    gap, far = (Span(2, 9),), filed("k", 10, "a", gap_first=2)
    assert found([A], [FA, far], gap) == (set(), ("k",))
    assert found([A, Row(10, "k", "")], [FA, far], gap) == (set(), ())
    wrong = filed("k", 10, "x", gap_first=2)
    assert found([A, Row(10, "k", "")], [FA, wrong], gap)[0] == {("broken", "k")}


def test_a_lost_certificate_that_turns_up_in_a_told_gap_breaks_nothing_once_it_is_recorded() -> None:
    gap, far = (Span(2, 9),), filed("k", 10, "a", gap_first=2)
    assert found([A, Row(10, "k", "")], [FA, FB, far], gap) == ({("no-row", "b")}, ())
    assert found([A, B, Row(10, "k", "")], [FA, FB, far], gap) == (set(), ())


def test_after_a_hole_that_is_known_the_name_of_the_lost_one_is_believed() -> None:
    assert found([A, C], [FA, FC], (Span(2, 2),)) == (set(), ())


def test_the_next_number_is_behind_rows_and_gaps() -> None:
    assert [next_number(0, ()), next_number(5, ()), next_number(5, [Span(6, 9)]), next_number(5, [Span(2, 3)])] == [
        1,
        6,
        10,
        6,
    ]


def test_only_numbers_that_no_gap_covers_are_untold() -> None:
    assert untold(Span(2, 9), [Span(4, 5), Span(7, 20)]) == [Span(2, 3), Span(6, 6)]
    assert untold(Span(2, 9), [Span(1, 9)]) == []
    assert untold(Span(2, 9), [Span(3, 8), Span(2, 4)]) == [Span(9, 9)]
