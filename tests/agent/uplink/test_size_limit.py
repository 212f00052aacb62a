"""What is learned of a broker's limit, by the sizes alone; and what is likely where receipts are owed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from agent.uplink.connection import REFUSALS
from agent.uplink.overdue import Owing, Signs, likely_causes
from agent.uplink.size_limit import Bound, SizeLimit, body_bytes, packet_bytes

HOUR = 3600.0


def cut(limit: SizeLimit, *sizes: int, now: float = 0.0, too_large: bool = False) -> None:
    """One connection that ended with these unanswered."""
    limit.came_up(None)
    limit.hung_up(sizes, now, too_large=too_large)


def test_the_stated_limit_holds_from_the_connack_to_the_next_one() -> None:
    limit = SizeLimit(HOUR)
    limit.came_up(1000)
    assert (limit.most(0), limit.bound) == (1000, Bound(1000, "it says so itself"))
    limit.came_up(None)
    assert (limit.most(0), limit.bound) == (None, None)


def test_the_third_cut_tells_the_size_and_each_further_one_a_smaller_size() -> None:
    limit = SizeLimit(HOUR)
    cut(limit, 326, 2931, 2849)
    cut(limit, 326, 2931, 2849)
    assert (limit.careful, limit.most(0)) == (True, None)
    cut(limit, 2931)
    assert limit.most(1) == 2930
    cut(limit, 2849)
    assert limit.most(1) == 2848
    assert limit.careful


def test_a_broker_that_says_too_large_needs_one_cut_less() -> None:
    limit = SizeLimit(HOUR)
    cut(limit, 2931, 2849, too_large=True)
    cut(limit, 2931)
    assert limit.most(1) == 2930


def test_a_cut_with_nothing_large_unanswered_tells_no_size() -> None:
    limit = SizeLimit(HOUR)
    for sizes in ((), (50,), (200, 100)):
        cut(limit, *sizes)
        cut(limit, *sizes)
        cut(limit, *sizes)
    assert (limit.careful, limit.bound) == (False, None)


def test_a_cut_after_something_as_large_was_taken_tells_no_size() -> None:
    limit = SizeLimit(HOUR)
    for _ in range(5):
        limit.came_up(None)
        limit.acknowledged(3000)
        limit.hung_up([2931, 2849], 0.0, too_large=False)
    assert (limit.careful, limit.bound) == (False, None)


def test_a_limit_is_tried_again_after_an_hour_and_forgotten_when_the_broker_takes_more() -> None:
    limit = SizeLimit(HOUR)
    for _ in range(3):
        cut(limit, 2931)
    assert (limit.most(HOUR - 1), limit.most(HOUR + 1)) == (2930, None)
    assert limit.bound is not None, "the alarm stands while it is tried"
    cut(limit, 2931, now=HOUR + 2)
    assert limit.most(HOUR + 3) == 2930
    limit.came_up(None)
    limit.acknowledged(2000)
    assert limit.bound is not None
    limit.acknowledged(2931)
    assert limit.most(0) is None
    assert not limit.careful


def test_a_limit_is_tried_again_once_the_broker_was_started_anew() -> None:
    limit = SizeLimit(HOUR)
    for _ in range(3):
        cut(limit, 2931)
    limit.came_up(None)
    limit.hung_up([], 5.0, too_large=False)
    assert limit.most(6.0) is None
    assert limit.careful


@pytest.mark.parametrize("most", [130, 200, 1000, 16_400, 70_000])
def test_no_row_of_the_counted_bytes_makes_a_packet_above_the_limit(most: int) -> None:
    prefix = "er/1/bench-01/"
    room = body_bytes(most, prefix)
    topic = "cert/" + "0" * 64
    packet = packet_bytes(prefix + topic, bytes(max(0, room - len(topic))), five=True)
    assert most - 4 <= packet <= most or room < len(topic)


def test_paho_reads_every_refusal_of_a_publish() -> None:
    for code in REFUSALS:
        assert str(ReasonCode(PacketTypes.PUBACK, identifier=code))
    assert str(ReasonCode(PacketTypes.PUBACK, identifier=0x95)) == "Packet too large"
    assert str(ReasonCode(PacketTypes.PUBACK, identifier=0x87)) == "Not authorized"


WELL = Signs(station="bench-01", protocol="5", connected=True, last_error="", collector_seen=True)


@pytest.mark.parametrize(
    ("signs", "first"),
    [
        (replace(WELL, connected=False, last_error="no connection to b:1883: timed out"), "no connection to b:1883"),
        (replace(WELL, denied=frozenset({"cert", "bay"})), "access list does not let it write er/1/bench-01/cert/+"),
        (replace(WELL, deaf=True), "access list does not let it read er/1/bench-01/receipt/+"),
        (replace(WELL, bound=Bound(1000, "")), "no message of more than 1,000 bytes"),
        (replace(WELL, unheard=True), "nobody at this broker takes them"),
        (replace(WELL, receipts_ignored=3), "no collector of mqtt.collector_keys signed"),
        (replace(WELL, protocol="3.1.1"), "MQTT 3.1.1 has no word for it"),
        (replace(WELL, collector_seen=False), "no collector has said"),
        (WELL, "the collector cannot store them"),
    ],
)
def test_what_is_known_is_the_first_cause(signs: Signs, first: str) -> None:
    assert first in next(likely_causes(signs))


def test_where_nothing_is_known_all_that_is_possible_is_told_and_an_unset_clock_always() -> None:
    assert "this station is not enrolled there" in list(likely_causes(WELL))
    unset = list(likely_causes(replace(WELL, clock_synchronised=False, unheard=True)))
    assert len(unset) == 2
    assert "clock is not synchronised" in unset[-1]


def test_a_receipt_begins_the_hour_anew_but_not_for_the_row_that_has_none() -> None:
    owing = Owing(HOUR)
    owing.look(3, 0.0)
    assert not owing.overdue(None, HOUR - 1)
    assert owing.overdue(None, HOUR)
    owing.answered(HOUR)
    assert not owing.overdue(10.0, HOUR + 5)
    assert owing.overdue(10.0, HOUR + 10)
    owing.look(0, HOUR + 20)
    assert not owing.overdue(None, 3 * HOUR)
