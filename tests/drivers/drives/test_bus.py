"""The bus of a drive, by where it stands in the tree of devices."""

from __future__ import annotations

import pytest

from drivers.drives._bus import bus_of

PI = "/sys/devices/platform/scb/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0"
SATA = "/sys/devices/pci0000:00/0000:00:17.0"
SAS = "/sys/devices/pci0000:00/0000:00:02.0/0000:03:00.0/host0"


@pytest.mark.parametrize(
    ("folder", "bus"),
    [
        # In a port of the machine: the controller's root hub.
        (f"{PI}/usb2/2-1/2-1:1.0/host0/target0:0:0/0:0:0:0/block/sda", f"{PI}/usb2"),
        # Behind a hub, and a hub behind that.
        (f"{PI}/usb2/2-1/2-1.3/2-1.3:1.0/host1/target1:0:0/1:0:0:0/block/sdb", f"{PI}/usb2/2-1"),
        (f"{PI}/usb2/2-1/2-1.3/2-1.3.2/2-1.3.2:1.0/host1/target1:0:0/1:0:0:0/block/sdb", f"{PI}/usb2/2-1/2-1.3"),
        # The second bay of a bridge.
        (f"{PI}/usb2/2-1/2-1.3/2-1.3:1.0/host1/target1:0:0/1:0:0:1/block/sdc", f"{PI}/usb2/2-1"),
        (
            f"{SAS}/port-0:0/expander-0:0/port-0:0:3/end_device-0:0:3/target0:0:3/0:0:3:0/block/sdd",
            f"{SAS}/port-0:0/expander-0:0",
        ),
        (
            f"{SAS}/port-0:0/expander-0:0/port-0:0:9/expander-0:1/port-0:1:3/end_device-0:1:3/target0:0:3/0:0:3:0/block/sde",
            f"{SAS}/port-0:0/expander-0:0",
        ),
        (f"{SATA}/ata3/host2/target2:0:0/2:0:0:0/block/sdf", f"{SATA}/ata3"),
        (f"{SAS}/port-0:1/end_device-0:1/target0:0:1/0:0:1:0/block/sdg", ""),
        ("/sys/devices/pci0000:00/0000:00:1d.0/0000:04:00.0/nvme/nvme0/nvme0n1", ""),
        ("/sys/devices/virtual/block/loop0", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_what_stands_above_a_drive_and_carries_the_data_of_others_is_its_bus(folder: str, bus: str) -> None:
    assert bus_of(folder) == bus
