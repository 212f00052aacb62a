"""The station's own architecture: Debian's arm64 kernel and Python, aarch64 wheels; the same drives on the host."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from tests.laboratory.arch import ARM64
from tests.laboratory.guest.tools import CannotDownload
from tests.laboratory.machine.qemu import SATA_BYTES, Disks, Image
from tests.laboratory.machine.saved import image as saved_image
from tests.laboratory.models.ata import AtaDrive
from tests.laboratory.models.medium import SECRET, Medium
from tests.laboratory.models.sat import SatTarget
from tests.laboratory.rig import Ended, Rig, secret_file
from tests.laboratory.scenarios import no_fault

SIZE = 1 << 20
SMALL = 32 << 10
TECHNIQUES = ("ata-sanitize-block", "nvme-sanitize-block")
"""One through SG_IO (SAT), one through NVMe's admin ioctl: whose structures ctypes lays out anew on each machine."""


@pytest.fixture(scope="session")
def image() -> Image:
    """The saved guest of this architecture. Without a mirror there is none: in continuous integration an error."""
    try:
        return saved_image(ARM64)
    except CannotDownload as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no guest for arm64: {error}")


@pytest.fixture
def rig(image: Image, tmp_path: Path) -> Iterator[Rig]:
    """Restored; its first SATA drive is QEMU's own, and full of secrets."""
    with Rig(image, Disks(sata=[secret_file(tmp_path / "sata", SATA_BYTES)])) as made:
        yield made


def overwritten(ended: Ended, medium: bytes) -> None:
    """Read back in full there; what it read, as its certificate has it, is what the host finds on the medium."""
    assert (ended.status, ended.outcome) == (0, "erased"), ended.said
    assert ended.record is not None
    assert ended.record.station.machine == "aarch64"
    assert ended.record.verification.bytes == len(medium)
    assert ended.record.verification.blake3 == blake3(medium).hexdigest()
    assert SECRET not in medium


def test_the_program_starts_sees_its_drives_and_measures_them(rig: Rig) -> None:
    machine = rig.machine
    assert machine.sh("uname -m").checked().out == "aarch64\n"
    assert machine.benchwipe("--version").checked().out.startswith("benchwipe")
    rows = json.loads(machine.benchwipe("drives", "--json").checked().out)["drives"]
    assert "QEMU-SATA-0" in [row["serial"] for row in rows]
    argv = ("benchmark", "/dev/sda", "--seconds", "0.1", "--state-dir", "/tmp/benchmark", "--json")
    found = json.loads(machine.benchwipe(*argv).checked().out)
    assert found["stream"] == max(found["generate"], key=found["generate"].__getitem__)
    assert found["bytes_tried"] == SATA_BYTES


def test_drives_are_overwritten(rig: Rig, tmp_path: Path) -> None:
    overwritten(rig.erase(rig.sata(0), "zero"), (tmp_path / "sata").read_bytes())
    drive = AtaDrive(Medium(SIZE))
    overwritten(rig.erase(rig.dock(1, SatTarget(drive)), "random"), bytes(drive.medium.data))


def test_qemus_own_nvme_drive_formats_itself(rig: Rig, tmp_path: Path) -> None:
    medium = secret_file(tmp_path / "nvme", SMALL)
    rig.machine.plug_nvme(1, medium, serial="QEMU-NVME")
    device = rig.machine.wait_there("/dev/nvme?n?")
    ended = rig.erase(device, "nvme-format-user-data")
    assert (ended.status, ended.outcome) == (0, "erased"), ended.said
    assert medium.read_bytes() == bytes(SMALL)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_drive_erases_itself(rig: Rig, technique: str) -> None:
    trial = no_fault(rig, technique)
    ended = trial.ended
    assert (ended.status, ended.outcome) == (0, "erased"), ended.said
    assert ended.record is not None
    assert ended.record.sanitization.technique == technique
    assert trial.subject.medium.secrets() == 0
