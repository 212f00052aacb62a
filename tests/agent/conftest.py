"""A broker, and a station's uplink on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.mosquitto import Mosquitto
from tests.agent.uplink.uplink_bench import Bench


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto of this test's own."""
    made = Mosquitto(tmp_path / "broker")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def bench(tmp_path: Path, broker: Mosquitto) -> Iterator[Bench]:
    """A station with a ledger and a key; its uplink is started by the test."""
    made = Bench(tmp_path / "state", broker.port)
    yield made
    made.close()
