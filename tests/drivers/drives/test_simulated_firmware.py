"""The simulated drive's own firmware: the same bytes as a real one's, and a state that outlives the station."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from drivers.drives.base import OpenDrive
from drivers.drives.drive import speaks
from drivers.drives.firmware_port import FirmwarePort
from drivers.drives.simulated import Driver, Settings, make_drive, plug, pull
from firmware_bridge import ata, nvme, scsi
from firmware_bridge.ata import Registers
from firmware_bridge.sat import StatusUnreadable

MIB = 1 << 20
SECRET = b"secret! " * (MIB // 8)
ATA = {"speaks": "ata", "sanitize": ["block", "crypto", "overwrite"], "security": True, "enhanced": True}
NVME = {"speaks": "nvme", "sanitize": ["block", "crypto"], "format": True, "format_crypto": True}
SCSI = {"speaks": "scsi", "sanitize": ["block", "overwrite"]}


def opened(folder: Path, commands: dict[str, object], **medium: object) -> OpenDrive:
    if not (folder / "drives/one").exists():
        place = make_drive(folder, "one", MIB, port="p1", commands=commands, **medium)
        (place / "image").write_bytes(SECRET)
    return Driver("simulated", Settings(folder=str(folder))).open("p1")


def port(drive: OpenDrive) -> FirmwarePort:
    assert drive.firmware is not None
    return drive.firmware


def status(drive: OpenDrive) -> Registers:
    found = port(drive).ata(ata.SANITIZE_STATUS, within=1).registers
    assert isinstance(found, Registers)
    return found


def content(folder: Path) -> bytes:
    return (folder / "drives/one/image").read_bytes()


def test_a_drive_without_commands_has_no_firmware_port(tmp_path: Path) -> None:
    make_drive(tmp_path, "one", MIB, port="p1")
    with Driver("simulated", Settings(folder=str(tmp_path))).open("p1") as drive:
        assert drive.firmware is None
        assert speaks(drive.drive) is None


@pytest.mark.parametrize("commands", [ATA, NVME, SCSI])
def test_capabilities_say_what_it_speaks(tmp_path: Path, commands: dict[str, object]) -> None:
    with opened(tmp_path, commands, media="ssd") as drive:
        assert speaks(drive.drive) == commands["speaks"] == port(drive).speaks
        assert drive.drive.capabilities is not None
        assert set(drive.drive.capabilities.sanitize) == set(commands["sanitize"])  # type: ignore[call-overload]


def test_a_command_of_another_set_never_leaves(tmp_path: Path) -> None:
    with opened(tmp_path, NVME) as drive, pytest.raises(OSError, match=r".") as error:
        port(drive).ata(ata.IDENTIFY_DEVICE, within=1)
    assert error.value.errno == errno.ENOTTY


def test_a_sanitize_runs_with_progress_takes_no_reads_and_ends(tmp_path: Path) -> None:
    with opened(tmp_path, ATA) as drive:
        assert port(drive).ata(ata.sanitize("block"), within=1).accepted
        assert status(drive).count & 1 << 14
        with pytest.raises(OSError, match=r"."):
            drive.read_into(memoryview(bytearray(512)), 0)
        states = [status(drive).count & 3 << 14 for _ in range(3)]
        assert states[-1] == 1 << 15
    assert content(tmp_path) == bytes(MIB)


def test_a_sanitize_goes_on_when_the_station_and_the_plug_were_gone(tmp_path: Path) -> None:
    with opened(tmp_path, {**ATA, "steps": 3}) as drive:
        port(drive).ata(ata.sanitize("crypto"), within=1)
    pull(tmp_path, "p1")
    plug(tmp_path, "p1", "one")
    with opened(tmp_path, ATA) as drive:
        assert status(drive).count & 1 << 14
        while status(drive).count & 1 << 14:
            pass
        assert status(drive).count == 1 << 15
    assert content(tmp_path) != SECRET


def test_a_password_locks_at_the_next_plugging_in(tmp_path: Path) -> None:
    block = ata.password_block(b"k" * 32)
    with opened(tmp_path, {**ATA, "frozen": True}) as drive:
        assert not port(drive).ata(ata.security("set-password"), data_out=block, within=1).accepted
    pull(tmp_path, "p1")
    plug(tmp_path, "p1", "one")
    with opened(tmp_path, ATA) as drive:  # no longer frozen
        assert port(drive).ata(ata.security("set-password"), data_out=block, within=1).accepted
        drive.read_into(memoryview(bytearray(512)), 0)
    pull(tmp_path, "p1")
    plug(tmp_path, "p1", "one")
    with opened(tmp_path, ATA) as drive:
        assert drive.drive.capabilities is not None
        assert drive.drive.capabilities.security_locked
        with pytest.raises(OSError, match=r"."):
            drive.read_into(memoryview(bytearray(512)), 0)
        wrong = ata.password_block(b"x" * 32)
        assert not port(drive).ata(ata.security("unlock"), data_out=wrong, within=1).accepted
        assert port(drive).ata(ata.security("unlock"), data_out=block, within=1).accepted
        assert port(drive).ata(ata.security("erase-unit"), data_out=block, within=1).accepted
    assert content(tmp_path) == bytes(MIB)


@pytest.mark.parametrize("fault", ["unreadable", "zeros"])
def test_a_bridge_that_carries_no_status(tmp_path: Path, fault: str) -> None:
    with opened(tmp_path, {**ATA, "fault": fault}) as drive:
        port(drive).ata(ata.sanitize("block"), within=1)
        assert isinstance(port(drive).ata(ata.SANITIZE_STATUS, within=1).registers, StatusUnreadable)


def test_it_vanishes_once(tmp_path: Path) -> None:
    with opened(tmp_path, {**NVME, "fault": "vanishes"}) as drive:
        assert port(drive).nvme(nvme.sanitize("crypto"), within=1).good
        with pytest.raises(OSError, match=r"."):
            port(drive).nvme(nvme.sanitize_log(), within=1)
    plug(tmp_path, "p1", "one")
    with opened(tmp_path, NVME) as drive:
        log = nvme.parse_sanitize_log(port(drive).nvme(nvme.sanitize_log(), within=1).data)
        assert isinstance(log, nvme.SanitizeLog)
        assert log.command == 4


def test_blocks_that_read_as_errors_until_they_are_written(tmp_path: Path) -> None:
    with opened(tmp_path, {**SCSI, "steps": 0, "read_errors": True}) as drive:
        assert port(drive).scsi(scsi.sanitize("block"), within=1).good
        with pytest.raises(OSError, match=r"."):
            drive.read_into(memoryview(bytearray(1024)), 0)
        drive.write_from(memoryview(bytes(512)), 0)
        drive.read_into(memoryview(bytearray(512)), 0)


def test_what_a_lying_drive_says_is_no_different(tmp_path: Path) -> None:
    with opened(tmp_path, {**ATA, "steps": 0, "fault": "lies"}) as drive:
        port(drive).ata(ata.sanitize("block"), within=1)
        assert status(drive).count == 1 << 15
    assert content(tmp_path) == SECRET
