"""ATA PASS-THROUGH byte for byte, and registers that count only where all of them came back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import ata, sat
from firmware_bridge.ata import Registers, TaskFile
from firmware_bridge.reply import ScsiReply, Unreadable
from firmware_bridge.sat import StatusUnreadable
from tests.firmware_bridge.captures import capture, identify, returned


def reply(*, status: int = 0, host: int = 0, sense: bytes = b"", data: bytes = b"") -> ScsiReply:
    return ScsiReply(status=status, host_status=host, driver_status=0, sense=sense, data=data)


@pytest.mark.parametrize(
    ("task", "cdb"),
    [
        # What hdparm 9.65 puts on the wire (--verbose, strace, Linux 6.1); the first two in nwipe#444 too.
        (ata.IDENTIFY_DEVICE, "85 08 0e 00 00 00 01 00 00 00 00 00 00 40 ec 00"),
        (ata.DCO_IDENTIFY, "85 08 0e 00 c2 00 01 00 00 00 00 00 00 40 b1 00"),
        (ata.READ_NATIVE_MAX_EXT, "85 07 20 00 00 00 00 00 00 00 00 00 00 40 27 00"),
        (ata.security("set-password"), "85 0a 06 00 00 00 01 00 00 00 00 00 00 40 f1 00"),
        (ata.ERASE_PREPARE, "85 06 20 00 00 00 00 00 00 00 00 00 00 40 f3 00"),
        (ata.security("erase-unit"), "85 0a 06 00 00 00 01 00 00 00 00 00 00 40 f4 00"),
        (ata.set_max(0x74706DB0, ext=True), "85 07 20 00 00 00 01 74 af 00 6d 00 70 40 37 00"),
        (ata.set_max(0x1234568, ext=False), "85 06 20 00 00 00 01 00 67 00 45 00 23 e1 f9 00"),
        (ata.set_accessible_max(0x74706DB0), "85 07 20 00 01 00 00 74 af 00 6d 00 70 40 78 00"),
        (ata.DCO_RESTORE, "85 06 20 00 c0 00 00 00 00 00 00 00 00 40 b1 00"),
        (ata.SANITIZE_STATUS, "85 07 20 00 00 00 00 00 00 00 00 00 00 40 b4 00"),
        (ata.sanitize("crypto"), "85 07 20 00 11 00 00 43 70 00 79 00 72 40 b4 00"),
        (ata.sanitize("block"), "85 07 20 00 12 00 00 42 72 00 45 00 6b 40 b4 00"),
        (ata.sanitize("overwrite", pattern=0x01020304, passes=3), "85 07 20 00 14 00 03 01 04 57 03 4f 02 40 b4 00"),
        # ACS-4 laid out by SAT-4, 12.2.2.3.
        (ata.READ_NATIVE_MAX, "85 06 20 00 00 00 00 00 00 00 00 00 00 40 f8 00"),
        (ata.GET_NATIVE_MAX_EXT, "85 07 20 00 00 00 00 00 00 00 00 00 00 40 78 00"),
    ],
    ids=lambda value: value.name if isinstance(value, TaskFile) else "",
)
def test_pass_through_16_is_byte_for_byte(task: TaskFile, cdb: str) -> None:
    assert sat.pass_through_16(task).hex(" ") == cdb


def test_48_bit_registers_are_put_together_from_the_descriptor() -> None:
    found = sat.registers_of(
        ata.READ_NATIVE_MAX, reply(status=2, sense=returned(lba=0x010203040506, count=0x8001, status=0x50))
    )
    assert found == Registers(error=0, count=0x8001, lba=0x010203040506, device=0x40, status=0x50)


def test_without_extend_the_high_halves_are_not_believed() -> None:
    found = sat.registers_of(
        ata.READ_NATIVE_MAX, reply(status=2, sense=returned(lba=0x010203040506, count=0x8001, extend=False))
    )
    assert isinstance(found, Registers)
    assert (found.lba, found.count) == (0x040506, 0x01)
    reply_ = reply(status=2, sense=returned(lba=5, extend=False))
    assert isinstance(sat.registers_of(ata.READ_NATIVE_MAX_EXT, reply_), StatusUnreadable)
    assert isinstance(sat.registers_of(ata.READ_NATIVE_MAX, reply_), Registers)


def test_another_descriptor_before_the_registers_is_stepped_over() -> None:
    whole = returned(lba=99)
    other = bytes([0x00, 0x0A, *bytes(10)])
    sense = whole[:7] + bytes([whole[7] + len(other)]) + other + whole[8:]
    found = sat.registers_of(ata.READ_NATIVE_MAX_EXT, reply(status=2, sense=sense))
    assert isinstance(found, Registers)
    assert found.lba == 99


def test_extend_is_that_of_the_registers_and_not_of_a_descriptor_that_is_none() -> None:
    half = returned(lba=5, extend=False)
    broken = bytes([0x09, 0x04, 0x01, 0, 0, 0])  # another length, and bit 0 where EXTEND would stand
    sense = half[:7] + bytes([half[7] + len(broken)]) + broken + half[8:]
    assert isinstance(sat.registers_of(ata.READ_NATIVE_MAX_EXT, reply(status=2, sense=sense)), StatusUnreadable)


def test_the_registers_that_libata_brings_back_are_read() -> None:
    reply_ = reply(status=2, sense=capture("sense-native-max-libata"))
    found = sat.registers_of(ata.READ_NATIVE_MAX_EXT, reply_)
    assert found == Registers(error=0, count=0, lba=131_071, device=0x40, status=0x50)
    assert ata.parse_native_max(ata.READ_NATIVE_MAX_EXT, found) == 131_072


@pytest.mark.parametrize("name", ["sense-dco-aborted-libata", "sense-wd-usb-fixed"])
def test_fixed_format_of_real_bridges_is_never_a_status(name: str) -> None:
    assert isinstance(sat.registers_of(ata.READ_NATIVE_MAX, reply(status=2, sense=capture(name))), StatusUnreadable)


@pytest.mark.parametrize(
    "sense",
    [
        b"",
        bytes(32),
        returned(status=0, device=0),
        returned(status=0),
        returned()[:21],
        b"\x73" + returned()[1:],
        bytes([0x72, 1, 0, 0x1D, 0, 0, 0, 0]),
        bytes([0x72, 1, 0, 0x1D, 0, 0, 0, 14, 0x09, 0x04]) + bytes(12),
    ],
    ids=[
        "none",
        "zeros",
        "zero registers",
        "as they were sent",
        "cut off",
        "deferred",
        "no descriptor",
        "wrong length",
    ],
)
def test_a_status_that_did_not_come_is_unreadable(sense: bytes) -> None:
    assert isinstance(sat.registers_of(ata.READ_NATIVE_MAX, reply(status=2, sense=sense)), StatusUnreadable)


def test_silence_of_the_transport_is_unreadable_whatever_the_sense_buffer_holds() -> None:
    for lost in (reply(status=0, host=3, sense=returned(lba=5)), reply(status=8, sense=returned(lba=5))):
        assert isinstance(sat.registers_of(ata.READ_NATIVE_MAX_EXT, lost), StatusUnreadable)
        assert isinstance(sat.data_of(ata.IDENTIFY_DEVICE, lost), Unreadable)


def test_data_count_only_if_the_command_went_well_and_all_of_them_came() -> None:
    page = identify()
    assert sat.data_of(ata.IDENTIFY_DEVICE, reply(data=page)) == page
    assert sat.data_of(ata.IDENTIFY_DEVICE, reply(status=2, sense=returned(), data=page)) == page
    aborted = reply(status=2, sense=capture("sense-dco-aborted-libata"), data=bytes(512))
    assert isinstance(sat.data_of(ata.DCO_IDENTIFY, aborted), Unreadable)
    assert isinstance(sat.data_of(ata.IDENTIFY_DEVICE, reply(data=page[:511])), Unreadable)


@given(st.binary(max_size=64), st.integers(0, 255))
def test_no_sense_makes_the_parsers_raise(sense: bytes, code: int) -> None:
    for candidate in (sense, bytes([0x72]) + sense, bytes([0x72, 1, 0, 0x1D, 0, 0, 0, code]) + sense):
        for task in (ata.READ_NATIVE_MAX, ata.READ_NATIVE_MAX_EXT):
            found = sat.registers_of(task, reply(status=2, sense=candidate))
            assert isinstance(found, Registers | StatusUnreadable)
