"""A broker whose limits are smaller than a certificate, and receipts that do not come: an alarm, and nothing lost."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.agent.mosquitto import Mosquitto, wait_until
from tests.agent.uplink.fake_collector import stored
from tests.agent.uplink.uplink_bench import QUICK, STATION, Bench

PROTOCOLS = pytest.mark.parametrize("protocol", ["5", "3.1.1"])
STATED, DROPPED = "max_packet_size 1500\n", "message_size_limit 1400\n"
"""mosquitto states the first (5) or cuts for it (3.1.1); by the second it drops, with 0x95 (5) or silently (3.1.1)."""

IMPATIENT = replace(QUICK, overdue_s=2.0)


def limited(broker: Mosquitto, limit: str) -> None:
    """Start the broker anew with this limit."""
    broker.kill()
    broker.extra = limit
    broker.start()


def connections(broker: Mosquitto) -> int:
    """How often the station connected."""
    return broker.log().count(f"as {STATION} (")


@PROTOCOLS
@pytest.mark.parametrize("limit", [STATED, DROPPED])
def test_a_limit_below_a_certificate_holds_up_nothing_else_and_loses_nothing(
    bench: Bench, broker: Mosquitto, caplog: pytest.LogCaptureFixture, limit: str, protocol: str
) -> None:
    limited(broker, limit)
    collector = bench.collector(protocol=protocol)
    certificates = {c.id for c in bench.issue(12)}
    statements = set(bench.state(3))
    uplink = bench.uplink(pace=IMPATIENT, protocol=protocol)
    wait_until(lambda: set(collector.certificates) == statements, "what is small enough arrived")
    if (limit, protocol) == (DROPPED, "3.1.1"):
        wait_until(lambda: "BW-U31" in bench.alarms, "the silence is an alarm")
        assert "limit of a message's size" in bench.alarms["BW-U31"]
    else:
        wait_until(lambda: "12 wait that are larger" in bench.alarms.get("BW-U30", ""), "the limit is an alarm")
    assert "network thread died" not in caplog.text
    wait_until(lambda: bench.ledger.outbox.depth() == 12, "and nothing else waits")
    limited(broker, "")
    bench.wait_empty()
    assert set(collector.certificates) == certificates | statements
    wait_until(lambda: not bench.alarms, "the alarms are over")
    assert uplink.status.connected


@PROTOCOLS
def test_a_broker_that_cuts_for_a_size_is_not_connected_to_for_ever(
    bench: Bench, broker: Mosquitto, protocol: str
) -> None:
    limited(broker, STATED)
    bench.issue(12)
    uplink = bench.uplink(protocol=protocol)
    collector = bench.collector(protocol=protocol)
    wait_until(lambda: "12 wait that are larger" in bench.alarms.get("BW-U30", ""), "all are known to be too large")
    tried = connections(broker)
    assert tried <= (1 if protocol == "5" else 2 + 12)  # two cuts, then at most one for each size
    time.sleep(4 * QUICK.reconnect_longest_s)  # long enough for another
    assert connections(broker) <= tried + 1
    assert uplink.status.connected
    assert ("it says so itself" in bench.alarms["BW-U30"]) == (protocol == "5")
    wait_until(lambda: collector.last(f"er/1/{STATION}/birth"), "what the station shows is shown")


def test_what_was_too_large_is_tried_again_after_a_while(bench: Bench, broker: Mosquitto) -> None:
    limited(broker, DROPPED)
    collector = bench.collector()
    (certificate,) = bench.issue(1)
    bench.uplink(pace=replace(IMPATIENT, probe_s=1.0))
    wait_until(lambda: "BW-U30" in bench.alarms, "the limit is an alarm")
    broker.extend("")  # SIGHUP: the connection stays, and nobody tells the station
    bench.wait_empty()
    assert set(collector.certificates) == {certificate.id}
    wait_until(lambda: not bench.alarms, "the alarm is over")
    assert connections(broker) == 1


def test_a_broker_that_is_killed_again_and_again_is_not_taken_for_one_with_a_limit(
    bench: Bench, broker: Mosquitto
) -> None:
    collector = bench.collector()
    issued = bench.issue(200)
    bench.uplink()
    for part in (20, 50, 80, 110, 140):
        wait_until(lambda part=part: len(collector.certificates) >= part, f"{part} arrived")  # type: ignore[misc]
        broker.kill()
        broker.start()
    bench.wait_empty()
    assert set(collector.certificates) == {c.id for c in issued}


@PROTOCOLS
def test_one_certificate_without_a_receipt_is_an_alarm_until_the_receipt_comes(bench: Bench, protocol: str) -> None:
    stuck, *rest = (c.id for c in bench.issue(4))
    collector = bench.collector(answer=lambda row, times: None if row == stuck else stored(row, times))
    bench.uplink(pace=IMPATIENT, protocol=protocol)
    wait_until(lambda: set(rest) <= set(collector.certificates), "the others arrived")
    wait_until(lambda: "BW-U31" in bench.alarms, "the alarm")
    text = bench.alarms["BW-U31"]
    assert "1 wait" in text
    assert "bench-01-" in text
    assert "not enrolled" in text
    collector.receipt(STATION, stuck, b'{"result":"stored"}')
    wait_until(lambda: not bench.alarms, "over with the receipt")
    assert bench.raised == ["BW-U31"]


def test_an_alarm_of_owed_receipts_names_what_is_known(bench: Bench, broker: Mosquitto) -> None:
    bench.issue(2)
    bench.uplink(pace=IMPATIENT)
    wait_until(lambda: "nobody at this broker takes them" in bench.alarms.get("BW-U31", ""), "no collector")


def test_a_station_without_a_broker_says_so_after_a_while(bench: Bench, broker: Mosquitto) -> None:
    broker.kill()
    bench.issue(2)
    bench.uplink(pace=IMPATIENT)
    wait_until(lambda: "no connection to 127.0.0.1" in bench.alarms.get("BW-U31", ""), "no broker")
    broker.start()
    bench.collector()
    bench.wait_empty()
    wait_until(lambda: not bench.alarms, "over")


def test_while_receipts_come_none_is_owed_for_long(bench: Bench) -> None:
    bench.collector()
    uplink = bench.uplink(pace=IMPATIENT)
    end = time.monotonic() + 2 * IMPATIENT.overdue_s
    while time.monotonic() < end:
        bench.issue(1)
        uplink.wake()
        time.sleep(0.2)
    bench.wait_empty()
    assert bench.raised == []
