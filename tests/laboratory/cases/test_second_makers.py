"""SCSI disks that are not of this bench: QEMU's scsi-hd and the kernel's scsi_debug. One of them lies."""

from __future__ import annotations

from pathlib import Path

from tests.laboratory.rig import Rig, secret_file

SIZE = 1 << 20
FORMAT_UNIT = "04 00 00 00 00 00"
BAD, COUNT = 1000, 4  # sectors of scsi_debug that cannot be read


def test_a_disk_whose_format_unit_lies_gets_no_firmware_technique_and_is_overwritten(rig: Rig, tmp_path: Path) -> None:
    """scsi-hd answers GOOD to FORMAT UNIT and keeps every byte: why benchwipe has no technique of that name."""
    medium = secret_file(tmp_path / "scsi", SIZE)
    before = medium.read_bytes()
    device = rig.qemu_scsi(medium, serial="QEMU-SCSI")
    rig.machine.sh(f"sg_raw {device} {FORMAT_UNIT}").checked()
    assert medium.read_bytes() == before
    for method in ("scsi-sanitize-block", "nist-purge"):
        refused = rig.erase(device, method)
        assert (refused.status, refused.outcome) == (3, "refused"), refused.said
        assert "it has no sanitize block" in refused.reason
    assert medium.read_bytes() == before
    ended = rig.erase(device, "zero")
    assert (ended.status, ended.outcome) == (0, "erased"), ended.said
    assert ended.record is not None
    assert (ended.record.drive.serial, ended.record.sanitization.level) == ("QEMU-SCSI", "clear")
    rig.machine.sh("sync")
    assert medium.read_bytes() == bytes(SIZE)


def test_the_kernels_own_disk_fails_with_the_very_sectors_that_cannot_be_read(rig: Rig) -> None:
    device = rig.scsi_debug(dev_size_mb=8, opts=2, medium_error_start=BAD, medium_error_count=COUNT)
    refused = rig.erase(device, "scsi-sanitize-crypto")
    assert (refused.status, refused.outcome) == (3, "refused"), refused.said
    ended = rig.erase(device, "zero")
    assert (ended.status, ended.outcome) == (1, "failed"), ended.said
    assert ended.record is not None
    assert [(u.offset, u.bytes) for u in ended.record.unreached or ()] == [(BAD * 512, COUNT * 512)]
