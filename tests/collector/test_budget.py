"""What a station may waste, and what happens when it has."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.intake import budget
from collector.intake.budget import Budget
from collector.intake.models import Certificate
from collector.intake.signing import Signer
from collector.intake.taking import EVENTS_WAITING, Intake
from tests.collector.conftest import chain_of
from tests.collector.house import House, enrolled_by


@dataclass
class Message:
    """A message as the link hands it over."""

    topic: str
    payload: bytes = b"x"
    retained: bool = False
    qos: int = 1
    acked: list[str] = field(default_factory=list)

    def ack(self) -> None:
        self.acked.append(self.topic)


def test_it_is_spent_by_what_is_useless_and_comes_back_with_time() -> None:
    one = Budget(burst=10, per_second=2)
    one.spend("a", 9, now=0.0)
    assert not one.spent("a", now=0.0)
    one.spend("a", 5, now=0.0)
    assert one.spent("a", now=0.0)
    assert not one.spent("b", now=0.0)
    assert one.spent("a", now=1.0)
    assert not one.spent("a", now=4.0)


def test_nobody_fills_its_memory() -> None:
    one = Budget()
    for number in range(budget.MOST_STATIONS + 100):
        one.spend(f"s{number}", 1, now=0.0)
    assert len(one._purses) == budget.MOST_STATIONS


def intake() -> Intake:
    return Intake(lambda _t, _p: True, Signer(Ed25519PrivateKey.generate()), prepare=lambda: None)


def test_events_and_what_came_with_qos_0_never_wait_among_the_certificates() -> None:
    one = intake()
    for number in range(EVENTS_WAITING + 50):
        one.put(Message("er/1/a/event", f"{number}".encode()))  # type: ignore[arg-type]
    loose = Message("er/1/a/cert/x", qos=0)
    one.put(loose)  # type: ignore[arg-type]
    assert one._waiting.qsize() == 0
    assert one._events.qsize() == EVENTS_WAITING
    assert loose.acked == [loose.topic]


def test_a_station_that_sends_rubbish_without_end_is_passed_over_and_another_is_not(house: House) -> None:
    key = Ed25519PrivateKey.generate()
    enrolled_by("bench-01", key)
    one = intake()
    sent = 0
    while not one._budget.spent("noisy", time.monotonic()):
        assert sent < 4 * budget.BURST
        some = [Message(f"er/1/noisy/cert/{sent + number}") for number in range(200)]
        one._take(some)  # type: ignore[arg-type]
        sent += len(some)
        assert all(message.acked for message in some)
    late, other = Message("er/1/noisy/cert/late"), Message("er/1/bench-01/cert/x")
    for message in (late, other):
        one.put(message)  # type: ignore[arg-type]
    assert (late.acked, other.acked, one._waiting.qsize()) == ([late.topic], [], 1)


def test_new_certificates_cost_nothing_of_it(house: House) -> None:
    key = Ed25519PrivateKey.generate()
    enrolled_by("bench-01", key)
    one = intake()
    messages = [Message(f"er/1/bench-01/cert/{c.id}", c.compact) for c in chain_of(key, 100)]
    one._take(messages)  # type: ignore[arg-type]
    assert Certificate.unfiltered.count() == 100
    assert one._budget._purses == {}
