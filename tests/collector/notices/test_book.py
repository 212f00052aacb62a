"""Alarms become rows and notices in one transaction: once each, bounded, and for whom they are."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pytest
from django.db import connection, transaction

from agent.messages import Alarm
from collector.fleet.live import MOST_HEARD, Live
from collector.moments import now
from collector.notices import bodies, gathering, rules, services
from collector.notices.book import BURST, Book
from collector.notices.errors import NoDestination
from collector.notices.listening import Listening
from collector.notices.models import Delivery, Destination, Notice, StationAlarm
from tests.collector.house import House
from tests.collector.notices.world import ACTOR, SINCE, World, heard

LATER = "2026-11-30T11:00:00Z"


@pytest.fixture
def world(house: House) -> World:
    return World(house)


@pytest.fixture
def each_world(each_house: House) -> World:
    return World(each_house)


def test_an_alarm_and_its_notices_are_written_together_or_not_at_all(each_world: World) -> None:
    each_world.mail()
    each_world.webhook("hook", "https://1.1.1.1/x")
    with transaction.atomic():
        each_world.alarm()
        transaction.set_rollback(True)
    assert (StationAlarm.objects.count(), Notice.objects.count()) == (0, 0)
    each_world.alarm()
    each_world.alarm()
    assert (StationAlarm.objects.count(), Notice.objects.count()) == (1, 2), "told again, it is written once"


def test_whoever_is_not_known_raises_no_alarm(world: World) -> None:
    world.mail()
    world.alarm(station="stranger")
    assert not StationAlarm.objects.exists()


def test_severity_and_station_say_where_it_goes(world: World) -> None:
    world.mail("all")
    world.mail("critical", severity="critical")
    world.mail("kolding", stations="kolding-*, bench-02")
    world.mail("one", stations="bench-01")
    world.mail("paused")
    services.pause(ACTOR, "paused")
    world.alarm()
    world.alarm("disk", severity="critical")
    found = {(one.destination.name, one.alarm.alarm) for one in Notice.objects.select_related("alarm", "destination")}
    assert found == {("all", "dock"), ("all", "disk"), ("critical", "disk"), ("one", "dock"), ("one", "disk")}


def test_the_end_is_told_to_whoever_wants_it(world: World) -> None:
    world.mail("raised")
    world.mail("both", ended_too=True)
    world.alarm()
    world.alarm(stands=False)
    world.alarm(stands=False)
    assert sorted(Notice.objects.values_list("destination__name", "word")) == [
        ("both", "ended"), ("both", "raised"), ("raised", "raised"),
    ]  # fmt: skip


def test_an_alarm_that_flaps_is_one_alarm_and_one_notice(world: World) -> None:
    world.mail()
    for number in range(50):
        world.alarm(since=f"2026-11-30T10:00:{number:02d}Z")
        world.alarm(since=f"2026-11-30T10:00:{number:02d}Z", stands=False)
    (row,) = StationAlarm.objects.all()
    assert (row.times, Notice.objects.count()) == (50, 1)
    world.alarm(severity="critical", since=LATER)
    assert Notice.objects.count() == 2, "a worse one is another one"
    StationAlarm.objects.update(raised_at=now() - rules.AGAIN - timedelta(seconds=1))
    world.alarm(since="2026-11-30T12:00:00Z")
    assert Notice.objects.count() == 3, "after some time it is told again"


def test_who_was_told_that_it_ended_is_told_that_it_stands_again(each_world: World) -> None:
    each_world.mail("raised")
    each_world.webhook("both", "https://1.1.1.1/x", ended_too=True)
    last = ""
    for second in range(3):
        last = f"2026-11-30T10:00:{second:02d}Z"
        each_world.alarm(since=last)
        gathering.gather()
        each_world.alarm(since=last, stands=False)
        gathering.gather()
    each_world.alarm(since=LATER)
    gathering.gather()
    told = Notice.objects.order_by("id")
    assert [one.word for one in told.filter(destination__name="both")] == ["raised", "ended"] * 3 + ["raised"]
    assert [one.word for one in told.filter(destination__name="raised")] == ["raised"]


def test_an_end_that_nobody_was_told_yet_is_not_told_of_an_alarm_that_stands_again(world: World) -> None:
    world.mail("both", ended_too=True)
    for second in range(3):
        world.alarm(since=f"2026-11-30T10:00:{second:02d}Z")
        world.alarm(since=f"2026-11-30T10:00:{second:02d}Z", stands=False)
    world.alarm(since=LATER)
    assert [one.word for one in Notice.objects.all()] == ["raised"]
    world.alarm(since=LATER, stands=False)
    assert [one.word for one in Notice.objects.order_by("id")] == ["raised", "ended"]


def test_a_station_has_a_budget_and_its_warnings_take_none_of_its_critical_ones(world: World) -> None:
    world.mail()
    beyond = sum(world.alarm(f"a{number}") for number in range(BURST + 40))
    assert (beyond, StationAlarm.objects.count()) == (40, BURST)
    assert world.alarm("fire", severity="critical") == 0
    assert Notice.objects.count() == BURST + 1


@pytest.mark.parametrize(("kind", "messages"), [("mail", 1), ("webhook", 30)])
def test_a_flood_of_alarms_becomes_few_messages_and_none_is_left_out(world: World, kind: str, messages: int) -> None:
    address = "ops@example.dk" if kind == "mail" else "https://1.1.1.1/x"
    services.add(ACTOR, "ops", kind, address, language="en")
    for number in range(BURST):
        world.alarm(f"a{number}", text=f"Alarm {number}.")
    gathering.gather()
    gathering.gather()
    rows = list(Delivery.objects.order_by("-alarms"))
    assert (len(rows), sum(one.alarms for one in rows)) == (messages, BURST)
    assert not Notice.objects.filter(delivery=None).exists()
    last = rows[0].body
    if kind == "mail":
        assert "and 10 more." in last
        assert rows[0].subject == "benchwipe: 60 words about alarms"
    else:
        told = json.loads(last)
        assert (told["type"], told["data"]["count"]) == ("alarm.digest", BURST - 29)
        assert len(last) < 30_000


def test_the_next_mail_waits_and_a_clock_that_was_set_back_holds_none_up(world: World) -> None:
    world.mail()
    world.alarm("first")
    gathering.gather()
    world.alarm("second")
    world.alarm("third")
    assert gathering.gather() == 0
    Delivery.objects.update(made_at=now() + timedelta(days=1))
    assert gathering.gather() == 1, "made tomorrow: the clock was set back since"
    assert sorted(Delivery.objects.values_list("alarms", flat=True)) == [1, 2]


def test_a_mails_text_and_a_webhooks_body_say_what_it_is(world: World) -> None:
    world.mail("danish")
    world.webhook("hook", "https://1.1.1.1/x")
    world.alarm(severity="critical", text="The dock\u202e does\r\nnot answer.")
    gathering.gather()
    mail = Delivery.objects.get(destination__name="danish")
    assert mail.subject == "benchwipe: ny alarm: bench-01, BW-D04"
    assert mail.body.startswith("Kritisk: bench-01: The dock\\u202e does\\u000d\\u000anot answer. (BW-D04)\n")
    told = json.loads(Delivery.objects.get(destination__name="hook").body)
    assert told["type"] == "alarm.raised"
    assert told["data"] | {"text": ""} == {
        "station": "bench-01", "alarm": "dock", "severity": "critical", "code": "BW-D04", "text": "", "since": SINCE,
    }  # fmt: skip


def say(live: Live, name: str, alarm: Alarm | None) -> None:
    live.read(f"er/1/bench-01/alarm/{name}", b"" if alarm is None else msgspec.json.encode(alarm), retained=True)


def test_what_the_live_page_hears_is_written_down_once(world: World) -> None:
    world.mail(ended_too=True)
    live = Live()
    listening = Listening(live)
    first = heard().alarm
    for alarm in (first, first, None, None):
        say(live, "dock", alarm)
        listening.look()
    say(live, "brief", first)
    say(live, "brief", None)
    listening.look()
    rows = {row.alarm: row.ended_at is not None for row in StationAlarm.objects.all()}
    assert rows == {"dock": True, "brief": True}, "one that ended between two looks is an alarm, too"
    assert Notice.objects.count() in (3, 4)


def test_what_could_not_be_written_is_written_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live()
    listening = Listening(live)
    say(live, "dock", heard().alarm)
    real = Book.write
    with monkeypatch.context() as broken:
        broken.setattr(Book, "write", lambda *_: connection.cursor().execute("SELECT * FROM nowhere"))
        with pytest.raises(Exception, match="nowhere"):
            listening.look()
    assert Book.write is real
    say(live, "disk", heard("disk").alarm)
    assert listening.look() == 2
    assert StationAlarm.objects.count() == 2


def test_what_ended_while_nobody_listened_is_ended(world: World) -> None:
    world.mail(ended_too=True)
    world.alarm()
    world.alarm("disk")
    assert world.book.settle({("bench-01", "disk", SINCE)}, ["bench-01"]) == 1
    assert world.book.settle(set(), ["another"]) == 0
    assert StationAlarm.objects.filter(ended_at=None).get().alarm == "disk"
    assert Notice.objects.filter(word="ended").count() == 1


def test_a_hostile_station_fills_no_memory() -> None:
    live = Live()
    for number in range(MOST_HEARD + 500):
        say(live, "a", Alarm(severity="warning", code="c", text="t", since=str(number)))
    assert len(live.take_heard(10**9)) == MOST_HEARD


def test_shares_and_pauses_are_as_said() -> None:
    assert rules.shares(3, 5) == (1, 1, 1)
    assert rules.shares(100, 30) == (1,) * 29 + (71,)
    assert rules.shares(7, 1) == (7,)
    assert rules.shares(7, 0) == ()
    whole = sum(rules.PAUSES_S)
    assert 23 * 3600 < whole <= 24 * 3600
    assert rules.pause_after(len(rules.PAUSES_S)) is not None
    assert rules.pause_after(len(rules.PAUSES_S) + 1) is None
    assert rules.pause_after(1, 900) == timedelta(seconds=900)
    assert rules.pause_after(1, 10**6) == rules.LONGEST_PAUSE
    assert bodies.MOST_IN_ONE <= BURST


def test_there_are_so_many_destinations_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST", 2)
    world.mail("one")
    world.mail("two")
    with pytest.raises(NoDestination, match="2 destinations already"):
        world.mail("three")
    assert Destination.objects.count() == 2
