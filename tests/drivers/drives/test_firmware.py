"""Drives behind bridges that this kernel does not have: the ioctls are answered by a model.

What is held here: what is taken from a drive, what is not believed, and that nobody is asked what could harm it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.certificates.outcome import Reason
from agent.planning.plan import plan
from agent.planning.policy import NIST_CLEAR
from drivers.drives import _firmware, block
from drivers.drives.base import DriveMute
from drivers.drives.drive import Drive, HiddenArea, HiddenKind
from firmware_bridge import passthrough
from firmware_bridge.nvme import AdminCommand
from firmware_bridge.reply import NvmeReply, ScsiReply
from tests.drivers.drives.conftest import Loops
from tests.firmware_bridge.captures import capture, controller, dco, identify, namespace, returned
from tests.patience import SOON_S

SECTORS = 1_953_525_168
SIZE = SECTORS * 512
ATTENTION = bytes([0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29, 0, 0, 0, 0, 0])
ILLEGAL = bytes([0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0])
NATIVE_EXT, AMAC, DCO, INQUIRY, CAPACITY, OPCODES = "27", "78", "b1", "12", "9e", "a3"

Answer = ScsiReply | OSError | Callable[[], ScsiReply]


def data(raw: bytes) -> ScsiReply:
    return ScsiReply(status=0, host_status=0, driver_status=0, data=raw)


def sense(raw: bytes) -> ScsiReply:
    return ScsiReply(status=2, host_status=0, driver_status=8, sense=raw)


@dataclass
class Bridge:
    """Answers by ATA command (in a pass-through) or operation code; everything else is an illegal request."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)

    def says(self, command: str, *answers: Answer) -> None:
        self.answers[command] = list(answers)

    def sg_io(self, fd: int, cdb: bytes, *, data_in: int = 0, data_out: bytes = b"", timeout_ms: int) -> ScsiReply:
        os.fstat(fd)
        assert not data_out
        assert timeout_ms >= 10_000
        self.asked.append(cdb)
        waiting = self.answers.get(f"{cdb[14] if cdb[0] == 0x85 else cdb[0]:02x}", [sense(ILLEGAL)])
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, OSError):
            raise answer
        return answer() if callable(answer) else answer

    @property
    def commands(self) -> list[str]:
        return [f"{cdb[14] if cdb[0] == 0x85 else cdb[0]:02x}" for cdb in self.asked]


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> Bridge:
    made = Bridge()
    made.says("ec", data(identify()))
    monkeypatch.setattr(passthrough, "sg_io", made.sg_io)
    return made


@pytest.fixture
def fd() -> Iterator[int]:
    found = os.open("/dev/null", os.O_RDONLY)
    yield found
    os.close(found)


def usb(**more: object) -> Drive:
    shown = Drive(
        device="/dev/sdb",
        vendor="ASMT",
        model="2115",
        serial="152D00539000",
        transport="usb",
        capacity_bytes=SIZE,
        identity_source="bridge",
        bridge="174c:55aa:0100 ASMedia",
        number="8:16",
    )
    return msgspec.structs.replace(shown, **more)


def sata(**more: object) -> Drive:
    shown = Drive(device="/dev/sda", model="BENCH SSD 1", serial="S4X-0042", transport="ata", capacity_bytes=SIZE)
    return msgspec.structs.replace(shown, **more)


# --- who it is -------------------------------------------------------------------------------------------------


def test_behind_a_bridge_the_drive_is_who_its_identify_says(bridge: Bridge, fd: int) -> None:
    found = _firmware.ask(fd, usb())
    assert (found.model, found.serial, found.firmware) == ("BENCH SSD 1", "S4X-0042", "FW01")
    assert (found.vendor, found.wwn, found.media) == (None, "0x5000c500a1b2c3d4", "ssd")
    assert (found.identity_source, found.bridge) == ("drive", "174c:55aa:0100 ASMedia")
    assert found.native_capacity_bytes == SIZE


def test_the_same_drive_has_the_same_fingerprint_behind_another_bridge_and_after_attention(
    bridge: Bridge, fd: int
) -> None:
    first = _firmware.ask(fd, usb())
    bridge.says("ec", sense(ATTENTION), sense(ATTENTION), data(identify()))
    second = _firmware.ask(fd, usb(bridge="0bc2:ab24:0100", serial=None, model="Expansion"))
    assert first.fingerprint == second.fingerprint


DAMAGED = bytearray(identify())
DAMAGED[300] ^= 4


@pytest.mark.parametrize(
    "answer",
    [
        sense(ILLEGAL),
        sense(capture("sense-wd-usb-fixed")),
        data(b""),
        data(bytes(512)),
        data(identify()[:256]),
        data(bytes(DAMAGED)),
        data(identify()[:510] + b"\0\0"),
        data(identify(serial="0" * 20)),
        data(identify(model="")),
        data(identify(sectors=SECTORS // 2)),
        PermissionError(1, "Operation not permitted"),
        OSError(25, "Inappropriate ioctl for device"),
    ],
)
def test_an_answer_that_proves_nothing_leaves_what_the_kernel_knows(bridge: Bridge, fd: int, answer: Answer) -> None:
    bridge.says("ec", answer)
    assert _firmware.ask(fd, usb()) == usb()


@pytest.mark.parametrize(
    "drive",
    [
        usb(removable=True),
        usb(bridge=None),
        usb(capacity_bytes=0),
        *(usb(bridge=f"{known}:0100" if known.count(":") == 1 else known) for known in _firmware.NOT_ASKED),
        sata(transport="loop"),
        sata(transport="virtio"),
        sata(transport="mmc"),
    ],
)
def test_who_must_not_be_asked_is_not_asked_anything(bridge: Bridge, fd: int, drive: Drive) -> None:
    assert _firmware.ask(fd, drive) == drive
    assert bridge.asked == []


def test_only_commands_that_change_nothing_are_sent(bridge: Bridge, fd: int) -> None:
    """Whatever a drive offers: no A1h, security, SET MAX or sanitize, of DCO only identify, nothing of a vendor."""
    offers = identify(w59=0xF000, w82=0x0402, w83=0x4D00, w85=0x0402, w86=0x8D00, w119=0x4100, w128=0x21)
    for drive in (usb(), sata(), sata(transport="sas")):
        for inquiry in (b"ATA     ", b"SEAGATE "):
            bridge.says("ec", data(offers))
            bridge.says(INQUIRY, data(bytes([0, 0, 6, 2, 31, 0, 0, 0]) + inquiry + bytes(20)))
            _firmware.ask(fd, drive)
    assert {cdb[0] for cdb in bridge.asked} == {0x12, 0x85, 0x9E, 0xA3}
    assert {(cdb[14], cdb[4]) for cdb in bridge.asked if cdb[0] == 0x85} == {(0xEC, 0), (0x78, 0), (0xB1, 0xC2)}


def test_a_drive_on_libata_keeps_the_kernels_identity_and_gains_capabilities(bridge: Bridge, fd: int) -> None:
    bridge.says("ec", data(identify(w59=0x9000, w82=2, w85=2, w89=0x10, w128=0x2B)))
    found = _firmware.ask(fd, sata())
    assert found.fingerprint == sata().fingerprint
    assert found.capabilities is not None
    assert found.capabilities.sanitize == ("block",)
    assert (found.capabilities.security_enabled, found.capabilities.security_frozen) == (True, True)
    assert (found.capabilities.security_locked, found.capabilities.secure_erase_minutes) == (False, 32)


def test_an_identify_of_another_drive_says_nothing_of_this_one(bridge: Bridge, fd: int) -> None:
    bridge.says("ec", data(identify(serial="ANOTHER-1")))
    assert _firmware.ask(fd, sata()) == sata()


# --- silence ---------------------------------------------------------------------------------------------------

BECOMING_READY = bytes([0x70, 0, 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x04, 0x01, 0, 0, 0, 0])
SILENCES: list[Answer] = [
    ScsiReply(status=0, host_status=3, driver_status=0),
    ScsiReply(status=0, host_status=7, driver_status=0, data=identify()),
    ScsiReply(status=8, host_status=0, driver_status=0),
    sense(ATTENTION),
    sense(BECOMING_READY),
    OSError(5, "Input/output error"),
    OSError(110, "Connection timed out"),
]


@pytest.mark.parametrize("answer", SILENCES)
def test_a_drive_that_was_asked_and_did_not_answer_is_silent(bridge: Bridge, fd: int, answer: Answer) -> None:
    bridge.says("ec", answer)
    assert _firmware.ask(fd, usb()) == usb(silent=True)
    bridge.says(INQUIRY, answer)
    assert _firmware.ask(fd, sata(transport="sas")) == sata(transport="sas", silent=True)


@pytest.mark.parametrize("answer", SILENCES)
def test_a_drive_that_says_who_it_is_and_then_falls_silent_is_known_by_its_word_and_silent(
    bridge: Bridge, fd: int, answer: Answer
) -> None:
    bridge.says("ec", data(identify(w82=0x0400, w83=0x4C00, w85=0x0400, w86=0x0C00)))
    for command in (NATIVE_EXT, DCO):
        bridge.says(NATIVE_EXT, sense(returned(lba=SECTORS - 1)))
        bridge.says(DCO, data(dco(SECTORS)))
        assert not _firmware.ask(fd, usb()).silent
        bridge.says(command, answer)
        found = _firmware.ask(fd, usb())
        assert (found.silent, found.serial, found.hidden_area) == (True, "S4X-0042", None)
        refused = plan(found, NIST_CLEAR)
        assert isinstance(refused, Reason)
        assert refused.code == "BW-P08"


def test_who_does_not_pass_commands_on_and_says_so_is_not_silent(bridge: Bridge, fd: int) -> None:
    for answer in (sense(ILLEGAL), PermissionError(1, "Operation not permitted"), OSError(25, "Inappropriate ioctl")):
        bridge.says("ec", answer)
        assert not _firmware.ask(fd, usb()).silent
    assert not _firmware.ask(fd, usb(removable=True)).silent


def test_a_defect_in_understanding_is_no_answer(bridge: Bridge, fd: int) -> None:
    def breaks() -> ScsiReply:
        raise RuntimeError("an answer that nobody expected")

    bridge.says("ec", breaks)
    assert _firmware.ask(fd, usb()) == usb(silent=True)


# --- hidden areas ----------------------------------------------------------------------------------------------


def with_hpa() -> ScsiReply:
    return data(identify(w82=0x0400, w85=0x0400))


def test_an_hpa_is_reported_and_the_plan_refuses_it(bridge: Bridge, fd: int) -> None:
    bridge.says("ec", with_hpa())
    bridge.says(NATIVE_EXT, sense(returned(lba=SECTORS + 2048 - 1)))
    found = _firmware.ask(fd, sata())
    assert found.native_capacity_bytes == SIZE + 2048 * 512
    assert found.hidden_area == HiddenArea(kind="hpa", bytes=2048 * 512)
    refusal = plan(found, NIST_CLEAR)
    assert isinstance(refusal, Reason)
    assert "hides 1048576 bytes" in refusal.text


def test_no_hpa_is_known_only_from_an_answer(bridge: Bridge, fd: int) -> None:
    bridge.says("ec", with_hpa())
    bridge.says(NATIVE_EXT, sense(returned(lba=SECTORS - 1)))
    assert _firmware.ask(fd, sata()).native_capacity_bytes == SIZE
    for silence in (
        sense(capture("sense-wd-usb-fixed")),
        sense(returned(lba=SECTORS - 1, extend=False)),
        sense(returned(lba=0, status=0, device=0)),
        sense(returned(lba=SECTORS - 1, status=0x51)),
        data(b""),
        sense(ILLEGAL),
    ):
        bridge.says(NATIVE_EXT, silence)
        found = _firmware.ask(fd, sata())
        assert (found.native_capacity_bytes, found.hidden_area) == (None, None)
        assert found.capabilities is not None
        assert found.capabilities.hidden_area_features == ("hpa",)
        assert found.capabilities.hidden_area_unread == ("hpa",)


def test_a_clipping_bridge_hides_what_lies_behind_it(bridge: Bridge, fd: int) -> None:
    shown = usb(capacity_bytes=SIZE - 512)
    found = _firmware.ask(fd, shown)
    assert found.hidden_area == HiddenArea(kind="unknown", bytes=512)
    assert isinstance(plan(found, NIST_CLEAR), Reason)


def test_an_accessible_maximum_and_a_dco_are_found(bridge: Bridge, fd: int) -> None:
    bridge.says("ec", data(identify(w83=0x4C00, w86=0x8C00, w119=0x4100)))
    bridge.says(AMAC, sense(returned(lba=SECTORS + 8 - 1)))
    bridge.says(DCO, data(dco(SECTORS + 16 + 8)))
    found = _firmware.ask(fd, sata())
    assert found.hidden_area == HiddenArea(kind="dco", bytes=24 * 512)
    assert found.capabilities is not None
    assert found.capabilities.hidden_area_unread == ()
    bridge.says(DCO, sense(capture("sense-dco-aborted-libata")))
    found = _firmware.ask(fd, sata())
    assert found.hidden_area == HiddenArea(kind="amac", bytes=8 * 512)
    assert found.capabilities is not None
    assert found.capabilities.hidden_area_unread == ("dco",)
    assert NATIVE_EXT not in bridge.commands


KINDS: st.SearchStrategy[HiddenKind] = st.sampled_from(["unknown", "hpa", "amac", "dco"])


@given(st.lists(st.tuples(KINDS, st.integers(0, 3 * SIZE)), min_size=1, max_size=4), st.booleans())
def test_what_is_hidden_is_the_largest_native_size_less_the_shown_one(
    sizes: list[tuple[HiddenKind, int]], told: bool
) -> None:
    found = _firmware._with_hidden(sata(), sizes, told=told)
    largest = max(size for _, size in sizes)
    if largest <= SIZE:
        assert (found.native_capacity_bytes, found.hidden_area) == (SIZE if told else None, None)
    else:
        assert found.hidden_area is not None
        assert (found.native_capacity_bytes, found.hidden_area.bytes) == (largest, largest - SIZE)
        assert found.hidden_area.kind in {kind for kind, size in sizes if size > SIZE}


def test_a_sas_disk_is_asked_for_its_kinds_of_sanitize_and_its_size(bridge: Bridge, fd: int) -> None:
    bridge.says(INQUIRY, data(bytes([0, 0, 6, 2, 31, 0, 0, 0]) + b"SEAGATE " + bytes(20)))
    bridge.says(CAPACITY, data((SECTORS - 1).to_bytes(8, "big") + (512).to_bytes(4, "big") + bytes(20)))
    bridge.says(OPCODES, data(b"\0\3\0\0"), data(b"\0\1\0\0"), data(b"\0\3\0\0"))
    found = _firmware.ask(fd, sata(transport="sas"))
    assert found.capabilities is not None
    assert found.capabilities.sanitize == ("block", "overwrite")
    assert (found.hidden_area, "ec" in bridge.commands) == (None, False)


@pytest.mark.parametrize(("rotation", "media"), [(0, "unknown"), (1, "ssd"), (7200, "hdd"), (0x0400, "unknown")])
def test_whether_a_disk_turns_is_its_own_word(bridge: Bridge, fd: int, rotation: int, media: str) -> None:
    bridge.says("ec", data(identify(w217=rotation)))
    found = _firmware.ask(fd, sata(media="unknown"))
    assert found.media == media
    assert _firmware.ask_again(fd, sata(media="unknown"), found) == found
    disk = data(bytes([0, 0, 6, 2, 31, 0, 0, 0]) + b"SEAGATE " + bytes(20))
    bridge.says(INQUIRY, disk, data(b"\0\xb1\0\x3c" + rotation.to_bytes(2, "big") + bytes(58)))
    assert _firmware.ask(fd, sata(transport="sas", media="unknown")).media == media


# --- time ------------------------------------------------------------------------------------------------------


def test_a_drive_that_does_not_answer_holds_nobody_up_and_loses_nothing(bridge: Bridge, fd: int) -> None:
    release = threading.Event()

    def hangs() -> ScsiReply:
        release.wait(SOON_S)
        return sense(returned(lba=SECTORS + 8))

    bridge.says("ec", with_hpa())
    bridge.says(NATIVE_EXT, hangs)
    began = time.monotonic()
    found = _firmware.ask(fd, usb(), within=0.3)
    assert time.monotonic() - began < SOON_S / 2
    release.set()
    assert (found.serial, found.hidden_area, found.native_capacity_bytes) == ("S4X-0042", None, None)
    assert found.silent
    assert found.capabilities is not None
    assert found.capabilities.hidden_area_unread == ("hpa",)


def test_the_descriptor_that_was_asked_through_is_closed_again(bridge: Bridge, fd: int) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        _firmware.ask(fd, usb())
    assert len(os.listdir("/proc/self/fd")) <= before  # fewer: what an earlier test left was collected meanwhile


@given(st.binary(max_size=600), st.binary(max_size=40))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_answer_makes_the_look_fail(bridge: Bridge, fd: int, raw: bytes, status: bytes) -> None:
    for command in ("ec", NATIVE_EXT, INQUIRY, CAPACITY, OPCODES):
        bridge.says(command, ScsiReply(status=2, host_status=0, driver_status=0, sense=status, data=raw))
    for drive in (usb(), sata(), sata(transport="sas")):
        assert _firmware.ask(fd, drive).fingerprint == drive.fingerprint


# --- again, while it is erased ---------------------------------------------------------------------------------


def test_at_work_only_identify_is_asked_and_the_rest_is_kept(bridge: Bridge, fd: int) -> None:
    bridge.says("ec", with_hpa())
    bridge.says(NATIVE_EXT, sense(returned(lba=SECTORS + 2048 - 1)))
    before = _firmware.ask(fd, usb())
    bridge.asked.clear()
    again = _firmware.ask_again(fd, usb(), before)
    assert again == before
    assert bridge.commands == ["ec"]


def test_at_work_another_drive_behind_the_same_bridge_is_another(bridge: Bridge, fd: int) -> None:
    before = _firmware.ask(fd, usb())
    bridge.says("ec", data(identify(serial="S4X-0043")))
    again = _firmware.ask_again(fd, usb(), before)
    assert again is not None
    assert again.fingerprint != before.fingerprint


def test_at_work_a_drive_that_falls_silent_is_nobody_and_not_its_bridge(bridge: Bridge, fd: int) -> None:
    before = _firmware.ask(fd, usb())
    bridge.says("ec", sense(ILLEGAL))
    assert _firmware.ask_again(fd, usb(), before) is None


def test_at_work_a_drive_known_by_its_bridge_stays_so(bridge: Bridge, fd: int) -> None:
    bridge.says("ec", sense(ILLEGAL))
    before = _firmware.ask(fd, usb())
    bridge.says("ec", data(identify()))
    assert _firmware.ask_again(fd, usb(), before) == before


def test_a_mute_drive_is_an_error_of_its_own(loops: Loops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_firmware, "ask_again", lambda *_: None)
    with block.open_device(loops.attach(loops.image())) as drive, pytest.raises(DriveMute, match="who it is"):
        drive.identify_again()


# --- NVMe ------------------------------------------------------------------------------------------------------

NVME = Drive(device="/dev/nvme0n1", model="BENCH", serial="S5GXNF0R", transport="nvme", capacity_bytes=1000 * 512)


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> dict[int, bytes]:
    """What Identify returns, by CNS."""
    pages = {1: controller(), 0: namespace(1000), 2: b"\1\0\0\0".ljust(4096, b"\0")}

    def nvme_admin(fd: int, command: AdminCommand, *, timeout_ms: int) -> NvmeReply:
        assert (command.opcode, timeout_ms > 0) == (0x06, True)
        page = pages.get(command.cdw10)
        return NvmeReply(status=0, data=page) if page else NvmeReply(status=0x400B)

    monkeypatch.setattr(passthrough, "nvme_admin", nvme_admin)
    monkeypatch.setattr(passthrough, "nvme_namespace", lambda fd: 1)
    return pages


def test_capacity_of_no_namespace_is_hidden(admin: dict[int, bytes], fd: int) -> None:
    admin[1] = controller(oacs=(256, 2, 2), unvmcap=(296, 16, 5 << 20), sanicap=(328, 4, 2), fna=(524, 1, 4))
    found = _firmware.ask(fd, NVME)
    assert found.hidden_area == HiddenArea(kind="unknown", bytes=5 << 20)
    assert found.capabilities is not None
    assert (found.capabilities.sanitize, found.capabilities.namespaces) == (("block",), 1)
    assert (found.capabilities.format, found.capabilities.format_crypto) == (True, True)
    assert isinstance(plan(found, NIST_CLEAR), Reason)


def test_a_whole_namespace_hides_nothing(admin: dict[int, bytes], fd: int) -> None:
    found = _firmware.ask(fd, NVME)
    assert (found.native_capacity_bytes, found.hidden_area) == (NVME.capacity_bytes, None)
    assert found.fingerprint == NVME.fingerprint


def test_a_controller_whose_command_was_aborted_by_the_host_is_silent(
    admin: dict[int, bytes], fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passthrough, "nvme_admin", lambda *_, timeout_ms: NvmeReply(status=0x371))
    assert _firmware.ask(fd, NVME) == msgspec.structs.replace(NVME, silent=True)


def test_another_controllers_answer_is_not_taken(admin: dict[int, bytes], fd: int) -> None:
    admin[1] = controller(serial="OTHER")
    assert _firmware.ask(fd, NVME) == NVME
    admin.clear()
    assert _firmware.ask(fd, NVME) == NVME
