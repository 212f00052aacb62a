"""One logical unit by two paths, and two units of one device, as a stock kernel shows them (scsi_debug)."""

from __future__ import annotations

import json

from tests.laboratory.rig import Rig


def disks(rig: Rig, count: int, **settings: int) -> list[str]:
    """So many new disks of the kernel's own stand-in."""
    known = set(rig.machine.sh("ls /dev/sd?").out.split())
    rig.scsi_debug(dev_size_mb=8, **settings)
    rig.machine.sh("udevadm settle --timeout=30").checked()
    found = sorted(set(rig.machine.sh("ls /dev/sd?").out.split()) - known)
    assert len(found) == count
    return found


def test_two_paths_of_one_unit_are_one_drive_one_job_and_one_certificate(rig: Rig) -> None:
    one, two = disks(rig, 2, add_host=2, vpd_use_hostno=0)
    done = rig.start_erase(one, "zero", two).wait(120)
    rows = json.loads(done.out)["results"]
    assert [(row["device"], row["outcome"]) for row in rows] == [(one, "erased"), (two, "refused")], done.out
    assert "BW-S41" in rows[1]["reason"]
    assert [record.outcome for record in rig.certificates()] == ["erased"]


def test_two_units_of_one_device_are_two_drives(rig: Rig) -> None:
    """One after the other: the stand-in keeps all units of a host in one memory, which the capacity proof would see."""
    for unit in disks(rig, 2, max_luns=2, per_host_store=1):
        done = rig.start_erase(unit, "zero").wait(120)
        assert [(row["device"], row["outcome"]) for row in json.loads(done.out)["results"]] == [(unit, "erased")], (
            done.out
        )
    assert [record.outcome for record in rig.certificates()] == ["erased", "erased"]
