"""Ranges never cover less than they were given."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.erase.ranges import Span, bound, merge, outside_in, pieces, subtract, total, unreached

SPANS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40)), max_size=40)


def _bytes(spans: list[Span]) -> set[int]:
    return {b for offset, length in spans for b in range(offset, offset + length)}


@given(SPANS)
def test_merging_keeps_the_bytes_and_leaves_gaps_between_ranges(spans: list[Span]) -> None:
    merged = merge(spans)
    assert _bytes(merged) == _bytes(spans)
    assert total(spans) == len(_bytes(spans))
    assert all(a[0] + a[1] < b[0] for a, b in pairwise(merged))


@given(SPANS, st.integers(1, 6))
def test_a_bounded_list_covers_everything_and_says_which_of_it_is_exact(spans: list[Span], most: int) -> None:
    exact, covering = bound(spans, most)
    assert len(exact) + len(covering) <= most
    assert _bytes(exact + covering) >= _bytes(spans)
    assert set(exact) <= set(merge(spans))
    assert bool(covering) == (len(merge(spans)) > most)


@given(SPANS, st.integers(1, 64))
def test_pieces_and_their_order_lose_nothing(spans: list[Span], size: int) -> None:
    cut = outside_in(pieces(merge(spans), size))
    assert sorted(cut) == pieces(merge(spans), size)
    assert total(cut) == total(spans)
    assert all(length <= size for _, length in cut)


def test_a_run_is_worked_from_both_ends() -> None:
    run = [(i, 1) for i in range(5)] + [(100, 1)]
    assert outside_in(run) == [(0, 1), (4, 1), (100, 1), (1, 1), (3, 1), (2, 1)]


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 9), st.sampled_from(["write: EIO", "read: EIO"]))))
def test_the_certificates_list_is_bounded_and_never_understates(bad: list[tuple[int, int, str]]) -> None:
    rows = unreached(bad, most=5)
    assert _bytes([(r.offset, r.bytes) for r in rows]) >= _bytes([(o, n) for o, n, _ in bad])
    assert len(rows) <= 5
    if _bytes([(r.offset, r.bytes) for r in rows]) != _bytes([(o, n) for o, n, _ in bad]):
        assert any("too many ranges" in r.reason for r in rows)


def test_what_touches_is_one_row_with_its_reason() -> None:
    rows = unreached([(512, 512, "write: EIO"), (0, 512, "write: EIO"), (4096, 512, "read: ENODATA")])
    assert [(r.offset, r.bytes, r.reason) for r in rows] == [(0, 1024, "write: EIO"), (4096, 512, "read: ENODATA")]


@given(SPANS, SPANS)
def test_subtracting_leaves_exactly_the_rest(spans: list[Span], minus: list[Span]) -> None:
    assert _bytes(subtract(spans, minus)) == _bytes(spans) - _bytes(minus)
