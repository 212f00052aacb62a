"""A guest that serves several tests: whatever one leaves behind is found, and what is taken away is gone."""

from __future__ import annotations

from tests.laboratory.machine.qemu import Image
from tests.laboratory.models.ata import AtaDrive
from tests.laboratory.models.medium import Medium
from tests.laboratory.models.nvme import NvmeDrive
from tests.laboratory.models.sas import SasDrive
from tests.laboratory.models.sat import SatTarget
from tests.laboratory.rig import STATE, Rig

SIZE = 1 << 20
LEFT = "echo x >/etc/left; cp /etc/left /usr/bin/left; mount -t tmpfs left /mnt; echo x >/tmp/x; echo x >/run/left"


def test_drives_and_the_stations_state_are_gone(image: Image) -> None:
    with Rig(image) as rig:
        for _ in range(2):  # the same drives once more, in the same guest
            devices = {rig.dock(1, SatTarget(AtaDrive(Medium(SIZE)))), rig.sas("bay1", SasDrive(Medium(SIZE)))}
            assert len(devices | {rig.nvme(NvmeDrive(Medium(SIZE)))}) == 3
            rig.machine.sh(
                f"mkdir {STATE}/out; echo x >{STATE}/station.key; cp {STATE}/station.key {STATE}/out"
            ).checked()
            rig.machine.sh("echo x >/tmp/x").checked()
            rig.unwatched()
            assert rig.clear() == []
            assert rig.machine.sh(f"ls {STATE} /tmp /run/udev/rules.d 2>/dev/null").out.split() == [
                f"{STATE}:",
                "lost+found",
                "/tmp:",
            ]
            assert rig.machine.sh("ls /dev/sd? /dev/nvme*n? 2>/dev/null").out.split() == ["/dev/sda", "/dev/sdb"]


def test_what_a_test_leaves_behind_is_found(image: Image) -> None:
    with Rig(image) as rig:
        rig.machine.sh(LEFT).checked()
        rig.machine.control.start(argv=["sleep", "1000"])
        rig.machine.sh("echo secret | dd of=/dev/sdb conv=fsync 2>/dev/null").checked()
        found = "\n".join(rig.clear())
    for left in ("upper/etc/left", "upper/usr/bin/left", "left /mnt tmpfs", "/run/left", "sleep", "sata1.img"):
        assert left in found
    assert "/tmp/x" not in found
