"""What the kernel counts as written to a disk, and what this program counts as its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drivers.drives._sysfs import written_bytes
from tests.drivers.drives.conftest import MIB, Loops
from tests.drivers.drives.machine import Machine

STAT = "5184 31 1725344 1873 1113 1072 1829528 1504 0 1276 3865 6 0 43014 9 188 477"


def number_of(path: str) -> str:
    found = os.stat(path).st_rdev
    return f"{os.major(found)}:{os.minor(found)}"


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ({"stat": STAT, "queue/iostats": "1"}, 1829528 * 512),
        ({"stat": STAT, "queue/iostats": "1", "queue/logical_block_size": "4096"}, 1829528 * 512),
        ({"stat": STAT, "queue/iostats": "0"}, None),
        ({"stat": STAT}, None),
        ({"queue/iostats": "1"}, None),
        ({"stat": "5184 31", "queue/iostats": "1"}, None),
    ],
    ids=["counted", "blocks of 4096", "switched off", "no queue", "no counter", "too short"],
)
def test_the_seventh_field_counts_sectors_of_512_bytes(
    tmp_path: Path, attributes: dict[str, str], found: int | None
) -> None:
    machine = Machine(tmp_path)
    folder = machine.disk("sdb", "8:16")
    for name, content in attributes.items():
        machine.write(folder / name, content)
    assert written_bytes("8:16", tmp_path) == found
    assert written_bytes("8:32", tmp_path) is None


def test_the_kernel_counts_what_is_written_to_a_disk_and_nothing_else(loops: Loops) -> None:
    device = loops.attach(loops.image())
    number = number_of(device)
    before = written_bytes(number)
    assert before is not None
    fd = os.open(device, os.O_RDWR)
    try:
        os.pread(fd, MIB, 0)
        os.fsync(fd)
        assert written_bytes(number) == before
        os.pwrite(fd, b"x" * 8192, 0)
        os.fsync(fd)
        assert written_bytes(number) == before + 8192
    finally:
        os.close(fd)
