"""The real two ends over a line that loses, doubles, delays and damages, with resets in mid-command.

What must hold whatever the line does: a request is carried out at most once, what is read back is true, and no bay is
on that nobody asked for.
"""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable

import pytest

from firmware_bridge import link, messages
from firmware_bridge.controller import wire
from firmware_bridge.controller.session import Controller
from firmware_bridge.errors import BridgeError
from firmware_bridge.frames import Frame
from tests.firmware_bridge.controller.bench import Bench, HostileLine, link_over

Switched = Counter[tuple[int, int | None]]


@pytest.fixture
def switched(monkeypatch: pytest.MonkeyPatch) -> Switched:
    """How often each (session, seq) of a SET_BAY was carried out."""
    counts: Switched = Counter()
    real = Controller._set_bay

    def counted(controller: Controller, body: bytes) -> bytes:
        counts[controller.session, controller._last_seq] += 1
        return real(controller, body)

    monkeypatch.setattr(Controller, "_set_bay", counted)
    return counts


class Host:
    """A station as it should behave: it reads before it switches, opens anew when its session is over, and gives up."""

    def __init__(self, bench: Bench, chance: random.Random) -> None:
        self.bench, self.line = bench, HostileLine(bench, chance)
        self.link = link_over(self.line, chance.randrange(1 << 30))
        self.asked_on = [False] * len(bench.lines)
        self.done = self.failed = 0

    def attempt(self, what: Callable[[], object]) -> bool:
        """Whether it was done, in as many sessions as it takes, up to five."""
        for _ in range(5):
            try:
                if not self.link.session:
                    self.link.hello()
                    self.link.open(2000)
                what()
            except link.RequestRefused as refused:
                if refused.error == wire.E_SESSION:
                    self.link.session = 0
            except link.LinkSilent:
                continue
            else:
                self.done += 1
                return True
        self.failed += 1
        return False

    def switch(self, bay: int, on: bool) -> None:
        def do() -> None:
            rev = self.link.bays()[bay].rev
            self.asked_on[bay] = self.asked_on[bay] or on
            self.link.set_bay(bay, wire.POWER, wire.POWER if on else 0, rev)

        if self.attempt(do) and not on:
            self.asked_on[bay] = False

    def look(self) -> None:
        def do() -> None:
            states = self.link.bays()
            shown = [state.outputs & wire.LINES for state in states]
            assert shown == [lines.on for lines in self.bench.lines]

        self.attempt(do)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_line_does(seed: int, switched: Switched) -> None:
    chance = random.Random(seed)
    bench = Bench()
    host = Host(bench, chance)
    for _ in range(40):
        match chance.randrange(6):
            case 0 | 1 | 2:
                host.switch(chance.randrange(3), chance.random() < 0.6)
            case 3:
                host.look()
            case 4:
                host.attempt(host.link.heartbeat)
            case 5 if chance.random() < 0.3:
                host.line.reset_in = chance.randrange(40)
        for index, lines in enumerate(bench.lines):
            assert not lines.on & wire.POWER or host.asked_on[index]
    assert host.done > host.failed
    assert set(switched.values()) == {1}


@pytest.mark.parametrize("seed", range(6))
def test_a_request_is_carried_out_at_most_once(seed: int, switched: Switched) -> None:
    chance = random.Random(100 + seed)
    host = Host(Bench(), chance)
    for number in range(40):
        bay = number % 3

        def do(bay: int = bay, number: int = number) -> None:
            rev = host.link.bays()[bay].rev
            host.link.set_bay(bay, 0x70, (number % 8) << 4, rev)

        host.attempt(do)
    assert sum(switched.values()) > 20
    assert max(switched.values()) == 1


def test_a_late_copy_of_an_old_request_changes_nothing() -> None:
    bench = Bench()
    host = Host(bench, random.Random(1))
    host.line.loss = -1.0  # no faults
    sent: list[bytes] = []
    write = host.line.write

    def write_and_keep(data: bytes) -> None:
        sent.append(data)
        write(data)

    host.line.write = write_and_keep  # type: ignore[method-assign]
    host.switch(0, True)
    host.switch(0, False)
    assert bench.lines[0].on == 0
    for data in sent:
        bench.controller.receive(data, bench.ms)
        assert bench.lines[0].on == 0
    host.look()
    assert host.failed == 0


def test_a_late_copy_of_an_old_session_does_not_bring_it_back() -> None:
    bench = Bench()
    host = Host(bench, random.Random(2))
    host.line.loss = -1.0
    host.attempt(host.link.heartbeat)
    first = host.link.session
    bench.run(3)
    host.attempt(host.link.heartbeat)
    second = host.link.session
    assert second != first
    late = Frame(wire.OPEN_SESSION, 0, 77, messages.OpenSession(first).to_body())
    bench.controller.receive(late.to_bytes(), bench.ms)
    assert bench.controller.session == second


def test_a_line_that_is_dead_costs_three_tries_of_fifty_milliseconds() -> None:
    bench = Bench()
    host = Host(bench, random.Random(3))
    host.line.loss = 1.0
    before = bench.seconds()
    with pytest.raises(link.LinkSilent, match=r"no answer to Hello in 3 tries"):
        host.link.hello()
    assert bench.seconds() - before == pytest.approx(0.15, abs=0.02)


def test_noise_without_end_is_bounded_too() -> None:
    bench = Bench()
    host = Host(bench, random.Random(4))

    def noise(seconds: float) -> bytes:
        bench.step(2)
        return bytes(range(256)) * 4

    host.line.read = noise  # type: ignore[method-assign]
    with contextlib.suppress(BridgeError):
        host.link.hello()
    assert bench.seconds() < 1
