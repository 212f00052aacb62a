"""Figures for a monitoring system, to whom they are shown, and the health of each part apart from the others'."""

from __future__ import annotations

import os
import re
import signal
import socket
from dataclasses import replace

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import OperationalError
from prometheus_client.parser import text_string_to_metric_families

from collector.background.models import Task
from collector.fleet.sources import SOURCES, Part
from collector.parties import tokens
from collector.parties.services import Actor
from tests.collector.conftest import Broker, Collector, StationClient, chain_of, free_port, wait_for
from tests.collector.house import House
from tests.collector.test_web import Site
from tests.patience import PROGRAM_S, SOON_S

ACTOR = Actor("test")


def figures(text: str) -> dict[str, float]:
    """Name and labels -> value, as a monitoring system reads them."""
    return {
        sample.name + "".join(f",{k}={v}" for k, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def token(house: House, role: str, scopes: list[str]) -> str:
    return tokens.make(ACTOR, house.person(role), "monitor", scopes, 3)


def test_this_machine_and_a_token_read_them_and_nobody_else(house: House) -> None:
    stranger = house.stranger()
    assert stranger.get("/metrics").status_code == 200
    assert stranger.get("/metrics", REMOTE_ADDR="::1").status_code == 200
    assert stranger.get("/metrics", REMOTE_ADDR="192.0.2.9").status_code == 401
    assert stranger.get("/metrics", REMOTE_ADDR="").status_code == 401
    assert house.client("administrator").get("/metrics", REMOTE_ADDR="192.0.2.9").status_code == 401, (
        "a session is no token"
    )
    asked = {
        "of the house": (token(house, "team_lead", ["metrics:read"]), 200),
        "of another scope": (token(house, "team_lead", ["certificates:read"]), 403),
        "of a customer": (token(house, "customer_data", ["metrics:read"]), 403),
        "made up": ("bwc_nonsense", 401),
    }
    for what, (secret, status) in asked.items():
        answer = stranger.get("/metrics", HTTP_AUTHORIZATION=f"Bearer {secret}", REMOTE_ADDR="192.0.2.9")
        assert answer.status_code == status, what
        assert ("benchwipe_up" in answer.text) is (status == 200)
    assert stranger.post("/metrics").status_code == 405


def test_what_comes_through_a_proxy_on_this_machine_is_not_from_this_machine(house: House) -> None:
    from django.conf import settings

    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "collector.example"]
    assert house.stranger().get("/metrics", SERVER_NAME="collector.example").status_code == 401


def test_no_name_of_a_customer_a_person_or_a_drive_is_among_them(house: House) -> None:
    site = Site(house)
    site.put(*chain_of(site.key, 2))
    client = house.client("team_lead", login="zebra")
    for address in ("/certificates?q=Kolding", "/certificates/nonsense-zebra", "/nowhere/zebra", "/audit"):
        client.get(address)
    client.generic("ZEBRA", "/certificates")
    text = client.get("/metrics").text
    for name in ("kolding", "zebra", "bench-01", "ser-1", "lot-7", "special"):
        assert name not in text.lower(), name
    found = figures(text)
    assert found["benchwipe_web_requests_total,method=GET,route=certificates,status=200"] >= 1
    assert found["benchwipe_web_requests_total,method=GET,route=none,status=404"] >= 1
    assert found["benchwipe_web_requests_total,method=other,route=certificates,status=405"] >= 1
    assert found["benchwipe_web_request_seconds_count"] >= 4
    assert found["benchwipe_database_up"] == 1


def test_what_is_asked_for_makes_no_more_of_them(house: House) -> None:
    """A thousand addresses are one line: nobody fills the memory by asking."""
    client = house.stranger()
    client.get("/nowhere/0")
    before = client.get("/metrics").text.count("\n")
    for number in range(50):
        client.get(f"/nowhere/{number}")
        client.get(f"/check/{number}")
        client.generic(f"M{number}", "/check")
    assert client.get("/metrics").text.count("\n") - before < 12


def test_they_say_which_part_is_down_also_without_a_database(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"web": Part(True), "intake": Part(False, {"stored": 3, "waiting": 7}), "worker": Part(True)}
    monkeypatch.setattr(SOURCES, "parts", lambda: parts)

    def away(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(Task.objects, "values_list", away)
    found = figures(house.stranger().get("/metrics").text)
    assert [found[f"benchwipe_up,part={part}"] for part in ("web", "intake", "worker")] == [1, 0, 1]
    assert found["benchwipe_database_up"] == 0
    assert found["benchwipe_intake_certificates_total"] == 3
    assert found["benchwipe_intake_waiting"] == 7


def test_a_collector_counts_what_comes_in_and_says_which_part_is_gone(
    collector: Collector, station: StationClient, key: Ed25519PrivateKey
) -> None:
    collector.enrol("bench-01", key)
    for one in chain_of(key, 3):
        station.deliver(one)
        station.wait(one.id)
    station.deliver(one)
    station.wait(one.id, 2)

    def told(name: str) -> float:
        return figures(collector.get("/metrics").text).get(name, -1.0)

    wait_for(lambda: told("benchwipe_intake_certificates_total") == 3)
    wait_for(lambda: told("benchwipe_intake_duplicates_total") == 1)
    assert told("benchwipe_up,part=intake") == told("benchwipe_up,part=worker") == 1
    for part in ("worker", "intake"):
        os.kill(collector.child(part), signal.SIGSTOP)
        wait_for(lambda part=part: told(f"benchwipe_up,part={part}") == 0)  # type: ignore[misc]
        os.kill(collector.child(part), signal.SIGCONT)
        wait_for(lambda part=part: told(f"benchwipe_up,part={part}") == 1)  # type: ignore[misc]


def test_the_intake_says_that_it_is_well_while_the_pages_do_not_answer(broker: Broker, collector: Collector) -> None:
    collector.kill()
    port = free_port()
    collector.write()
    text = collector.config.read_text()
    collector.config.write_text(f'health_listen = "127.0.0.1:{port}"\n' + text)
    one = replace(collector, process=None)
    one.write = lambda: None  # type: ignore[method-assign]
    try:
        one.start()
        os.kill(one.child("web"), signal.SIGSTOP)
        address = f"http://127.0.0.1:{port}/healthz"
        slow = socket.create_connection(("127.0.0.1", port), timeout=SOON_S)
        slow.sendall(b"GET /heal")  # half sent, and kept open
        answer = httpx.get(address, timeout=PROGRAM_S)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=PROGRAM_S).status_code == 404
        slow.close()
        broker.kill()
        wait_for(lambda: httpx.get(address, timeout=PROGRAM_S).status_code == 503)
        assert not re.search("Traceback", one.log)
    finally:
        os.kill(one.child("web"), signal.SIGCONT)
        one.kill()
