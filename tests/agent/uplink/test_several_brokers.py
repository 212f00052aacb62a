"""A list of brokers: whichever dies, falls silent or has no collector any more, the certificates go on with another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import SettingsError
from agent.settings import BrokerPlace, Mqtt, parse
from agent.uplink.brokers import Brokers
from agent.uplink.pending import Pending
from tests.agent.mosquitto import Mosquitto, free_port, wait_until
from tests.agent.uplink.fake_collector import FakeCollector
from tests.agent.uplink.uplink_bench import QUICK, Bench

HOMELY = replace(QUICK, leave_s=1.0, home_s=3600.0)


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path / "second")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def other(second: Mosquitto) -> Iterator[FakeCollector]:
    """The collector at the second broker."""
    made = FakeCollector(second.port)
    made.ready()
    yield made
    made.close()


def listed(*ports: int) -> tuple[str, ...]:
    return tuple(f"127.0.0.1:{port}" for port in ports)


def test_the_broker_of_the_first_is_killed_and_all_arrive_at_the_second(
    bench: Bench, broker: Mosquitto, second: Mosquitto, other: FakeCollector
) -> None:
    first = bench.collector()
    issued = bench.issue(60)
    uplink = bench.uplink(pace=HOMELY, brokers=listed(second.port))
    wait_until(lambda: len(first.certificates) >= 20, "some have arrived")
    broker.kill()
    issued += bench.issue(5)
    uplink.wake()
    bench.wait_empty()
    assert first.certificates | other.certificates == {c.id: c.compact for c in issued}
    assert uplink.status.host == f"127.0.0.1:{second.port}"
    assert uplink.status.connected


def test_a_broker_whose_collector_is_gone_is_left_for_one_that_gives_receipts(
    bench: Bench, second: Mosquitto, other: FakeCollector
) -> None:
    issued = bench.issue(3)
    uplink = bench.uplink(pace=HOMELY, brokers=listed(second.port))
    bench.wait_empty()
    assert other.certificates == {c.id: c.compact for c in issued}
    assert uplink.status.host == f"127.0.0.1:{second.port}"


def test_one_that_hangs_and_one_that_is_not_there_are_passed_over(
    bench: Bench, broker: Mosquitto, second: Mosquitto, other: FakeCollector
) -> None:
    broker.hang()
    issued = bench.issue(2)
    bench.uplink(pace=replace(HOMELY, connect_s=1.0), brokers=listed(free_port(), second.port))
    bench.wait_empty()
    assert set(other.certificates) == {c.id for c in issued}
    broker.go_on()


def test_it_goes_home_when_nothing_waits_and_the_first_answers_again(
    bench: Bench, broker: Mosquitto, second: Mosquitto, other: FakeCollector
) -> None:
    broker.kill()
    uplink = bench.uplink(pace=replace(HOMELY, home_s=1.0), brokers=listed(second.port))
    wait_until(lambda: uplink.status.host.endswith(f":{second.port}") and uplink.status.connected, "at the second")
    broker.start()
    bench.collector()
    wait_until(lambda: uplink.status.host.endswith(f":{broker.port}") and uplink.status.connected, "at home")


def test_what_one_broker_told_of_its_limit_is_not_believed_of_another(
    bench: Bench, broker: Mosquitto, second: Mosquitto, other: FakeCollector
) -> None:
    """The first takes no certificate at all, and says so. They are sent as soon as the second has us."""
    broker.kill()
    broker.extra = "max_packet_size 600\n"
    broker.start()
    issued = bench.issue(2)
    uplink = bench.uplink(pace=HOMELY, brokers=listed(second.port))
    wait_until(lambda: uplink.status.most_bytes == 600, "the first has told its limit")
    broker.kill()
    bench.wait_empty()
    assert set(other.certificates) == {c.id for c in issued}
    assert uplink.status.most_bytes is None


# The order, without a network

PLACES = tuple(BrokerPlace(name, 8883) for name in "abc")


def waits(since: float | None = 0.0, answered: float | None = None) -> Pending:
    made = Pending(30.0, 900.0)
    if answered is not None:
        made.sent("x", answered)
        made.answered("x", answered)
    if since is not None:
        made.sent("y", since)
    return made


def called(brokers: Brokers) -> str:
    return brokers.address.host


def test_each_is_called_in_turn_and_the_waits_grow_by_the_round() -> None:
    brokers = Brokers(PLACES, patience_s=60, home_s=900)
    found = [called(brokers)]
    for _ in range(5):
        assert brokers.lost(0.0)
        found.append(called(brokers))
    assert found == list("abcabc")
    assert [brokers.rounds(attempts) for attempts in range(8)] == [0, 0, 0, 0, 1, 1, 1, 2]


def test_one_that_had_us_for_long_is_called_once_more_and_one_that_cuts_at_once_is_not() -> None:
    brokers = Brokers(PLACES, patience_s=60, home_s=900)
    brokers.came_up(0.0)
    assert not brokers.lost(100.0)
    assert brokers.lost(101.0)
    brokers.came_up(110.0)
    assert brokers.lost(111.0)
    assert called(brokers) == "c"


def test_it_is_left_for_want_of_receipts_alone_and_ever_more_slowly() -> None:
    brokers, now, found = Brokers(PLACES, patience_s=60, home_s=900), 0.0, []
    for _ in range(18):
        brokers.came_up(now)
        since = now
        while not brokers.leave(now, waits(0.0)):
            now += 10
        found.append(now - since)
    assert found == [60] * 3 + [120] * 3 + [240] * 3 + [480] * 3 + [960] * 6


def test_receipts_that_come_hold_it_and_bring_the_patience_back() -> None:
    brokers = Brokers(PLACES, patience_s=60, home_s=900)
    for now in (0.0, 100.0, 200.0):
        brokers.came_up(now)
        assert brokers.leave(now + 60, waits(0.0))
    brokers.came_up(300.0)
    assert not brokers.leave(419.0, waits(310.0, answered=360.0))
    assert brokers.leave(420.0, waits(310.0, answered=360.0))


def test_home_is_gone_to_only_while_nothing_waits() -> None:
    brokers = Brokers(PLACES, patience_s=60, home_s=900)
    brokers.lost(0.0)
    brokers.came_up(0.0)
    assert not brokers.leave(899.0, waits(None))
    assert not brokers.leave(900.0, waits(890.0))
    assert brokers.leave(900.0, waits(None))
    assert called(brokers) == "a"


def test_a_single_broker_is_never_left() -> None:
    brokers = Brokers(PLACES[:1], patience_s=60, home_s=900)
    brokers.came_up(0.0)
    assert not brokers.leave(10_000.0, waits(0.0))
    assert not brokers.lost(10_000.0)


# The configuration


@pytest.mark.parametrize(
    ("told", "host", "port"),
    [
        ("b.example", "b.example", 8884),
        ("b.example:1883", "b.example", 1883),
        ("192.0.2.7:1", "192.0.2.7", 1),
        ("2001:db8::7", "2001:db8::7", 8884),
        ("[2001:db8::7]:65535", "2001:db8::7", 65535),
        ("[2001:db8::7]", "2001:db8::7", 8884),
    ],
)
def test_an_address_of_the_list_is_read(told: str, host: str, port: int) -> None:
    assert Mqtt(host="a.example", port=8884, brokers=(told,)).addresses[1] == BrokerPlace(host, port)


@pytest.mark.parametrize(
    "told",
    [
        "",
        ":",
        "b:",
        ":1883",
        "b:0",
        "b:65536",
        "b:x",
        "b:-1",
        "b:¹",
        "mqtts://b",
        "b/c",
        "[b]:1",
        "[::1:1",
        "b c:1",
    ],
)
def test_what_is_no_address_is_a_problem_with_its_place(told: str) -> None:
    assert problem({"host": "a", "brokers": ["c", told]}).startswith(f"mqtt.brokers[1] = {told!r}: allowed is HOST")


@pytest.mark.parametrize("twice", ["a", "a:8883", "b:1"])
def test_one_that_stands_twice_is_a_problem(twice: str) -> None:
    assert "stands before already" in problem({"host": "a", "brokers": ["b:1", twice]})


def test_a_list_that_no_bench_needs_is_refused() -> None:
    assert "mqtt.brokers" in problem({"host": "a", "brokers": [f"b{n}" for n in range(17)]})


def problem(mqtt: dict[str, object]) -> str:
    """The one line that a configuration with this table is refused with."""
    with pytest.raises(SettingsError) as refused:
        parse({"mqtt": mqtt}, where="station.toml")
    (line,) = refused.value.problems
    return line.removeprefix("station.toml: ")
