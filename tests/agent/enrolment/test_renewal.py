"""When a certificate is renewed, and what a person hears where that fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent.certificates.record import Clock
from agent.enrolment import renewal
from agent.enrolment.facts import FACTS, EnrolmentFacts, read_facts
from agent.enrolment.folder import renew_after
from agent.enrolment.renewal import Renewal, due
from tests.agent.mosquitto import wait_until

NOW = datetime.now(UTC)


def facts(*, renew_in: float, ends_in: float) -> EnrolmentFacts:
    moments = [(NOW + timedelta(days=days)).isoformat() for days in (renew_in, ends_in)]
    return EnrolmentFacts(
        url="https://127.0.0.1:1",
        station="b",
        authority="0" * 64,
        by_system=False,
        renew_after=moments[0],
        ends=moments[1],
    )


def clock_is(monkeypatch: pytest.MonkeyPatch, *, synchronised: bool) -> None:
    told = Clock(source="x", synchronised=synchronised, boot_id="b", monotonic_ms=1)
    monkeypatch.setattr(renewal, "clock", lambda: told)


def test_ninety_days_are_renewed_at_sixty() -> None:
    assert renew_after(NOW, NOW + timedelta(days=90)) == NOW + timedelta(days=60)
    assert renew_after(NOW, NOW + timedelta(days=3)) == NOW + timedelta(days=2)


def test_it_is_due_on_its_day_and_after_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_is(monkeypatch, synchronised=True)
    assert not due(facts(renew_in=1, ends_in=31), connected=False)
    assert due(facts(renew_in=-1, ends_in=29), connected=True)
    assert due(facts(renew_in=-90, ends_in=-60), connected=False)


def test_where_no_clock_says_which_day_it_is_a_closed_door_makes_it_due(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_is(monkeypatch, synchronised=False)
    assert due(facts(renew_in=400, ends_in=430), connected=False)
    assert not due(facts(renew_in=400, ends_in=430), connected=True)


@pytest.mark.parametrize(("ends_in", "told"), [(10, True), (-10, True), (29, False)])
def test_a_failure_becomes_an_alarm_two_weeks_before_the_end(tmp_path: Path, ends_in: float, told: bool) -> None:
    """The real program is started, and finds no collector."""
    (tmp_path / FACTS).write_bytes(msgspec.json.encode(facts(renew_in=-1, ends_in=ends_in)))
    assert read_facts(tmp_path) is not None
    heard: list[str | None] = []
    tries: list[bool] = []

    def connected() -> bool:
        tries.append(True)
        return True

    made = Renewal(tmp_path, tmp_path, connected=connected, trouble=heard.append, first_s=0.0, look_s=0.2)
    made.start()
    wait_until(lambda: len(tries) > 1, "it tried, and looked again")
    made.stop()
    assert bool(heard) is told
    assert all("could not be renewed" in str(text) for text in heard)
