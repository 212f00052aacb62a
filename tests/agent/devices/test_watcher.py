"""Drives that come and go: every change is told once, in order, and nobody waits for a drive."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from agent.bench.events import DriveArrived, DriveLeft, DriveUnreadable, Event
from agent.devices import watcher as watcher_module
from agent.devices.watcher import SILENT_LOOKS, Watcher
from drivers.drives.base import DriveError, DriveGone, DriveSource, OpenDrive
from drivers.drives.drive import Drive
from drivers.drives.facts import Facts, Use
from tests.agent.mosquitto import wait_until
from tests.patience import SOON_S


class Bench(DriveSource):
    """Ports that the test fills: port -> (token, serial). `slow` drives answer when they are let.

    `silent`: so many looks their firmware does not answer.
    """

    def __init__(self) -> None:
        self.ports: dict[str, tuple[str, str]] = {}
        self.mounted: set[str] = set()
        self.dumb: set[str] = set()
        self.silent: dict[str, int] = {}
        self.looks = 0
        self.slow: dict[str, threading.Event] = {}

    def present(self, ports: frozenset[str]) -> Mapping[str, str]:
        """Tokens."""
        return {port: token for port, (token, _) in self.ports.items() if port in ports}

    def look(self, port: str) -> Drive:
        """Who."""
        if port not in self.ports:
            raise DriveGone(device=port)
        serial = self.ports[port][1]
        if serial in self.dumb:
            raise DriveError(device=port, problem="it does not answer")
        left = self.silent.get(serial, 0)
        self.silent[serial] = max(0, left - 1)
        self.looks += 1
        return Drive(device=port, serial=serial, capacity_bytes=4096, silent=left > 0)

    def facts(self, port: str, *, protect: Iterable[Path]) -> Facts:
        """Whether it is mounted."""
        serial = self.ports.get(port, ("", ""))[1]
        if serial in self.slow:
            self.slow[serial].wait(SOON_S)
        drive = self.look(port)
        uses = (Use(kind="mount", device=port, target="/mnt"),) if serial in self.mounted else ()
        return Facts(path=port, kind="block", uses=uses, capacity_bytes=4096, drive=drive, in_bay=True)

    def open(self, port: str) -> OpenDrive:
        """Never asked."""
        raise DriveGone(device=port)


@pytest.fixture
def bench() -> Bench:
    """Empty ports."""
    return Bench()


@pytest.fixture
def events() -> list[Event]:
    """What was told."""
    return []


@pytest.fixture
def watcher(bench: Bench, events: list[Event]) -> Watcher:
    """Of two ports; the test says when it looks."""
    return Watcher("bench", bench, {"p1": "A1", "p2": "A2"}, protect=(), put=events.append)


def look(watcher: Watcher, events: list[Event], until: int) -> list[str]:
    """Look once; what was told so far, in short."""
    watcher.look()
    wait_until(lambda: len(events) >= until, f"{until} events: {events}")
    return [short(event) for event in events]


def short(event: Event) -> str:
    """A1+S1, A1-, A1?"""
    match event:
        case DriveArrived():
            return f"{event.bay}+{event.drive.serial}" + ("!" if event.refusals else "")
        case DriveLeft():
            return f"{event.bay}-"
        case DriveUnreadable():
            return f"{event.bay}?"
    return type(event).__name__


def test_each_change_is_told_once(watcher: Watcher, bench: Bench, events: list[Event]) -> None:
    bench.ports["p1"] = ("t1", "S1")
    assert look(watcher, events, 1) == ["A1+S1"]
    assert look(watcher, events, 1) == ["A1+S1"]
    del bench.ports["p1"]
    assert look(watcher, events, 2) == ["A1+S1", "A1-"]
    assert look(watcher, events, 2) == ["A1+S1", "A1-"]


def test_pulled_and_put_back_within_one_look_is_a_departure_and_an_arrival(
    watcher: Watcher, bench: Bench, events: list[Event]
) -> None:
    bench.ports["p1"] = ("t1", "S1")
    look(watcher, events, 1)
    bench.ports["p1"] = ("t2", "S1")
    assert look(watcher, events, 3) == ["A1+S1", "A1-", "A1+S1"]


def test_a_drive_whose_power_the_station_switches_neither_leaves_nor_arrives(
    watcher: Watcher, bench: Bench, events: list[Event]
) -> None:
    bench.ports["p1"] = ("t1", "S1")
    look(watcher, events, 1)
    watcher.look_away("p1")
    del bench.ports["p1"]
    look(watcher, events, 1)
    bench.ports["p1"] = ("t2", "S1")
    look(watcher, events, 1)
    watcher.look_back("p1", "t2")
    assert look(watcher, events, 1) == ["A1+S1"]
    bench.ports["p1"] = ("t3", "S1")
    assert look(watcher, events, 3) == ["A1+S1", "A1-", "A1+S1"]


def test_a_drive_that_does_not_come_back_has_left(watcher: Watcher, bench: Bench, events: list[Event]) -> None:
    bench.ports["p1"] = ("t1", "S1")
    look(watcher, events, 1)
    watcher.look_away("p1")
    del bench.ports["p1"]
    watcher.look_back("p1", "")
    assert look(watcher, events, 2) == ["A1+S1", "A1-"]


def test_departures_are_told_before_arrivals(watcher: Watcher, bench: Bench, events: list[Event]) -> None:
    bench.ports["p2"] = ("t1", "S1")
    look(watcher, events, 1)
    bench.ports = {"p1": ("t2", "S1")}
    assert look(watcher, events, 3) == ["A2+S1", "A2-", "A1+S1"]


def test_a_port_that_no_bay_names_does_not_exist(watcher: Watcher, bench: Bench, events: list[Event]) -> None:
    bench.ports = {"p9": ("t1", "S9"), "p1": ("t1", "S1")}
    assert look(watcher, events, 1) == ["A1+S1"]


def test_a_drive_that_takes_its_time_holds_no_other_up(watcher: Watcher, bench: Bench, events: list[Event]) -> None:
    bench.slow["SLOW"] = threading.Event()
    bench.ports = {"p1": ("t1", "SLOW"), "p2": ("t1", "S2")}
    assert look(watcher, events, 1) == ["A2+S2"]
    bench.slow["SLOW"].set()
    wait_until(lambda: len(events) == 2, "the slow one is told")
    assert short(events[1]) == "A1+SLOW"


def test_a_drive_that_left_while_it_was_asked_was_never_there(
    watcher: Watcher, bench: Bench, events: list[Event]
) -> None:
    asked = bench.slow["SLOW"] = threading.Event()
    bench.ports["p1"] = ("t1", "SLOW")
    watcher.look()
    bench.ports = {"p2": ("t1", "S2")}
    watcher.look()
    asked.set()
    wait_until(lambda: events, "the other arrived")
    assert [short(event) for event in events] == ["A2+S2"]


def test_what_is_refused_or_dumb_is_asked_again_and_only_news_is_told(
    watcher: Watcher, bench: Bench, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher_module, "AGAIN_S", 0.0)
    bench.ports = {"p1": ("t1", "S1"), "p2": ("t1", "S2")}
    bench.mounted, bench.dumb = {"S1"}, {"S2"}
    assert sorted(look(watcher, events, 2)) == ["A1+S1!", "A2?"]
    watcher.look()
    bench.mounted, bench.dumb = set(), set()
    wait_until(lambda: look(watcher, events, 2)[2:], "asked again")
    wait_until(lambda: len(events) == 4, "both are told")
    assert sorted(short(event) for event in events[2:]) == ["A1+S1", "A2+S2"]


def test_a_drive_whose_firmware_is_silent_is_not_planned_and_is_asked_again(
    watcher: Watcher, bench: Bench, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that turns takes its time: the bay says so, and goes on as soon as it answers."""
    monkeypatch.setattr(watcher_module, "AGAIN_S", 0.0)
    bench.silent["S1"] = SILENT_LOOKS - 1
    bench.ports["p1"] = ("t1", "S1")
    wait_until(lambda: look(watcher, events, 1)[1:], "it answers")
    first, last = events
    assert isinstance(first, DriveArrived)
    assert [reason.code for reason in first.refusals] == ["BW-P08"]
    assert isinstance(last, DriveArrived)
    assert (last.drive.silent, last.refusals) == (False, ())
    assert bench.looks == SILENT_LOOKS


def test_a_drive_that_stays_silent_is_left_to_the_policy_after_some_looks(
    watcher: Watcher, bench: Bench, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher_module, "AGAIN_S", 0.0)
    bench.silent["S1"] = 1000
    bench.ports["p1"] = ("t1", "S1")
    wait_until(lambda: look(watcher, events, 1)[1:], "its looks are over")
    last = events[-1]
    assert isinstance(last, DriveArrived)
    assert (last.drive.silent, last.refusals, bench.looks) == (True, (), SILENT_LOOKS)
    watcher.look()
    assert (len(events), bench.looks) == (2, SILENT_LOOKS)


def test_a_source_that_cannot_wait_for_news_is_looked_at_by_the_clock(
    watcher: Watcher, bench: Bench, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(seconds: float) -> None:
        raise OSError(105, "no buffer space")

    monkeypatch.setattr(bench, "wait_for_change", broken)
    monkeypatch.setattr(watcher_module, "LOOK_EVERY_S", 0.01)
    watcher.start()
    bench.ports["p1"] = ("t1", "S1")
    wait_until(lambda: events, "the drive is seen")
    watcher.stop()
