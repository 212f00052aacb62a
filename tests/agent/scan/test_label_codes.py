"""What stands on a drive's own label is recognised, however it prints it; what stands on another's never is."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.scan.codes import is_of_drive
from drivers.drives.drive import Drive

SAS = Drive(
    device="/dev/sdb", model="ST600", serial="9XGA0RTV0000C6252V9L", wwn="0x5000c50057a15e37", capacity_bytes=1 << 20
)
NVME = Drive(
    device="/dev/nvme0n1",
    model="980 PRO",
    serial="S5GXNF0R123456A",
    wwn="eui.0025385b71b0a1c2",
    transport="nvme",
    capacity_bytes=1 << 20,
)
WD = Drive(device="/dev/sdc", model="WD10", serial="WD-WCC4E1234567", wwn="0x50014ee2b1234567", capacity_bytes=1 << 20)


@pytest.mark.parametrize(
    "text",
    [
        *("5000C50057A15E37", "5000c50057a15e37", "0x5000c50057a15e37", "naa.5000c50057a15e37", "5000C500 57A1 5E37"),
        *("WWN: 5000C50057A 15E37", "WWN:5000C50057A15E37", "WWN 5000C50057A15E37", "LU WWN: 5000C50057A15E37"),
        *("LU WWN Device Id: 5 000c50 057a15e37", "50:00:C5:00:57:A1:5E:37", "NAA:5000C50057A15E37"),
        *("9XGA0RTV", "S/N: 9XGA0RTV", "SN9XGA0RTV", "9XGA0RTV0000C6252V9L", "(S)9XGA0RTV", "S9XGA0RTV"),
        *("219XGA0RTV0000C6252V9L", "(21)9XGA0RTV0000C6252V9L", "30S9XGA0RTV", "(30S)9XGA0RTV", "219XGA0RTV"),
        *("0104006381333931219XGA0RTV", "(01)04006381333931(21)9XGA0RTV", "0104006381333931219XGA0RTV\x1d10LOT7"),
    ],
)
def test_a_sas_drive_is_recognised_by_what_its_label_prints(text: str) -> None:
    assert is_of_drive(text, SAS)


@pytest.mark.parametrize(
    "text", ["0025385B71B0A1C2", "EUI: 0025385B71B0A1C2", "EUI64:0025385b71b0a1c2", "S/N:S5GXNF0R123456A"]
)
def test_an_nvme_drive_is_recognised_by_what_its_label_prints(text: str) -> None:
    assert is_of_drive(text, NVME)


@pytest.mark.parametrize("text", ["WCC4E1234567", "WD-WCC4E1234567", "S/N WCC4E1234567", "WWN: 50014EE2B1234567"])
def test_a_drive_that_says_its_maker_is_recognised_without(text: str) -> None:
    assert is_of_drive(text, WD)


@pytest.mark.parametrize(
    "text",
    [
        *("9XGA0RT", "XGA0RTV", "0000C6252V9L", "C6252V9L", "9XGA0RTV0000", "9XGA0RTV0000C6252V9", "9XGA0RTW"),
        *("5000C50057A15E3", "000C50057A15E37", "5000C50057A15E38", "57A15E37", "WWN:", "LU WWN", "21", "S/N", ""),
        "0104006381333932219XGA0RTV",  # a GTIN whose check digit is wrong
    ],
)
def test_a_part_of_a_number_is_never_enough(text: str) -> None:
    assert not is_of_drive(text, SAS)


@pytest.mark.parametrize(
    "other",
    [
        msgspec.structs.replace(SAS, transport="nvme"),
        msgspec.structs.replace(SAS, transport="ata"),
        msgspec.structs.replace(SAS, wwn="0x5002538d41234567"),
        msgspec.structs.replace(SAS, wwn=None),
    ],
)
def test_only_seagates_sas_drives_have_a_boards_number_behind_their_own(other: Drive) -> None:
    assert not is_of_drive("9XGA0RTV", other)


@pytest.mark.parametrize("told", ["000000000001", "152D00539000", "NOT SPECIFIED"])
def test_a_serial_that_names_no_drive_is_on_no_label(told: str) -> None:
    nameless = Drive(device="x", model="M", serial=told, wwn="0x5000000000000001", capacity_bytes=1)
    for text in (told, f"S/N: {told}", "5000000000000001", "WWN: 5000000000000001"):
        assert not is_of_drive(text, nameless)


HEX = st.text("0123456789abcdef", min_size=9, max_size=9)
SIGNS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
DRIVES = st.builds(
    lambda serial, number, seagate: Drive(
        device="x",
        model="M",
        serial=f"{serial[:8]}0000{serial[:8][::-1]}" if seagate else serial,
        wwn=f"0x5000c50{number}" if seagate else f"0x50014ee{number}",
        capacity_bytes=1,
    ),
    st.text(SIGNS, min_size=12, max_size=12),
    HEX,
    st.booleans(),
)
PRINTED = ("{}", "S/N: {}", "SN{}", "S{}", "1S{}", "21{}", "(21){}", "30S{}", "{} ")


@given(DRIVES, DRIVES, st.sampled_from(PRINTED))
def test_no_label_of_another_drive_is_taken_for_this_ones(one: Drive, other: Drive, printed: str) -> None:
    assume(one.own_wwn and other.own_wwn and one.wwn != other.wwn)
    assert one.serial is not None
    assert one.wwn is not None
    assert other.serial is not None
    assume(one.serial[:8] != other.serial[:8])
    for number in (one.serial, one.serial[:8] if "0000" in one.serial else one.serial):
        assert not is_of_drive(printed.format(number), other)
    for wwn in (one.wwn, one.wwn[2:], f"WWN: {one.wwn[2:].upper()}", f"LU WWN:{one.wwn[2:10]} {one.wwn[10:]}"):
        assert is_of_drive(wwn, one)
        assert not is_of_drive(wwn, other)
