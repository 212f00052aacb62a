"""What the station tells its docks about work, and what it hears from them, over a real dock thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from agent.bench.events import DockReported
from agent.bench.inbox import Inbox
from agent.devices.equipment import open_equipment
from agent.devices.notify import Notifier
from agent.devices.station_effects import StationEffects
from agent.jobs.bay import Bay, BayState
from agent.settings import parse
from drivers.docks.simulated import Driver
from tests.agent.mosquitto import wait_until


class Bench:
    """Two bays in a simulated dock; nobody takes what the engine is told, but the test."""

    def __init__(self, folder: Path) -> None:
        bays = [{"name": f"A{n}", "port": f"p{n}", "dock": "cradle", "slot": n} for n in (1, 2)]
        docks = [{"name": "cradle", "driver": "simulated", "settings": {"slots": 3}}]
        settings = parse({"bay": bays, "dock": docks}, where="test")
        made = open_equipment(settings)
        self.dock = cast(Driver, made.docks["cradle"])
        self.inbox = Inbox()
        self.effects = StationEffects(settings, made, self.inbox, Notifier(), folder)

    def told(self) -> list[DockReported]:
        events = iter(lambda: self.inbox.take(0.1), None)
        return [event for event in events if isinstance(event, DockReported)]

    def locked(self, slot: int) -> bool:
        return self.dock._state[slot].locked

    def show(self, bay: str, state: BayState) -> None:
        self.effects.bay_changed(Bay(name=bay, state=state))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.effects.close(5.0)


def test_a_drive_at_work_is_locked_in_until_it_is_done(bench: Bench) -> None:
    bench.show("A1", BayState.ERASING)
    wait_until(lambda: bench.locked(1), "the lock")
    bench.show("A1", BayState.VERIFYING)
    bench.show("A1", BayState.CERTIFYING)
    wait_until(lambda: not bench.locked(1), "the unlocking")
    assert not bench.locked(2)


def test_a_station_that_stops_leaves_it_locked_in_and_held(bench: Bench) -> None:
    """The drive may go on by itself inside a firmware erasure."""
    bench.show("A1", BayState.ERASING)
    wait_until(lambda: bench.locked(1), "the lock")
    bench.inbox.stopping = True
    bench.show("A1", BayState.EMPTY)
    bench.effects.close(5.0)
    assert bench.locked(1)


def test_what_a_dock_says_comes_with_the_name_of_the_bay(bench: Bench) -> None:
    bench.effects.watch_docks()
    bench.dock.sense(2, present=True)
    bench.dock.sense(3, present=True)  # a slot without a bay
    assert bench.told() == [DockReported("cradle", "A2", "present"), DockReported("cradle", None, "present")]
