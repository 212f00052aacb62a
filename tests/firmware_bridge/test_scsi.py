"""SCSI commands byte for byte, and pages that targets get wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import scsi
from firmware_bridge.reply import ScsiReply, Unreadable
from firmware_bridge.scsi import Capacity, Sense


@pytest.mark.parametrize(
    ("built", "cdb"),
    [
        # As sg3_utils 1.46 prints with -vvv (sg_readcap, sg_requests, sg_sanitize); the others by SPC-5 and SBC-4.
        (scsi.inquiry(), "12 00 00 00 60 00"),
        (scsi.inquiry_page(0x80, 24), "12 01 80 00 18 00"),  # openSeaChest#114
        (scsi.read_capacity_16(), "9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00"),
        (scsi.request_sense(), "03 01 00 00 fc 00"),
        (scsi.report_supported(0x48, 2), "a3 0c 02 48 00 02 00 00 00 40 00 00"),
        (scsi.sanitize("block"), "48 82 00 00 00 00 00 00 00 00"),
        (scsi.sanitize("crypto", immediate=False, exit_allowed=True), "48 23 00 00 00 00 00 00 00 00"),
        (scsi.sanitize("overwrite", listed=8), "48 81 00 00 00 00 00 00 08 00"),
        (scsi.sanitize("exit-failure", immediate=False), "48 1f 00 00 00 00 00 00 00 00"),
        (scsi.overwrite_list(bytes(4)), "01 00 00 04 00 00 00 00"),
        (scsi.overwrite_list(b"\xaa\x55", passes=3, invert=True), "83 00 00 02 aa 55"),
    ],
)
def test_commands_are_byte_for_byte(built: bytes, cdb: str) -> None:
    assert built.hex(" ") == cdb


def test_an_overwrite_has_passes_and_a_pattern() -> None:
    for wrong in ((b"", 1), (b"x", 0), (b"x", 32)):
        with pytest.raises(ValueError, match="passes of a pattern"):
            scsi.overwrite_list(wrong[0], passes=wrong[1])


def test_a_target_that_answers_with_another_page_is_not_believed() -> None:
    standard = bytes([0, 0x80, 6, 2, 0x1F, 0, 0, 0]) + b"IOMEGA  ZIP 750         78.A"
    assert isinstance(scsi.parse_rotation(standard), Unreadable)


def test_inquiry_is_read_field_by_field() -> None:
    found = scsi.parse_inquiry(bytes([0x20, 0x80, 6, 2, 31, 0, 0, 0]) + b"ATA     MZ7KH480HAHQ0D3 HF58")
    assert not isinstance(found, Unreadable)
    assert (found.vendor, found.product, found.revision) == ("ATA", "MZ7KH480HAHQ0D3", "HF58")
    assert (found.device_type, found.connected, found.removable, found.version) == (0, False, True, 6)


def test_capacity_is_blocks_times_their_size() -> None:
    raw = (7_814_037_167).to_bytes(8, "big") + (512).to_bytes(4, "big") + bytes([1, 3]) + bytes(18)
    found = scsi.parse_capacity_16(raw)
    assert isinstance(found, Capacity)
    assert (found.bytes, found.physical_block_bytes, found.protection) == (4_000_787_030_016, 4096, True)
    for wrong in (raw[:31], bytes(32), b"\xff" * 8 + raw[8:]):
        assert isinstance(scsi.parse_capacity_16(wrong), Unreadable)


@pytest.mark.parametrize(("support", "found"), [(1, False), (3, True), (5, False)])
def test_only_standard_support_is_support(support: int, found: bool) -> None:
    assert scsi.parse_supported(bytes([0, support, 0, 0])) is found
    assert isinstance(scsi.parse_supported(b"\0\0\0\0"), Unreadable)


def test_sense_data_of_both_formats_agree_about_progress() -> None:
    fixed = bytes([0x70, 0, 0x02, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x04, 0x1B, 0, 0x80, 0x40, 0x00])
    descriptor = bytes([0x72, 0x02, 0x04, 0x1B, 0, 0, 0, 8, 0x02, 0x06, 0, 0, 0x80, 0x40, 0x00, 0])
    another = bytes([0x72, 0x02, 0x04, 0x1B, 0, 0, 0, 8, 0x0A, 0x06, 2, 4, 0x1B, 0, 0x40, 0x00])
    for raw in (fixed, descriptor, another):
        assert scsi.parse_sense(raw) == Sense(key=2, asc=4, ascq=0x1B, deferred=False, progress=0x4000)


def test_absent_progress_is_none_and_not_zero() -> None:
    no_sksv = bytes([0x70, 0, 0x02, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x04, 0x1B, 0, 0x00, 0x40, 0x00])
    other_key = bytes([0x70, 0, 0x05, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0x00, 0, 0xC0, 0x00, 0x02])
    for raw in (no_sksv, other_key, no_sksv[:16]):
        found = scsi.parse_sense(raw)
        assert isinstance(found, Sense)
        assert found.progress is None


def test_sense_is_looked_at_only_after_check_condition() -> None:
    raw = bytes([0x70, 0, 0x06, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29, 0, 0, 0, 0, 0])
    ended = [ScsiReply(status=s, host_status=0, driver_status=0, sense=raw) for s in (0, 2)]
    assert scsi.sense_of(ended[0]) is None
    assert scsi.sense_of(ended[1]) == Sense(key=6, asc=0x29, ascq=0, deferred=False)


@given(st.binary(max_size=80), st.sampled_from([0x00, 0x80, 0x83, 0x89, 0xB1, 0x70, 0x71, 0x72, 0x73]))
def test_no_bytes_make_the_parsers_raise(data: bytes, code: int) -> None:
    for raw in (
        data,
        bytes([code]) + data,
        bytes([0, code]) + data,
        bytes([0, code]) + len(data).to_bytes(2, "big") + data,
    ):
        assert isinstance(scsi.parse_sense(raw), Sense | Unreadable)
        assert isinstance(scsi.parse_rotation(raw), int | Unreadable)
        assert isinstance(scsi.parse_capacity_16(raw), Capacity | Unreadable)
        assert isinstance(scsi.parse_supported(raw), bool | Unreadable)
        assert isinstance(scsi.parse_inquiry(raw), scsi.Inquiry | Unreadable)
