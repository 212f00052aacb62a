"""NVMe: what nvme-cli printed of real controllers, and commands by their dwords."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import nvme
from firmware_bridge.nvme import AdminCommand, Controller, Namespace, SanitizeLog
from firmware_bridge.reply import Unreadable
from tests.firmware_bridge.captures import capture, controller, namespace


def read(data: bytes) -> Controller:
    found = nvme.parse_controller(data)
    assert isinstance(found, Controller)
    return found


def test_a_kingston_is_read_as_nvme_cli_printed_it() -> None:
    """oacs 0x17, sanicap 0xa0000002, tnvmcap 250059350016: https://github.com/FOGProject/fos/issues/72"""
    found = read(
        controller(
            serial="50026B7685F13C1E",
            oacs=(256, 2, 0x17),
            tnvmcap=(280, 16, 250_059_350_016),
            sanicap=(328, 4, 0xA0000002),
            nn=(516, 4, 1),
        )
    )
    assert (found.serial, found.total_capacity, found.unallocated_capacity) == ("50026B7685F13C1E", 250_059_350_016, 0)
    assert found.sanitize == ("block",)
    assert found.no_deallocate_inhibited
    assert (found.security_commands, found.format, found.namespace_management) == (True, True, False)


def test_a_micron_is_read_as_nvme_cli_printed_it() -> None:
    """oacs 0xe, sanicap 0, fna 0: https://github.com/thomas-krenn/TKperf/issues/25"""
    found = read(controller(oacs=(256, 2, 0xE), tnvmcap=(280, 16, 1_600_321_314_816), nn=(516, 4, 1)))
    assert (found.security_commands, found.format, found.namespace_management) == (False, True, True)
    assert (found.sanitize, found.crypto_erase, found.format_all) == ((), False, False)


def test_qemus_controller_and_namespace_are_read() -> None:
    found = read(capture("nvme-controller-qemu").ljust(4096, b"\0"))
    assert (found.serial, found.model, found.firmware) == ("NVME0001", "QEMU NVMe Ctrl", "7.2.22")
    assert (found.format, found.namespace_management, found.most_namespaces) == (True, True, 256)
    space = nvme.parse_namespace(capture("nvme-namespace-qemu").ljust(4096, b"\0"))
    assert isinstance(space, Namespace)
    assert (space.bytes, space.block_bytes) == (64 << 20, 512)


def test_every_kind_of_sanitize_and_format_has_its_bit() -> None:
    found = read(controller(sanicap=(328, 4, 7), fna=(524, 1, 7), unvmcap=(296, 16, 1 << 70), rpmbs=(312, 4, 3)))
    assert found.sanitize == ("block", "crypto", "overwrite")
    assert (found.format_all, found.erase_all, found.crypto_erase) == (True, True, True)
    assert (found.unallocated_capacity, found.replay_protected_units) == (1 << 70, 3)


def test_a_namespace_is_read_in_its_present_format() -> None:
    found = nvme.parse_namespace(namespace(1000, exponent=12, flbas=0x11, dps=0x09))
    assert found == Namespace(
        blocks=1000,
        block_bytes=4096,
        metadata_bytes=0,
        format_index=1,
        metadata_inline=True,
        protection=1,
        protection_first=True,
    )
    many = nvme.parse_namespace(namespace(1000, flbas=0x21, formats=20))
    assert isinstance(many, Namespace)
    assert many.format_index == 17


def test_an_inactive_namespace_and_an_absurd_block_are_unreadable() -> None:
    assert isinstance(nvme.parse_namespace(bytes(4096)), Unreadable)
    assert isinstance(nvme.parse_namespace(namespace(5, exponent=60)), Unreadable)
    assert isinstance(nvme.parse_controller(bytes(4096)), Unreadable)


def test_a_namespace_list_ends_with_its_first_zero_and_ascends() -> None:
    def listed(*numbers: int) -> bytes:
        return b"".join(n.to_bytes(4, "little") for n in numbers).ljust(4096, b"\0")

    assert nvme.parse_namespace_list(listed(1, 2, 7)) == (1, 2, 7)
    assert nvme.parse_namespace_list(listed()) == ()
    for wrong in (listed(2, 1), listed(1, 1), listed(1, 0, 3)):
        assert isinstance(nvme.parse_namespace_list(wrong), Unreadable)


def test_the_sanitize_log_is_read_and_an_unknown_status_is_none() -> None:
    raw = bytes.fromhex("0080 0201 04000000 10000000 20000000 30000000") + bytes(492)
    assert nvme.parse_sanitize_log(raw) == SanitizeLog(
        progress=0x8000, status=2, global_data_erased=True, command=4, overwrite_s=16, block_s=32, crypto_s=48
    )
    assert isinstance(nvme.parse_sanitize_log(b"\xff\xff\x05" + raw[3:]), Unreadable)


@pytest.mark.parametrize(
    ("command", "dwords"),
    [
        (nvme.identify_controller(), (0x06, 0, 1, 0, 4096)),
        (nvme.identify_namespace(3), (0x06, 3, 0, 0, 4096)),
        (nvme.namespace_list(), (0x06, 0, 2, 0, 4096)),
        (nvme.sanitize_log(), (0x02, 0, 0x007F0081, 0, 512)),
        (nvme.sanitize("block"), (0x84, 0, 0x2, 0, 0)),
        (nvme.sanitize("crypto", no_deallocate=True), (0x84, 0, 0x204, 0, 0)),
        (nvme.sanitize("overwrite", pattern=0xA5A5A5A5, passes=16, invert=True), (0x84, 0, 0x103, 0xA5A5A5A5, 0)),
        (nvme.sanitize("overwrite", passes=3), (0x84, 0, 0x33, 0, 0)),
        (nvme.sanitize("exit-failure"), (0x84, 0, 0x1, 0, 0)),
    ],
    ids=lambda value: value.name if isinstance(value, AdminCommand) else "",
)
def test_commands_are_their_dwords(command: AdminCommand, dwords: tuple[int, ...]) -> None:
    assert (command.opcode, command.nsid, command.cdw10, command.cdw11, command.data_in) == dwords


def test_format_keeps_the_format_the_metadata_and_the_protection() -> None:
    now = nvme.parse_namespace(namespace(1000, flbas=0x31, dps=0x0A, formats=20))
    assert isinstance(now, Namespace)
    command = nvme.format_nvm(1, now, erase="crypto")
    assert (command.opcode, command.nsid) == (0x80, 1)
    assert command.cdw10 == 1 << 12 | 2 << 9 | 1 << 8 | 2 << 5 | 1 << 4 | 1


def test_a_sanitize_of_no_passes_is_not_built() -> None:
    for passes, pattern in ((0, 0), (17, 0), (1, -1)):
        with pytest.raises(ValueError, match="passes of"):
            nvme.sanitize("overwrite", passes=passes, pattern=pattern)


@given(st.binary(max_size=64), st.sampled_from([0, 20, 512, 4096]))
def test_no_bytes_make_the_parsers_raise(data: bytes, size: int) -> None:
    raw = data.ljust(size, data[-1:] or b"\0")
    assert isinstance(nvme.parse_controller(raw), Controller | Unreadable)
    assert isinstance(nvme.parse_namespace(raw), Namespace | Unreadable)
    assert isinstance(nvme.parse_namespace_list(raw), tuple | Unreadable)
    assert isinstance(nvme.parse_sanitize_log(raw), SanitizeLog | Unreadable)
