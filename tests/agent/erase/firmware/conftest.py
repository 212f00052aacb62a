"""Tests of firmware techniques wait for nothing."""

from __future__ import annotations

import pytest

from agent.erase.firmware import talk


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk, "FIRST_POLL_S", 0.001)
