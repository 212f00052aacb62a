"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """`benchwipe run` and `check` go to their configuration's folder: the next test starts where this one did."""
    try:
        return (yield)
    finally:
        os.chdir(ROOT)
