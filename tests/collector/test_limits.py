"""Attempts to sign in are counted in the database: a restart forgets none, and no row of it is a program."""

from __future__ import annotations

import pickle
import threading
import time

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection

from collector.parties import limits
from collector.parties.limits import Limits
from collector.parties.models import Limit
from tests.collector.house import House
from tests.collector.test_signing_in import sign_in


def fresh() -> Limits:
    """What a process that just started has."""
    return Limits("fresh", {})


def test_what_is_kept_is_there_after_a_restart_until_its_time_has_passed(
    each_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = fresh()
    one.set("a", [1.5, 2.5], 60)
    one.set("a", [1.5, 2.5, 3.5], 60)
    assert (fresh().get("a"), fresh().get("b", "none")) == ([1.5, 2.5, 3.5], "none")
    assert (fresh().add("code", "y", 60), fresh().add("code", "y", 60)) == (True, False)
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 61)
    assert fresh().get("a") is None
    assert (fresh().add("code", "again", 60), fresh().get("code")) == (True, "again")
    assert (fresh().delete("code"), fresh().delete("code")) == (True, False)


def test_of_many_that_add_the_same_at_once_one_does(each_house: House) -> None:
    won: list[bool] = []
    ready = threading.Barrier(6)

    def race() -> None:
        ready.wait()
        try:
            won.append(fresh().add("code", "y", 60))
        finally:
            connection.close()

    racers = [threading.Thread(target=race) for _ in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(won) == [False] * 5 + [True]


def test_rows_that_have_passed_are_deleted_and_locks_are_no_rows(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    one = fresh()
    for number in range(50):
        one.set(f"old {number}", 1, -1)
    assert one.add("x:lock", True, 60)
    assert not one.add("x:lock", True, 60)
    assert one.delete("x:lock")
    assert Limit.objects.count() == 50
    monkeypatch.setattr(limits, "EACH", 1)
    one.set("new", 1, 60)
    assert Limit.objects.count() == 1


def test_a_row_is_data_and_its_key_tells_no_address(house: House) -> None:
    fresh().set("allauth:rl:login:192.0.2.1", [1.0], 60)
    (row,) = Limit.objects.all()
    assert "192.0.2.1" not in row.key
    assert row.value == "[1.0]"
    Limit.objects.update(value=pickle.dumps(print).hex())
    with pytest.raises(ValueError, match="line 1"):
        fresh().get("allauth:rl:login:192.0.2.1")


def test_a_restart_gives_nobody_five_more_attempts(house: House) -> None:
    house.person("team_lead", login="ida")
    for _ in range(5):
        sign_in(house.stranger(), "ida", "not it")
    refused = sign_in(house.stranger(), "ida").text
    assert "Too many" in refused
    settings.CACHES = {"default": dict(settings.CACHES["default"])}
    del caches["default"]  # as a process that begins
    assert "Too many" in sign_in(house.stranger(), "ida", address="192.0.2.77").text
    assert Limit.objects.count() > 0
