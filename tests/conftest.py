"""What holds for every test."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import leftovers

ROOT = Path(__file__).parents[1]


def pytest_configure() -> None:
    """Take the signals as a terminal would give them, and let no busy machine fail a property.

    A script in the background, or under nohup, ignores these signals, and so would the programs under test.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    settings.register_profile("benchwipe", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("benchwipe")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Take down what a killed run left, once: a worker of this run may have a rig at that moment."""
    if not hasattr(session.config, "workerinput"):
        leftovers.sweep()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """`benchwipe run` and `check` go to their configuration's folder: the next test starts where this one did."""
    try:
        return (yield)
    finally:
        os.chdir(ROOT)
