"""The saved guest, and a rig for each test. Outside of `make bench` all of this is left out, with the reason."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.machine.qemu import Image
from tests.bench.machine.saved import image as saved_image
from tests.bench.rig import Rig

ASKED = "BENCHWIPE_BENCH"
HERE = Path(__file__).parent


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


@pytest.fixture
def rig(image: Image) -> Iterator[Rig]:
    """A restored guest."""
    with Rig(image) as made:
        yield made
