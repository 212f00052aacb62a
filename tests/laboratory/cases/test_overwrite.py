"""Overwriting real block devices under a stock kernel: SATA, USB, SAS, NVMe; and what each kind of fault comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.laboratory.machine.qemu import SATA_BYTES, Disks, Image
from tests.laboratory.models.ata import AtaDrive
from tests.laboratory.models.medium import Medium
from tests.laboratory.models.nvme import NvmeDrive
from tests.laboratory.models.sas import SasDrive
from tests.laboratory.models.sat import SatTarget
from tests.laboratory.rig import Ended, Rig, secret_file

SIZE = 4 << 20


def erased(ended: Ended) -> None:
    assert (ended.status, ended.outcome) == (0, "erased"), ended.said
    assert ended.record is not None


def healthy(ended: Ended, *told: str) -> None:
    """Its health is what smartctl read of this very drive, before and after."""
    assert ended.record is not None
    health = ended.record.drive.health
    for found in (health.before, health.after):
        assert found is not None
        assert found["passed"] is True
        assert set(told) <= set(found), found


def test_a_sata_drive(image: Image, tmp_path: Path) -> None:
    medium = secret_file(tmp_path / "sata", SATA_BYTES)
    with Rig(image, Disks(sata=[medium])) as rig:
        ended = rig.erase(rig.sata(0), "zero")
    erased(ended)
    healthy(ended, "power_on_hours", "reallocated_sectors")
    assert medium.read_bytes() == bytes(SATA_BYTES)


def test_a_usb_drive(rig: Rig) -> None:
    drive = AtaDrive(Medium(SIZE))
    ended = rig.erase(rig.dock(1, SatTarget(drive)), "random")
    erased(ended)
    assert ended.record is not None
    assert (ended.record.drive.serial, ended.record.drive.identity_source) == ("BW-SATA-1", "drive")
    assert drive.medium.secrets() == 0


def test_a_sas_drive(rig: Rig) -> None:
    drive = SasDrive(Medium(SIZE))
    erased(rig.erase(rig.sas("bay1", drive), "one"))
    assert drive.medium.data == b"\xff" * SIZE


def test_an_nvme_drive_on_the_network(rig: Rig) -> None:
    drive = NvmeDrive(Medium(SIZE))
    erased(rig.erase(rig.nvme(drive), "zero"))
    assert drive.medium.data == bytes(SIZE)


def test_qemus_own_nvme_drive(rig: Rig, tmp_path: Path) -> None:
    medium = secret_file(tmp_path / "nvme", SIZE)
    rig.machine.plug_nvme(1, medium, serial="QEMU-NVME")
    device = rig.machine.wait_there("/dev/nvme?n?")
    for method in ("zero", "nvme-format-user-data"):
        ended = rig.erase(device, method)
        erased(ended)
        healthy(ended, "temperature_c", "wear_percent", "available_spare_percent")
    rig.machine.unplug_nvme(1)
    assert medium.read_bytes() == bytes(SIZE)


@pytest.mark.parametrize("fault", ["bad_reads", "bad_writes", "corrupts", "drops_writes"])
def test_a_usb_drive_that_fails_in_its_own_way_is_not_erased(rig: Rig, fault: str) -> None:
    drive = AtaDrive(Medium(SIZE))
    setattr(drive.medium.faults, fault, True if fault == "drops_writes" else {1234})
    ended = rig.erase(rig.dock(1, SatTarget(drive)), "zero")
    assert (ended.status, ended.outcome) == (1, "failed"), ended.said
    assert ended.record is not None
    bad = [1234 * 512, 512]
    places = [[u.offset, u.bytes] for u in ended.record.unreached or ()]
    wrong = [[m.offset, m.bytes] for m in ended.record.verification.mismatches]
    expected = {"bad_reads": ([bad], []), "bad_writes": ([bad], None), "corrupts": ([], [bad])}
    if fault in expected:
        unreached, mismatches = expected[fault]
        assert places == unreached
        assert mismatches is None or wrong == mismatches
