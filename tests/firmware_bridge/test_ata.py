"""IDENTIFY, native sizes and the security block, against captures and the words of ACS-4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import ata
from firmware_bridge.ata import Identify, Registers
from firmware_bridge.reply import Unreadable
from tests.firmware_bridge.captures import capture, dco, identify, with_checksum


def read(data: bytes) -> Identify:
    found = ata.parse_identify(data)
    assert isinstance(found, Identify)
    return found


def test_a_real_seagate_is_read_as_hdparm_reads_it() -> None:
    """The capture ends in word 132; nothing asserted here lies behind it."""
    found = read(capture("identify-st4000nm0033").ljust(512, b"\0"))
    assert (found.model, found.serial, found.firmware) == ("ST4000NM0033-9ZM170", "Z1Z7NVF7", "SN04")
    assert (found.sectors, found.capacity_bytes) == (7_814_037_168, 4_000_787_030_016)
    assert found.wwn == 0x5000C5007A6B9C41
    assert found.lba48
    assert found.hpa_supported
    assert found.hpa_enabled
    assert found.dco is False
    assert found.amac is False
    assert found.sanitize == ()
    assert found.security is not None
    assert found.security.frozen
    assert found.security.enhanced
    assert (found.security.enabled, found.security.locked) == (False, False)
    assert (found.security.erase_minutes, found.security.enhanced_erase_minutes) == (464, 464)
    assert found.security.master_password_id == 0xFFFE


def test_qemus_disk_is_read_and_has_no_checksum() -> None:
    found = read(capture("identify-qemu-ide").ljust(512, b"\0"))
    assert (found.model, found.serial, found.firmware) == ("QEMU HARDDISK", "SATA0001", "2.5+")
    assert (found.sectors, found.checksum, found.security, found.wwn) == (131_072, "absent", None, 0)


def test_the_checksum_is_verified_and_one_wrong_bit_makes_all_of_it_unreadable() -> None:
    good = identify()
    assert read(good).checksum == "good"
    for at in (0, 21, 200, 511):
        assert isinstance(ata.parse_identify(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]), Unreadable)


def test_word_255_without_its_signature_is_no_checksum() -> None:
    assert read(identify()[:510] + b"\0\0").checksum == "absent"


@pytest.mark.parametrize("data", [b"", bytes(511), bytes(512), b"\xff" * 512, identify(w0=0x8580)])
def test_what_is_no_ata_identify_is_unreadable(data: bytes) -> None:
    assert isinstance(ata.parse_identify(data), Unreadable)


def test_the_capacity_is_taken_from_the_widest_words_that_count() -> None:
    assert read(identify(sectors=1 << 29)).sectors == 1 << 29
    assert read(identify(sectors=1 << 29, w83=0x4000)).sectors == 0x0FFFFFFF
    extended = identify(sectors=5, w69=8, w230=0xBEB0, w231=0xD1C0, w232=1)
    assert read(extended).sectors == 7_814_037_168


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        ({}, (512, 512)),
        ({106: 0x6003}, (512, 4096)),
        ({106: 0x5000, 117: 2048, 118: 0}, (4096, 4096)),
        ({106: 0x7001, 117: 1024, 118: 0}, (2048, 4096)),
        ({106: 0xFFFF}, (512, 512)),
    ],
)
def test_block_sizes_are_those_of_words_106_and_117(words: dict[int, int], sizes: tuple[int, int]) -> None:
    found = read(identify(more=words))
    assert (found.logical_block_bytes, found.physical_block_bytes) == sizes


def test_feature_words_without_their_signature_count_for_nothing() -> None:
    assert read(identify(w82=0x0402, w83=0xFFFF)).hpa_supported is False
    assert read(identify(w85=0x0400, w87=0x0000)).hpa_enabled is False
    assert read(identify(w86=0x8400, w119=0x0100)).amac is False
    assert read(identify(w86=0x8400, w119=0x4100)).amac is True
    assert read(identify(w86=0x0400, w119=0x4100)).amac is False  # word 86 bit 15: words 119 and 120 are valid
    assert read(identify(w86=0x8400, w87=0xFFFF, w119=0x4100)).amac is False


def test_whether_a_password_is_set_is_not_read_from_words_that_do_not_count() -> None:
    for words, enabled in (
        ({85: 0x0002, 87: 0x4000}, True),
        ({85: 0xFFFF, 87: 0xFFFF}, False),
        ({85: 0x0002, 87: 0x0000}, False),
        ({85: 0x0000, 87: 0x4000, 128: 0x0003}, True),
    ):
        found = read(identify(more={82: 0x0002, 128: 0x0001} | words)).security
        assert found is not None
        assert found.enabled is enabled


@pytest.mark.parametrize(
    ("word", "kinds"),
    [
        (0x0000, ()),
        (0xF000, ("block", "crypto", "overwrite")),
        (0xE000, ()),
        (0x9000, ("block",)),
        (0x3000, ("crypto",)),
        (0x5000, ("overwrite",)),
    ],
)
def test_sanitize_counts_only_where_the_feature_set_is_there(word: int, kinds: tuple[str, ...]) -> None:
    assert read(identify(w59=word)).sanitize == kinds


@pytest.mark.parametrize(
    ("word", "minutes"), [(0, None), (1, 2), (0x00E8, 464), (0x80E8, 464), (0x8FFF, 8190), (0x12E8, 464)]
)
def test_erase_times_are_in_units_of_two_minutes(word: int, minutes: int | None) -> None:
    assert ata.erase_minutes(word) == minutes


def test_the_security_word_is_read_bit_by_bit() -> None:
    found = read(identify(w128=0x0117)).security
    assert found is not None
    assert (found.enabled, found.locked, found.frozen) == (True, True, False)
    assert (found.count_expired, found.enhanced, found.master_maximum) == (True, False, True)
    assert read(identify()).security is None


def registers(lba: int, *, status: int = 0x50, device: int = 0x40) -> Registers:
    return Registers(error=0, count=0, lba=lba, device=device, status=status)


def test_the_native_size_is_the_last_address_and_one() -> None:
    assert ata.parse_native_max(ata.READ_NATIVE_MAX_EXT, registers(7_814_037_167)) == 7_814_037_168
    assert ata.parse_native_max(ata.READ_NATIVE_MAX, registers(0xFFFFFF, device=0x4F)) == 0x10000000


@pytest.mark.parametrize("status", [0x51, 0x70, 0xD0])
def test_a_native_size_with_an_error_in_the_status_is_none(status: int) -> None:
    assert isinstance(ata.parse_native_max(ata.READ_NATIVE_MAX_EXT, registers(9, status=status)), Unreadable)


def test_a_native_size_of_one_sector_is_not_believed() -> None:
    assert isinstance(ata.parse_native_max(ata.READ_NATIVE_MAX_EXT, registers(0)), Unreadable)


def test_dco_tells_what_the_drive_was_made_with_if_its_checksum_stands() -> None:
    assert ata.parse_dco(dco(7_814_037_168)) == 7_814_037_168
    damaged = bytearray(dco(7_814_037_168))
    damaged[8] ^= 1
    assert isinstance(ata.parse_dco(bytes(damaged)), Unreadable)
    assert isinstance(ata.parse_dco(with_checksum(bytes(512))), Unreadable)


def test_sanitize_commands_have_their_keys() -> None:
    found = {kind: ata.sanitize(kind) for kind in ("block", "crypto")}
    assert {k: (t.command, t.feature, t.lba, t.ext) for k, t in found.items()} == {
        "block": (0xB4, 0x12, int.from_bytes(b"BkEr", "big"), True),
        "crypto": (0xB4, 0x11, int.from_bytes(b"Cryp", "big"), True),
    }
    overwrite = ata.sanitize("overwrite", pattern=0x12345678, passes=16, failure_mode=True)
    assert (overwrite.lba, overwrite.count) == (0x4F57_1234_5678, 0x10)
    for passes, pattern in ((0, 0), (17, 0), (1, 1 << 32), (1, -1)):
        with pytest.raises(ValueError, match="passes of"):
            ata.sanitize("overwrite", passes=passes, pattern=pattern)


def test_a_password_block_holds_the_password_and_its_kind() -> None:
    block = ata.password_block(b"bw", master=True, enhanced=True)
    assert (len(block), block[:4], any(block[4:])) == (512, b"\x03\x00bw", False)
    assert ata.password_block(b"bw", maximum=True)[:4] == b"\x00\x01bw"
    for wrong in (b"", b"x" * 33):
        with pytest.raises(ValueError, match="a password of"):
            ata.password_block(wrong)


def test_what_may_be_asked_of_any_drive_neither_erases_nor_sets() -> None:
    """F1-F6 security, F9/37 SET MAX, B4 with a feature, B1 with another feature than identify."""
    asked = {(t.command, t.feature) for t in ata.READ_ONLY}
    assert asked == {(0xEC, 0), (0xF8, 0), (0x27, 0), (0x78, 0), (0xB1, 0xC2), (0xB4, 0)}


@given(st.one_of(st.binary(max_size=600), st.binary(min_size=512, max_size=512)))
def test_no_bytes_make_the_parsers_raise(data: bytes) -> None:
    for candidate in (data, with_checksum(data) if len(data) >= 512 else data):
        assert isinstance(ata.parse_identify(candidate), Identify | Unreadable)
        assert isinstance(ata.parse_dco(candidate), int | Unreadable)
