"""Headlines, counts and matching as rules, over whatever may come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.certificates.identifiers import identify
from collector.units import matching, rules
from collector.units import vocabulary as words
from collector.units.matching import Index, Seen

NOW = datetime(2026, 11, 30, tzinfo=UTC)
OUTCOMES = ("erased", "unread", "attested", "failed", "aborted", "refused")
links = st.builds(
    rules.Link,
    drive=st.sampled_from(["a", "b", "c"]),
    outcome=st.sampled_from(OUTCOMES),
    at=st.integers(0, 9).map(lambda n: NOW + timedelta(days=n)),
    validation=st.sampled_from(words.DECISIONS),
    destroyed=st.booleans(),
    needs_validation=st.booleans(),
    unread_counts=st.booleans(),
)
known = st.builds(
    rules.Known,
    kind=st.sampled_from(words.KINDS),
    registered=st.booleans(),
    expected=st.sampled_from(["", "open", "closed"]),
    received=st.booleans(),
    accepted=st.booleans(),
    merged=st.booleans(),
    questions=st.sets(st.sampled_from(words.QUESTIONS)).map(frozenset),
    drives_counted=st.none() | st.integers(0, 3),
    links=st.lists(links, max_size=5, unique_by=lambda one: one.at).map(tuple),
    destroyed=st.booleans(),
    disposal=st.sampled_from(["", *words.DISPOSALS]),
)


@given(known)
def test_every_unit_has_one_headline_and_the_registers_rows_are_the_others(one: rules.Known) -> None:
    told = rules.standing(one)
    assert told.headline in words.STATUSES
    assert told.presence in words.PRESENCES
    assert told.data in words.DATA
    of_register = one.registered and not one.merged
    assert (told.headline not in words.NOT_OF_THE_REGISTER) == of_register
    assert bool(told.disposal) == one.received


def good_enough(link: rules.Link) -> bool:
    return link.outcome in ("erased", "attested") or (link.outcome == "unread" and link.unread_counts)


@given(known)
def test_nothing_is_erased_but_what_was_counted_and_is_accounted_for(one: rules.Known) -> None:
    """Told anew, without the program's own fold: a unit that is said to be erased has that many good drives."""
    data = rules.data_of(one)
    if data.state not in (words.ERASED, words.ATTESTED) and not (data.state == words.DESTROYED and not one.destroyed):
        return
    newest: dict[str, rules.Link] = {}
    for link in sorted(one.links, key=lambda each: each.at):
        drive = "" if one.kind in words.HANDSETS else link.drive
        if link.outcome != "refused" or drive not in newest:
            newest[drive] = link
    good = [link for link in newest.values() if link.destroyed or (good_enough(link) and link.validation != "rejected")]
    counted = 1 if one.kind in (*words.HANDSETS, words.LOOSE_DRIVE) else one.drives_counted
    assert len(good) == len(newest) == counted
    assert data.awaiting == any(
        x.needs_validation and not x.destroyed and x.validation != "accepted" for x in newest.values()
    )


@given(known)
def test_missing_is_only_what_a_closed_lot_expected_and_nobody_received(one: rules.Known) -> None:
    missing = rules.presence_of(one) == words.MISSING
    assert missing == (one.registered and one.expected == "closed" and not one.received and not one.merged)
    if missing and not one.questions & rules.CONFLICTS:
        assert rules.standing(one).headline == words.MISSING, "whatever its certificates say"


@given(st.lists(known, max_size=30))
def test_counts_add_up(some: list[rules.Known]) -> None:
    told = [rules.standing(one) for one in some]
    counts = rules.counts(one.headline for one in told)
    places = [one.disposal for one in told if one.disposal]
    rows = sum(one.registered and not one.merged for one in some)
    received = sum(one.received for one in some)
    sums = rules.Sums(rows, counts, received, {place: places.count(place) for place in set(places)})
    assert sums.problems == []
    wrong = rules.Sums(rows + 1, counts, received + 1, sums.disposals)
    assert len(wrong.problems) == 2


def seen(serial: str = "", tag: str = "", imei: str = "", maker: str = "") -> Seen:
    told = (("serial", serial), ("asset_tag", tag), ("imei14", imei))
    found = [identify(kind, text) for kind, text in told if text]  # type: ignore[arg-type]
    return Seen(tuple(one for one in found if one is not None), maker)


def index(*units: tuple[int, Seen]) -> Index:
    made = Index()
    for unit, one in units:
        for number in one.numbers:
            made.add(unit, number.kind, number.norm, one.manufacturer)
    return made


TWO = index((1, seen("PF1AAAA1", "K-1", maker="LENOVO")), (2, seen("PF1AAAA2", "K-2", "353879234252633", "Dell Inc.")))


@pytest.mark.parametrize(
    ("one", "unit", "rule"),
    [
        (seen("pf1-aaaa1", maker="Lenovo"), 1, "serial_and_maker"),
        (seen("PF1AAAA1", maker="IBM"), 1, "serial_and_maker"),
        (seen("PF1AAAA1"), 1, "serial"),
        (seen("PF1AAAA1", maker="Dell"), 1, "serial"),
        (seen(imei="35387923425263"), 2, "imei"),
        (seen("NEWBOARD", imei="3538792342526377"), 2, "imei"),
        (seen(tag="k-1"), 1, "tag"),
        (seen("PF1AAAA1", imei="353879234252633", maker="Lenovo"), 1, "serial_and_maker"),
        (seen("OTHER99", "K-1"), None, ""),
        (seen("OTHER99"), None, ""),
    ],
)
def test_the_first_rule_that_hits_decides(one: Seen, unit: int | None, rule: str) -> None:
    found = matching.match(one, TWO)
    assert (found.unit, found.rule) == (unit, rule)


def test_what_contradicts_is_told_beside_the_match() -> None:
    assert matching.match(seen("OTHER99", "K-1"), TWO).conflict == 1
    assert matching.match(seen("PF1AAAA1", imei="353879234252633"), TWO).against in ((2,), (1,))
    assert matching.match(seen("PF1AAAA1", "K-2"), TWO).conflict == 2


numbers = st.tuples(st.sampled_from(["AAAA1", "BBBB2", "CCCC3", ""]), st.sampled_from(["K-1", "K-2", ""]))


@given(st.lists(numbers, max_size=4), numbers)
def test_a_tag_alone_never_makes_a_match_against_another_serial_number(
    units: list[tuple[str, str]], one: tuple[str, str]
) -> None:
    made = index(*((n, seen(*told)) for n, told in enumerate(units, 1)))
    found = matching.match(seen(*one), made)
    if found.rule == "tag" and found.unit is not None:
        assert not one[0] or not units[found.unit - 1][0]


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [("ABCD", "ABCE", True), ("ABCD", "ABC", True), ("ABCD", "XABCD", True), ("ABCD", "ABCD", False),
     ("ABCD", "ABDC", False), ("ABCD", "AB", False)],
)  # fmt: skip
def test_one_place_apart(one: str, other: str, near: bool) -> None:
    assert matching.one_apart(one, other) is near


def test_what_is_nearly_the_same_is_suggested_and_not_more() -> None:
    assert matching.suggestions(seen("PF1AAAA7"), TWO) == [1, 2]
    assert matching.suggestions(seen("SPF1AAAA1"), TWO) == [1]
    assert matching.suggestions(seen("NOTHING"), TWO) == []
