"""A yard over SQLite, and over each database."""

from __future__ import annotations

import pytest

from tests.collector.house import House
from tests.collector.units.yard import Yard


@pytest.fixture
def yard(house: House) -> Yard:
    return Yard(house)


@pytest.fixture
def each_yard(each_house: House) -> Yard:
    return Yard(each_house)
