"""Alarms that somebody takes, and the day's certificates by bench and hour."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import pytest
from django.test import Client

from agent.messages import Alarm
from collector.fleet import throughput
from collector.fleet.models import TakenAlarm
from collector.fleet.sources import SOURCES
from collector.intake.models import Certificate
from collector.moments import now
from tests.collector.conftest import chain_of
from tests.collector.house import House
from tests.collector.test_web import Site

ALARM = Alarm(severity="warning", code="BW-D04", text="The dock does not answer.", since="2026-11-30T10:00:00Z")


@pytest.fixture
def alarmed(house: House) -> House:
    SOURCES.live.read("er/1/bench-01/alarm/dock", msgspec.json.encode(ALARM))
    return house


def take(client: Client, alarm: str = "dock") -> int:
    return client.post(f"/stations/bench-01/alarms/{alarm}/take").status_code


def test_an_alarm_is_taken_by_the_first_who_says_so(alarmed: House) -> None:
    ida, bo = alarmed.client("technician", login="ida"), alarmed.client("team_lead", login="bo")
    assert "I take it" in bo.get("/").text
    assert [take(ida), take(bo)] == [302, 302]
    (row,) = TakenAlarm.objects.all()
    assert (row.by.login, row.code) == ("ida", "BW-D04")
    page = bo.get("/").text
    assert "Taken by Ida" in page
    assert "I take it" not in page


def test_an_alarm_that_comes_again_is_taken_anew(alarmed: House) -> None:
    client = alarmed.client("team_lead")
    take(client)
    SOURCES.live.read("er/1/bench-01/alarm/dock", b"")
    assert take(client) == 302
    assert TakenAlarm.objects.count() == 1, "what does not stand is taken by nobody"
    again = msgspec.structs.replace(ALARM, since="2026-11-30T11:00:00Z")
    SOURCES.live.read("er/1/bench-01/alarm/dock", msgspec.json.encode(again))
    assert "I take it" in client.get("/").text


@pytest.mark.parametrize("role", ["customer_data", None])
def test_nobody_from_outside_takes_one(alarmed: House, role: str | None) -> None:
    client = alarmed.client("customer_data") if role == "customer_data" else alarmed.stranger()
    take(client)
    assert not TakenAlarm.objects.exists()


def test_the_days_certificates_stand_by_bench_and_hour_as_picture_and_table(house: House) -> None:
    site = Site(house)
    site.put(*chain_of(site.key, 3))
    throughput._kept.clear()
    at = now()
    moment = at.astimezone(throughput.HERE)
    Certificate.unfiltered.update(received_at=at)
    Certificate.unfiltered.filter(sequence=1).update(received_at=at - timedelta(days=1))
    told = throughput.count(moment)
    assert told.total == 2
    assert told.benches[0].hours[moment.hour] == 2
    page = house.client("team_lead").get("/").text
    assert re.search(r"<svg[^>]*>\s*<title[^>]*>[^<]+</title><desc", page)
    assert page.count("<rect") == moment.hour + 1
    assert "<td>2</td></tr>" in page
    assert "style=" not in page.partition("<svg")[2].partition("</svg>")[0]


def test_a_day_without_any_has_no_picture(house: House) -> None:
    throughput._kept.clear()
    assert "<svg class" not in house.client("team_lead").get("/").text
