"""Times that a certificate can carry, and how far they can be trusted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.certificates import clock as module
from agent.certificates.clock import clock, source_of, utc_now
from firmware_bridge.kernel_clock import ClockState


def test_now_is_utc_with_milliseconds() -> None:
    now = utc_now()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", now)
    assert abs(datetime.fromisoformat(now) - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_clock_names_this_boot_and_its_monotonic_time_grows() -> None:
    first, second = clock(), clock()
    assert first.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert first.monotonic_ms <= second.monotonic_ms


@pytest.mark.parametrize(
    ("synchronised", "disciplined", "source"),
    [(True, True, "ntp"), (True, False, "kernel"), (False, True, "unsynchronised"), (False, False, "unsynchronised")],
)
def test_only_a_synchronised_clock_has_a_source(synchronised: bool, disciplined: bool, source: str) -> None:
    state = ClockState(synchronised=synchronised, disciplined=disciplined, maximum_error_us=1, estimated_error_us=1)
    assert source_of(state) == source


def test_a_kernel_that_does_not_answer_vouches_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> ClockState:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(module, "clock_state", refuse)
    assert (clock().source, clock().synchronised) == ("unknown", False)
