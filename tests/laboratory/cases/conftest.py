"""The saved guest, and a rig for each test. Outside of `make bench` all of this is left out, with the reason."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.laboratory.machine.qemu import Image
from tests.laboratory.machine.saved import image as saved_image
from tests.laboratory.rig import Rig

log = logging.getLogger("bench")

ASKED = "BENCHWIPE_BENCH"
HERE = Path(__file__).parent
PASSED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skipped unless asked for: a guest is built and booted for them."""
    left_out = pytest.mark.skip(reason="the virtual bench is left out here: run `make bench`")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(300, func_only=True))  # the first may have to build the guest
            if not os.environ.get(ASKED):
                item.add_marker(left_out)


@pytest.fixture(scope="session")
def image() -> Image:
    """Built where it is missing; a machine that cannot build it fails the tests, with one line that says why."""
    return saved_image()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember of each test whether it passed, for its fixtures."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.fixture(scope="session")
def spare() -> Iterator[list[Rig]]:
    """The guest that the last test left as it found it; this process's own."""
    kept: list[Rig] = []
    yield kept
    for rig in kept:
        rig.close()


@pytest.fixture
def rig(image: Image, spare: list[Rig], request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A guest without a drive or a station's state in it: newly restored, or left so by a test that passed."""
    made = spare.pop() if spare else Rig(image).__enter__()
    left = ["a test that failed"]
    try:
        yield made
        if request.node.stash.get(PASSED, False):
            left = made.clear()
    finally:
        if left:
            log.info("this guest is not used again: %s", left)
            made.close()
        else:
            spare.append(made)
