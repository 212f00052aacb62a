"""Serial numbers and WWNs that name no drive are never believed; those of real drives are."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.drives import _sysfs
from drivers.drives._identities import believable, names_a_drive, wwn_names_a_drive
from drivers.drives._nameless import SERIALS, WWNS
from drivers.drives.drive import Drive
from tests.drivers.drives.machine import Machine

USB = "pci0000:00/0000:00:14.0/usb2/2-3/2-3:1.0/host6/target6:0:0/6:0:0:0"
KIN = (
    *("152D00578123", "152d20337000", "174C00000007", "00000001", "0001", "0000000000A7", "000000000000000000B4"),
    *("111111111112", "AAAAAAAAAAAAAAAB", "12345678", "0123456789", "123456789ABC", "9876543210", "2020202020202020"),
    *("ABCDEF0123456789", "ABCDEFGHIJKL", "1122334455667788", "DB98765432151", "AB1234567890", "058F63646476"),
    *("ABABABABABAB", "123412341234", "n/a", "not specified", "TO BE FILLED BY O.E.M.", " ", "-----", "..", "None"),
)
# Of labels and reports of smartctl: every maker's own way to count.
REAL = (
    *("WD-WCC4E1234567", "WD-WX11A30H2345", "Z1F12345", "ZA1B2C3D", "9XGA0RTV0000C6252V9L", "S5GXNF0R123456A"),
    *("S21HNXAG501234P", "PHWL441200HY240CGN", "CVPO0123019T120BGN", "50026B7685F13C1E", "50026B76830887D3"),
    *("153486400725", "171248401234", "21451BF3186B", "18151BF3186B", "MN1220F30ABCDE", "Y3I1K0ABCDEF", "Z5RM123KS"),
    *(
        "2J4720045621",
        "FS8CN12345678CD0E",
        "LKC125R001176",
        "YCA12003110020080",
        "0000060328086981",
        "00000000AD1F32C6",
    ),
    *(
        "AA00000000000489",
        "51E0A0AQT8S8",
        "0QYEX3AA",
        "K7J2R1XL",
        "NA7X2C1B",
        "TBD0419X",
        "OEM00231A7",
        "SN700831",
        "USB3A0918",
        "202207153AB6",
    ),
)
REAL_WWNS = (
    *("0x5000c50057a15e37", "0x50014ee2b1234567", "0x5002538d41234567", "0x500a075111bf3186", "0x55cd2e404b6e1234"),
    *("eui.0025385b71b0a1c2", "eui.00000000000000010025385b71b0a1c2", "0x600508b1001c5bd6a1d3a5c6a2f3b4c5"),
    *("nvme.1cc1-324a34373230303435363231-41-00000001", "eui.e8238fa6bf530001001b448b4a2c1d3e"),
)


@pytest.mark.parametrize("serial", [*SERIALS, *KIN])
def test_a_default_of_a_bridge_or_a_maker_identifies_no_drive(serial: str) -> None:
    assert believable(serial) is None
    for told in (serial, serial.lower(), f" {serial} "):
        drive = Drive(device="/dev/sdb", model="M", serial=told, capacity_bytes=1 << 20)
        assert not drive.identified


@pytest.mark.parametrize(
    "wwn", [*WWNS, "0x5000000000000002", "0x5000c50000000000", "eui.0000000000000001", "0x6" + "0" * 31]
)
def test_a_wwn_without_a_company_or_a_number_identifies_no_drive(wwn: str) -> None:
    assert not Drive(device="/dev/sdb", model="M", wwn=wwn, capacity_bytes=1 << 20).identified


@pytest.mark.parametrize("serial", REAL)
def test_a_real_serial_number_is_believed(serial: str) -> None:
    assert believable(serial) == serial


@pytest.mark.parametrize("wwn", REAL_WWNS)
def test_a_real_wwn_is_believed(wwn: str) -> None:
    assert wwn_names_a_drive(wwn)


def test_each_entry_of_the_list_says_where_it_was_met() -> None:
    assert all(len(source) > 20 for source in (*SERIALS.values(), *WWNS.values()))


@given(st.text(max_size=40))
def test_whatever_is_told_is_judged(told: str) -> None:
    assert names_a_drive(told) in (True, False)
    assert wwn_names_a_drive(told) in (True, False)


@given(st.integers(min_value=10**5, max_value=10**6 - 1), st.integers(min_value=1, max_value=10**7 - 1))
def test_numbers_as_western_digital_counts_them_are_believed(batch: int, number: int) -> None:
    assert names_a_drive(f"WD-WCC{batch}{number:07d}")


def test_two_nameless_drives_of_one_model_never_have_one_fingerprint_and_an_own_number_has_one_for_ever() -> None:
    first = Drive(device="/dev/sdb", model="M", serial="000000000001", capacity_bytes=1 << 20, appearance="boot/8:16/7")
    again = msgspec.structs.replace(first, appearance="boot/8:16/8")
    assert first.fingerprint != again.fingerprint
    known = msgspec.structs.replace(first, serial="ZA1B2C3D")
    assert known.fingerprint == msgspec.structs.replace(known, appearance="boot/8:16/8").fingerprint


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def behind(machine: Machine, vendor: str, serial: str) -> _sysfs.Identity:
    place = "sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/"
    machine.disk("sdb", "8:16", USB, device__model="Disk")
    machine.write(place + "idVendor", vendor)
    machine.write(place + "serial", serial)
    return _sysfs.identify("8:16", machine.root)


def test_what_a_bridge_tells_in_place_of_a_serial_number_is_kept_as_told_alone(
    machine: Machine,
) -> None:
    found = behind(machine, "152d", "152D00539000")
    assert (found.serial, found.told) == (None, "152D00539000")


def test_a_serial_that_begins_with_the_bridges_own_vendor_number_is_its_makers(machine: Machine) -> None:
    assert behind(machine, "2537", "253700123456").serial is None


def test_the_same_digits_behind_another_bridge_are_a_drives(machine: Machine) -> None:
    assert behind(machine, "152d", "253700123456").serial == "253700123456"


def test_an_appearance_is_another_after_each_plugging_in(machine: Machine) -> None:
    machine.write("proc/sys/kernel/random/boot_id", "b00t")
    one = machine.disk("sdb", "8:16", USB, diskseq="7")
    first = _sysfs.appearance("8:16", one, machine.root)
    machine.write(one.relative_to(machine.root) / "diskseq", "8")
    assert first
    assert _sysfs.appearance("8:16", one, machine.root) != first
