"""Which devices are ways to one unit, as sysfs shows it, and as real loop devices do."""

from __future__ import annotations

import os
import subprocess
from functools import partial
from pathlib import Path

import pytest

from drivers.drives import _sysfs
from drivers.drives._identity import look_device
from drivers.drives._paths import paths_of
from drivers.drives.base import DriveInUse
from drivers.drives.block import open_device
from drivers.drives.examine import of_number
from tests.drivers.drives.conftest import MIB, Loops
from tests.drivers.drives.machine import ROOT_MOUNT, Machine

NAA = b"\0\x83\0\x0c\x01\x03\0\x08" + bytes.fromhex("5000c500a1b2c3d4")
SERIAL = b"\0\x80\0\4Z1X2"


def number_of(device: str) -> str:
    found = os.stat(device).st_rdev
    return f"{os.major(found)}:{os.minor(found)}"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def sas(host: int, lun: int = 0) -> str:
    where = f"pci0000:00/0000:0{host}:00.0/host{host}/port-{host}:0/end_device-{host}:0/target{host}:0:0"
    return f"{where}/{host}:0:0:{lun}"


def usb(host: int) -> str:
    return f"pci0000:00/0000:00:14.0/usb{host}/{host}-1/{host}-1:1.0/host{host}/target{host}:0:0/{host}:0:0:0"


def test_two_paths_of_a_sas_disk_are_ways_to_one_unit(machine: Machine) -> None:
    for n, name in enumerate(("sda", "sdb")):
        machine.disk(name, f"8:{16 * n}", sas(n), device__vpd_pg83=NAA, device__vpd_pg80=SERIAL)
    machine.disk("sdc", "8:32", sas(2), device__vpd_pg83=NAA[:-1] + b"\xd5", device__vpd_pg80=SERIAL)
    assert paths_of("8:0", machine.root) == ("8:0", "8:16")
    assert paths_of("8:16", machine.root) == ("8:16", "8:0")
    assert paths_of("8:32", machine.root) == ("8:32",)


def test_a_path_that_shows_another_size_is_another_drive(machine: Machine) -> None:
    machine.disk("sda", "8:0", sas(0), device__vpd_pg83=NAA)
    machine.disk("sdb", "8:16", sas(1), device__vpd_pg83=NAA, sectors=4096)
    assert paths_of("8:0", machine.root) == ("8:0",)


@pytest.mark.parametrize("wwid", ["", "naa.0000000000000000", "t10.ATA     QEMU HARDDISK"])
def test_what_names_no_unit_makes_no_paths(machine: Machine, wwid: str) -> None:
    for n, name in enumerate(("sda", "sdb")):
        machine.disk(name, f"8:{16 * n}", sas(n), device__wwid=wwid)
    assert paths_of("8:0", machine.root) == ("8:0",)


def test_two_usb_sticks_that_say_the_same_are_two_drives(machine: Machine) -> None:
    for n, name in enumerate(("sda", "sdb")):
        machine.disk(name, f"8:{16 * n}", usb(n + 1), device__vpd_pg83=NAA, device__vpd_pg80=SERIAL)
    assert paths_of("8:0", machine.root) == ("8:0",)


def test_a_namespace_behind_two_controllers_is_one_drive_and_the_next_namespace_another(machine: Machine) -> None:
    for n, (name, nsid) in enumerate((("nvme0n1", 1), ("nvme1n1", 1), ("nvme0n2", 2))):
        where = f"pci0000:00/0000:0{n}:00.0/nvme/{name[:5]}"
        machine.disk(name, f"259:{n}", where, device__subsysnqn="nqn.x", wwid=f"eui.00{nsid}", nsid=str(nsid))
    assert paths_of("259:0", machine.root) == ("259:0", "259:1")
    assert paths_of("259:2", machine.root) == ("259:2",)
    assert [_sysfs.identify(f"259:{n}", machine.root).lun for n in range(3)] == [0, 0, 1]


def test_two_luns_of_one_device_are_two_drives_though_they_say_the_same(machine: Machine) -> None:
    for n, name in enumerate(("sda", "sdb")):
        machine.disk(name, f"8:{16 * n}", sas(0, lun=n), device__vpd_pg80=SERIAL)
    assert [_sysfs.identify(f"8:{16 * n}", machine.root).lun for n in range(2)] == [0, 1]


def test_what_is_mounted_by_another_path_is_in_use(machine: Machine) -> None:
    disks = [machine.disk(f"sd{'ab'[n]}", f"8:{16 * n}", sas(n), device__vpd_pg83=NAA) for n in range(2)]
    machine.part(disks[1], "sdb1", "8:17")
    machine.mounts(ROOT_MOUNT, "30 22 8:17 / /srv rw - ext4 /dev/sdb1 rw")
    uses = of_number("/dev/sda", "8:0", root=machine.root).uses
    assert "/dev/sdb1 is mounted on /srv" in [use.sentence for use in uses]


def test_loops_over_one_file_are_ways_to_one_unit_and_over_its_parts_are_not(loops: Loops) -> None:
    image = loops.image(4 * MIB)
    whole, again = loops.attach(image), loops.attach(image)
    low, high = loops.attach(image, "--sizelimit", str(2 * MIB)), loops.attach(image, "--offset", str(2 * MIB))
    other = loops.attach(loops.image(4 * MIB))
    every = {number_of(device) for device in (whole, again, low, high)}
    assert set(paths_of(number_of(whole))) == every
    assert set(paths_of(number_of(low))) == every - {number_of(high)}
    assert paths_of(number_of(other)) == (number_of(other),)


def test_loops_over_one_file_by_two_names_are_ways_to_one_unit(loops: Loops, tmp_path: Path) -> None:
    image, here = loops.image(MIB), tmp_path / "here"
    here.mkdir()
    subprocess.run(["mount", "--bind", str(image.parent), str(here)], check=True)
    try:
        one, two = loops.attach(image), loops.attach(here / image.name)
        assert set(paths_of(number_of(one))) == {number_of(one), number_of(two)}
        loops.detach(two)
    finally:
        subprocess.run(["umount", "-l", str(here)], check=True)


def test_every_path_of_a_drive_is_held_with_it(loops: Loops) -> None:
    image = loops.image(MIB)
    one, two = loops.attach(image), loops.attach(image)
    take = partial(os.open, two, os.O_RDONLY | os.O_EXCL)
    with open_device(one, look_device(one)):
        with pytest.raises(OSError, match="busy"):
            take()
        with pytest.raises(DriveInUse):
            open_device(two)
    os.close(take())


def test_a_drive_is_not_opened_while_another_path_of_it_is_held(loops: Loops) -> None:
    image = loops.image(MIB)
    one, two = loops.attach(image), loops.attach(image)
    held = os.open(two, os.O_RDONLY | os.O_EXCL)
    try:
        with pytest.raises(DriveInUse, match=f"{two} is the same drive"):
            open_device(one)
    finally:
        os.close(held)
    open_device(one).close()
