"""A page's heading is the signed record's; a row that was changed is shown as changed, and no bytes stop the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.certificates.certificate import Certificate, certificate_id
from collector.certificates.rules import HEADINGS, Difference, Finding, Numbered, Stored, contradictions, show
from tests.collector.certificates.samples import KEY, KID, PAYLOAD, attested, erased, not_erased, signed, unread

PUBLIC = KEY.public_key()
GENUINE = erased()


def facts(certificate: Certificate) -> Mapping[str, object]:
    record = certificate.record
    return {"outcome": record.outcome, "number": record.number, "sequence": record.sequence, "clock": True}


def stored(compact: bytes, identifier: str | None = None, /, **columns: object) -> Stored:
    return Stored(certificate_id(compact) if identifier is None else identifier, compact, KID, PUBLIC, columns)


@pytest.mark.parametrize(
    ("make", "heading"),
    [
        (erased, "erased"),
        (unread, "unread"),
        (attested, "attested"),
        (not_erased, "failed"),
        (lambda: not_erased("failed", "BW-E60"), "again"),
        (lambda: not_erased("aborted", "BW-E18"), "aborted"),
        (lambda: not_erased("refused", "BW-S03"), "refused"),
    ],
)
def test_the_heading_is_what_was_signed_whatever_the_row_says(make: Callable[[], Certificate], heading: str) -> None:
    made = make()
    for claimed in ("erased", "failed", "", None, 7):
        shown = show(stored(made.compact, outcome=claimed), facts)
        assert shown.heading == heading
        assert shown.certificate == made
    assert heading in HEADINGS


def test_a_failed_certificate_under_an_erased_row_is_failed_and_the_row_is_shown_as_changed() -> None:
    shown = show(stored(not_erased().compact, outcome="erased", number="bench-01-000001"), facts)
    assert shown.heading == "failed"
    assert shown.differences == (Difference("outcome", "erased", "failed"),)
    assert not shown.agrees


def test_a_row_that_agrees_is_no_news() -> None:
    shown = show(stored(GENUINE.compact, None, **{**facts(GENUINE), "clock": 1, "arrival": 17}), facts)
    assert (shown.differences, shown.agrees, shown.problem) == ((), True, "")


def test_what_a_changed_column_says_cannot_steer_the_page() -> None:
    (one,) = show(stored(GENUINE.compact, number="\x1b[2J\u202e\ud800" + "x" * 9999), facts).differences
    assert one.row.startswith("\\u001b[2J\\u202e\\ud800x")
    assert len(one.row) < 400


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "one part": lambda c: c.replace(b".", b""),
    "four parts": lambda c: c + b".x",
    "not ASCII": lambda c: b"\xff" + c[1:],
    "not base64url": lambda c: c[:200] + b"!" + c[201:],
    "a payload of other JSON": lambda c: signed(b'{"schema":"x"}'),
    "a payload that is no JSON": lambda c: signed(b"\x00"),
    "a nest of brackets": lambda c: signed(b"[" * 20_000),
    "another type": lambda c: signed(PAYLOAD, typ="JWT"),
    "one bit": lambda c: c[:300] + bytes([c[300] ^ 1]) + c[301:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_changed_bytes_are_shown_as_what_does_not_hold(damage: str) -> None:
    changed = DAMAGES[damage](GENUINE.compact)
    under_its_old_id = show(stored(changed, GENUINE.id, outcome="erased"), facts)
    assert (under_its_old_id.heading, under_its_old_id.certificate) == ("does_not_hold", None)
    assert "do not have this id" in under_its_old_id.problem
    under_a_new_id = show(stored(changed, outcome="erased"), facts)
    assert (under_a_new_id.heading, under_a_new_id.certificate) == ("does_not_hold", None)
    assert under_a_new_id.problem


def test_without_its_key_nothing_is_claimed() -> None:
    shown = show(Stored(GENUINE.id, GENUINE.compact, KID, None, {}), facts)
    assert (shown.heading, shown.problem) == (
        "does_not_hold",
        "the key that it was accepted with is not in the database",
    )


@given(junk=st.binary(max_size=300), columns=st.dictionaries(st.text(max_size=5), st.none() | st.text(max_size=20)))
@settings(max_examples=100, deadline=None)
def test_no_row_raises(junk: bytes, columns: dict[str, object]) -> None:
    shown = show(stored(junk, None, **{f"c{name}": value for name, value in columns.items()}), facts)
    assert shown.heading == "does_not_hold"
    assert "\n" not in shown.problem


def place(identifier: str, station: str = "bench-01", number: str = "bench-01-000001", sequence: int = 1) -> Numbered:
    return Numbered(identifier, station, number, sequence)


def test_a_number_that_one_station_signed_twice_is_found() -> None:
    assert contradictions(place("a"), [place("a"), place("c"), place("b")]) == (Finding("signed_twice", ("b", "c")),)


def test_a_number_that_another_station_uses_is_found() -> None:
    found = contradictions(place("a"), [place("b", "bench-02", " BENCH-01-000001", 9)])
    assert found == (Finding("used_elsewhere", ("b",)),)


def test_two_histories_of_one_place_are_found_whatever_their_numbers_say() -> None:
    assert contradictions(place("a"), [place("b", number="other")]) == (Finding("signed_twice", ("b",)),)


def test_both_are_said_and_neither_hides_the_other() -> None:
    found = contradictions(place("a"), [place("b"), place("c", "bench-02")])
    assert [finding.kind for finding in found] == ["signed_twice", "used_elsewhere"]


def test_neighbours_and_other_stations_places_are_no_contradiction() -> None:
    others = [place("b", number="bench-01-000002", sequence=2), place("c", "bench-02", "bench-02-000001", 1)]
    assert contradictions(place("a"), others) == ()
