"""On real block devices, through the driver that a station uses: what b3sum reads is what the certificate says."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from blake3 import blake3

from agent.certificates.outcome import Erased
from agent.erase import EraseSpec, VerifySpec
from agent.erase.engine import erase
from agent.erase.signals import Stop
from agent.erase.speed import benchmark
from drivers.drives.block import open_device
from tests.slices import some

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root"),
    pytest.mark.skipif(shutil.which("losetup") is None, reason="needs losetup"),
]
MIB = 1 << 20
MakeLoop = Callable[[int, int], str]


@pytest.fixture
def make_loop(tmp_path: Path) -> Iterator[MakeLoop]:
    """(size, logical block) -> device full of secrets; detached afterwards."""
    with ExitStack() as stack:

        def make(size: int, unit: int) -> str:
            path = tmp_path / f"image-{size}-{unit}"
            path.write_bytes((b"Kundedata 0815! " * (size // 16 + 1))[:size])
            command = ["losetup", "--find", "--show", "--sector-size", str(unit), str(path)]
            device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
            stack.callback(subprocess.run, ["losetup", "--detach", device], check=False)
            return device

        yield make


@pytest.mark.parametrize(
    ("odd", "method", "unit"), some(itertools.product([0, 1, 7], ["zero", "random", "bsi-vsitr"], [512, 4096]), each=5)
)
def test_a_block_device_is_erased_and_its_hash_is_that_of_its_bytes(
    make_loop: MakeLoop, unit: int, method: str, odd: int
) -> None:
    device = make_loop(9 * MIB + odd * unit, unit)
    spec = EraseSpec(job="j", method=method, key_hex="7e" * 32)
    with open_device(device) as drive:
        outcome = erase(drive, spec, lambda _: None, Stop())
        assert drive.drive.capacity_bytes == 9 * MIB + odd * unit
    assert isinstance(outcome, Erased)
    image = Path(device).read_bytes()
    assert outcome.work.verification.blake3 == blake3(image).hexdigest()
    assert b"Kundedata" not in image
    if method != "random":
        assert image == (b"\x00" if method == "zero" else b"\xaa") * len(image)


def test_a_sample_on_a_block_device_reads_only_a_part(make_loop: MakeLoop) -> None:
    device = make_loop(16 * MIB, 512)
    spec = EraseSpec(job="j", method="one", verify=VerifySpec(kind="sample"))
    with open_device(device) as drive:
        outcome = erase(drive, spec, lambda _: None, Stop())
    assert isinstance(outcome, Erased)
    assert 16 * MIB // 10 <= outcome.work.verification.bytes < 4 * MIB


def test_the_benchmark_writes_nothing_unless_it_is_told(make_loop: MakeLoop) -> None:
    device = make_loop(8 * MIB, 512)
    before = Path(device).read_bytes()
    with open_device(device) as drive:
        found = benchmark(drive, seconds=0.1)
        assert found.write is None
        assert found.read > 0
        assert found.hash > 0
        assert found.generate[found.stream] == max(found.generate.values())
        assert Path(device).read_bytes() == before
        written = benchmark(drive, write=True, seconds=0.1)
    assert written.write is not None
    assert written.write > 0
    limits = ("the drive's reading", "the drive's writing", "hashing", "comparing", f"generating ({found.stream})")
    assert written.limit in limits
    assert written.random.limit in limits
    assert Path(device).read_bytes() != before
