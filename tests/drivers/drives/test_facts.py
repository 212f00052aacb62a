"""LVM, RAID, btrfs, live systems and bridges: kernels' trees that this machine does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.planning.safety import judge
from drivers.drives import _sysfs
from drivers.drives._sysfs import list_drives
from drivers.drives.examine import of_number
from tests.drivers.drives.machine import ROOT_MOUNT, Machine

ATA = "pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0"
USB = "pci0000:00/0000:00:14.0/usb2/2-3/2-3:1.0/host6/target6:0:0/6:0:0:0"
SAS = "pci0000:00/0000:01:00.0/host1/port-1:0/end_device-1:0/target1:0:0/1:0:0:0"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """sda is the system's; sdb with two partitions is what somebody wants to erase."""
    made = Machine(tmp_path)
    made.part(made.disk("sda", "8:0", ATA), "sda1", "8:1")
    return made


@pytest.fixture
def sdb(machine: Machine) -> Path:
    return machine.disk("sdb", "8:16", SAS)


def codes(machine: Machine, number: str = "8:16") -> set[str]:
    facts = of_number("/dev/sdb", number, root=machine.root)
    return {r.code for r in judge(facts)} - {"BW-S12"}  # who it is needs an open device


def sentences(machine: Machine, number: str = "8:16") -> str:
    return "; ".join(u.sentence for u in of_number("/dev/sdb", number, root=machine.root).uses)


def test_a_free_disk_has_no_use(machine: Machine, sdb: Path) -> None:
    machine.part(sdb, "sdb1", "8:17")
    assert codes(machine) == set()


def test_the_systems_disk_is_protected(machine: Machine) -> None:
    assert codes(machine, "8:0") == {"BW-S07", "BW-S04"}
    assert codes(machine, "8:1") == {"BW-S07", "BW-S03", "BW-S04"}


def test_a_volume_on_a_partition_is_a_holder_and_its_mount_and_swap_are_named(machine: Machine, sdb: Path) -> None:
    part = machine.part(sdb, "sdb1", "8:17")
    machine.stack(machine.disk("dm-0", "253:0", dm__name="vg0-data"), part)
    machine.stack(machine.disk("dm-1", "253:1", dm__name="vg0-swap"), part)
    assert codes(machine) == {"BW-S06"}
    machine.mounts(ROOT_MOUNT, r"30 22 253:0 / /srv/my\040data rw - ext4 /dev/mapper/vg0-data rw")
    machine.swaps("/dev/dm-1")
    assert codes(machine) == {"BW-S04", "BW-S05", "BW-S06"}
    assert "/dev/dm-0 (vg0-data) is mounted on /srv/my data" in sentences(machine)


def test_a_mount_deep_in_the_stack_is_found(machine: Machine, sdb: Path) -> None:
    md = machine.disk("md0", "9:0")
    crypt = machine.disk("dm-0", "253:0", dm__name="secret")
    machine.stack(md, machine.part(sdb, "sdb1", "8:17"))
    machine.stack(crypt, machine.part(md, "md0p1", "259:0"))
    machine.mounts(ROOT_MOUNT, "30 22 253:0 / /secret rw - xfs /dev/mapper/secret rw")
    assert codes(machine) == {"BW-S04", "BW-S06"}
    assert "/dev/md0 stands on /dev/sdb" in sentences(machine)


def test_a_root_on_lvm_on_raid_protects_every_disk_under_it(machine: Machine, sdb: Path) -> None:
    sdc = machine.disk("sdc", "8:32", SAS)
    md, lvm = machine.disk("md0", "9:0"), machine.disk("dm-0", "253:0", dm__name="vg-root")
    machine.stack(md, machine.part(sdb, "sdb1", "8:17"), sdc)
    machine.stack(lvm, md)
    machine.mounts("22 1 253:0 / / rw - ext4 /dev/mapper/vg-root rw")
    for number in ("8:16", "8:32"):
        assert "BW-S07" in codes(machine, number)
    assert codes(machine, "8:0") == set()


def test_a_file_system_with_an_anonymous_number_is_found_by_its_source(machine: Machine, sdb: Path) -> None:
    machine.part(sdb, "sdb1", "8:17")
    machine.mounts(ROOT_MOUNT, "30 22 0:45 / /data rw - fuseblk /dev/sdb1 rw")
    assert codes(machine) == {"BW-S04"}


def test_every_device_of_a_btrfs_counts_as_mounted_and_protects_the_root(machine: Machine, sdb: Path) -> None:
    sdc = machine.disk("sdc", "8:32", SAS)
    for disk in (sdb, sdc):
        machine.write(f"sys/fs/btrfs/0f-uuid/devices/{disk.name}/dev", (disk / "dev").read_text().strip())
    machine.mounts("22 1 0:20 /@ / rw - btrfs /dev/sdb rw")
    assert codes(machine, "8:16") == {"BW-S04", "BW-S07"}
    assert codes(machine, "8:32") == {"BW-S04", "BW-S07"}


def test_the_stick_that_a_live_system_runs_from_is_protected(machine: Machine, sdb: Path) -> None:
    machine.part(sdb, "sdb1", "8:17")
    machine.disk("loop0", "7:0", loop__backing_file="/run/live/medium/root.squashfs")
    machine.mounts(
        "22 1 0:30 / / rw - overlay overlay rw,lowerdir=/run/live/rootfs:/x,upperdir=/run/live/overlay",
        "23 22 7:0 / /run/live/rootfs ro - squashfs /dev/loop0 ro",
        "24 22 8:17 / /run/live/medium ro - vfat /dev/sdb1 ro",
    )
    assert "BW-S07" in codes(machine)


def test_a_mount_that_only_the_first_process_sees_counts(machine: Machine, sdb: Path) -> None:
    machine.write("proc/1/mountinfo", "30 22 8:16 / /data rw - ext4 /dev/sdb rw")
    assert codes(machine) == {"BW-S04"}


def test_a_loop_over_a_mounted_disk_is_refused(machine: Machine, sdb: Path) -> None:
    machine.disk("loop0", "7:0", loop__backing_file="/dev/sdb")
    machine.mounts(ROOT_MOUNT, "30 22 8:16 / /data rw - ext4 /dev/sdb rw")
    assert codes(machine, "7:0") == {"BW-S04"}
    assert codes(machine) == {"BW-S04", "BW-S06"}


def test_a_loop_over_a_file_of_the_system_is_free(machine: Machine) -> None:
    machine.disk("loop0", "7:0", loop__backing_file="/var/tmp/image")
    assert codes(machine, "7:0") == set()


@pytest.mark.parametrize("name", ["dm-3", "md127", "sr0", "mmcblk0boot0", "nbd1", "zram0"])
def test_whole_devices_that_are_no_drives_are_refused(machine: Machine, name: str) -> None:
    machine.disk(name, "200:0")
    assert "BW-S15" in codes(machine, "200:0")


def test_a_read_only_disk_and_odd_sectors_are_refused(machine: Machine) -> None:
    machine.disk("sdc", "8:32", SAS, ro="1", queue__logical_block_size="520")
    assert codes(machine, "8:32") == {"BW-S09", "BW-S10"}


def test_a_disk_of_520_byte_sectors_shows_no_capacity_and_is_listed_and_refused(machine: Machine) -> None:
    machine.disk("sdc", "8:32", SAS, sectors=0, device__vpd_pg80=b"\0\x80\0\4ABC1")
    assert "/dev/sdc" in list_drives(machine.root)
    facts = of_number("/dev/sdc", "8:32", root=machine.root)
    assert [r.code for r in judge(facts)] == ["BW-S11"]
    assert "520" in judge(facts)[0].text
    assert "sg_format" in judge(facts)[0].hint


# --- identity ------------------------------------------------------------------------------------------------


def identify_page(model: str, serial: str, *, rotation: int, wwn: str = "5000c500a1b2c3d4") -> bytes:
    """VPD page 89h with the IDENTIFY words that matter, characters swapped as ATA has them."""
    data = bytearray(512)
    for at, size, text in ((20, 20, serial), (46, 8, "FW01"), (54, 40, model)):
        raw = text.ljust(size).encode()
        data[at : at + size] = b"".join(raw[i : i + 2][::-1] for i in range(0, size, 2))
    raw = bytes.fromhex(wwn)
    data[216:224] = b"".join(raw[i : i + 2][::-1] for i in range(0, 8, 2))
    data[434:436] = rotation.to_bytes(2, "little")
    return b"\0\x89\x02\x38" + bytes(56) + bytes(data)


def test_a_sata_disk_is_known_by_what_its_identify_says(machine: Machine) -> None:
    page = identify_page("WDC WD10EZEX-08WN4A0 long name", "WD-WCC6Y0", rotation=7200)
    machine.disk("sdb", "8:16", ATA, device__vendor="ATA", device__model="WDC WD10EZEX-08W", device__vpd_pg89=page)
    who = _sysfs.identify("8:16", machine.root)
    assert (who.vendor, who.model, who.serial) == (None, "WDC WD10EZEX-08WN4A0 long name", "WD-WCC6Y0")
    assert (who.wwn, who.firmware, who.media, who.transport) == ("0x5000c500a1b2c3d4", "FW01", "hdd", "ata")
    assert who.identity_source == "drive"


@pytest.mark.parametrize(
    ("facts", "media"),
    [
        ({"queue__rotational": "1"}, "unknown"),  # what the kernel assumes
        ({"queue__rotational": "0"}, "ssd"),
        ({"device__vpd_pg89": "rotation 0", "queue__rotational": "1"}, "unknown"),
        ({"device__vpd_pgb1": b"\0\xb1\0\x3c\x1c\x20" + bytes(58), "queue__rotational": "1"}, "hdd"),
        ({"device__vpd_pgb1": b"\0\xb1\0\x3c\0\1" + bytes(58), "queue__rotational": "0"}, "ssd"),
        ({"device__vpd_pgb1": b"\0\xb1\0\x3c\0\0" + bytes(58), "queue__rotational": "1"}, "unknown"),
    ],
)
def test_a_disk_turns_where_it_says_so_and_not_because_the_kernel_assumes_it(
    machine: Machine, facts: dict[str, str | bytes], media: str
) -> None:
    if "device__vpd_pg89" in facts:
        facts = facts | {"device__vpd_pg89": identify_page("OLD DOM", "D0M-1", rotation=0)}
    machine.disk("sdb", "8:16", ATA, **facts)  # type: ignore[arg-type]
    assert _sysfs.identify("8:16", machine.root).media == media


def test_a_bridge_that_says_nothing_of_its_drive_is_named_as_the_source(machine: Machine) -> None:
    machine.disk("sdb", "8:16", USB, device__vendor="ASMT", device__model="2115")
    usb = "sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/"
    for key, value in {"idVendor": "174c", "idProduct": "55aa", "bcdDevice": "0100", "serial": "A1B2C3"}.items():
        machine.write(usb + key, value)
    who = _sysfs.identify("8:16", machine.root)
    assert (who.identity_source, who.serial, who.media) == ("bridge", "A1B2C3", "unknown")
    assert who.bridge == "174c:55aa:0100"


def test_a_bridges_identify_makes_the_drive_the_source(machine: Machine) -> None:
    machine.disk("sdb", "8:16", USB, device__vpd_pg89=identify_page("SSD", "S4X", rotation=1))
    machine.write("sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/idVendor", "174c")
    machine.write("sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/serial", "BRIDGE")
    who = _sysfs.identify("8:16", machine.root)
    assert (who.identity_source, who.serial, who.media) == ("drive", "S4X", "ssd")


def test_a_bridge_with_two_bays_identifies_neither_by_its_own_serial(machine: Machine) -> None:
    second = USB.replace("6:0:0:0", "6:0:0:1")
    machine.disk("sdb", "8:16", USB)
    machine.disk("sdc", "8:32", second)
    machine.write("sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/idVendor", "152d")
    machine.write("sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/serial", "152D00539000")
    assert _sysfs.identify("8:16", machine.root).serial is None


@pytest.mark.parametrize("serial", ["", "0000000000", "123456789012", "0123456789ABCDEF", "FFFFFFFF"])
def test_what_stands_where_a_serial_should_be_is_no_serial(machine: Machine, serial: str) -> None:
    page = b"\0\x80" + len(serial).to_bytes(2, "big") + serial.encode()
    machine.disk("sdb", "8:16", SAS, device__vpd_pg80=page)
    assert _sysfs.identify("8:16", machine.root).serial is None


def test_a_sas_disk_is_known_by_its_vpd_pages(machine: Machine) -> None:
    naa = bytes.fromhex("5000c500a1b2c3d4")
    target_port = b"\x61\x93\x00\x08" + bytes(8)  # association 1: the port, not the unit
    page = target_port + b"\x01\x03\x00\x08" + naa
    sdb = machine.disk("sdb", "8:16", SAS, device__vendor="SEAGATE", device__vpd_pg80=b"\0\x80\0\4Z1X2")
    machine.write(sdb / "device/vpd_pg83", b"\0\x83" + len(page).to_bytes(2, "big") + page)
    who = _sysfs.identify("8:16", machine.root)
    assert (who.vendor, who.serial, who.wwn, who.transport) == ("SEAGATE", "Z1X2", "0x5000c500a1b2c3d4", "sas")


def test_nvme_namespaces_of_one_controller_differ(machine: Machine) -> None:
    where = "pci0000:00/0000:02:00.0/nvme/nvme0"
    for n, name in enumerate(("nvme0n1", "nvme0n2")):
        machine.disk(name, f"259:{n}", where, device__serial="S5", device__model="980 PRO", wwid=f"eui.000{n}")
    one, two = (_sysfs.identify(f"259:{n}", machine.root) for n in (0, 1))
    assert one.serial == two.serial == "S5"
    assert one.wwn != two.wwn
    assert one.media == "nvme"


def test_a_mounted_namespace_of_the_same_drive_is_a_use_beside_it_and_another_drives_is_not(machine: Machine) -> None:
    for n, name in ((0, "nvme0n1"), (1, "nvme0n2"), (2, "nvme1n1")):
        machine.disk(name, f"259:{n}", f"pci0000:00/0000:02:00.{n // 2}/nvme/{name[:5]}", wwid=f"eui.000{n}")
    machine.mounts(ROOT_MOUNT, "30 22 259:1 / /media/stick rw - ext4 /dev/nvme0n2 rw")
    found = of_number("/dev/nvme0n1", "259:0", root=machine.root)
    assert [use.sentence for use in found.beside] == ["/dev/nvme0n2 is mounted on /media/stick"]
    assert not of_number("/dev/nvme1n1", "259:2", root=machine.root).beside
    assert {reason.code for reason in judge(found)} >= {"BW-S23"}


def test_udevs_entry_for_an_earlier_disk_is_not_believed(machine: Machine, sdb: Path) -> None:
    machine.write("run/udev/data/b8:16", "S:disk/by-diskseq/6\nE:ID_ATA=1\nE:ID_SERIAL_SHORT=OLD")
    assert _sysfs.identify("8:16", machine.root).serial is None
    machine.write("run/udev/data/b8:16", "S:disk/by-diskseq/7\nE:ID_ATA=1\nE:ID_SERIAL_SHORT=NEW")
    assert _sysfs.identify("8:16", machine.root).serial == "NEW"


def test_an_empty_virtio_serial_identifies_nobody(machine: Machine) -> None:
    machine.disk("vdb", "254:16", "pci0000:00/0000:00:03.0/virtio2", serial="")
    assert _sysfs.identify("254:16", machine.root).serial is None
