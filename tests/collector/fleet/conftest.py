"""One fleet for all tests of a file: a collector takes seconds to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.collector.conftest import MOSQUITTO
from tests.collector.fleet.rig import Fleet


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    one = Fleet()
    try:
        one.start()
        yield one
    finally:
        one.close()
