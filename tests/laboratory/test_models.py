"""The modelled drives, asked with the project's own commands and read with its own parsers; no guest is needed."""

from __future__ import annotations

import pytest

from firmware_bridge import ata, nvme, sat, scsi
from firmware_bridge.ata import Identify, Registers, TaskFile
from firmware_bridge.nvme import Controller, Namespace, SanitizeLog
from firmware_bridge.sat import StatusUnreadable
from firmware_bridge.scsi import Sense
from tests.laboratory.models import wire
from tests.laboratory.models.ata import OLD_FEATURES, AtaDrive
from tests.laboratory.models.eraser import HALF, Ending
from tests.laboratory.models.medium import Medium
from tests.laboratory.models.nvme import NvmeDrive
from tests.laboratory.models.sas import SasDrive
from tests.laboratory.models.sat import Bridge, RegistersBack, SatTarget

SIZE = 1 << 20
COMPLETED, RUNNING = 1 << 15, 1 << 14
PASSWORD = b"a password"


def sat_drive(bridge: Bridge | None = None, *, features: frozenset[str] | None = None) -> SatTarget:
    drive = AtaDrive(Medium(SIZE))
    if features is not None:
        drive.features = features
    return SatTarget(drive, bridge)


def run(target: SatTarget, task: TaskFile, data: bytes = b"") -> Registers | StatusUnreadable:
    """A command without data in, with the registers that came back."""
    cdb = sat.pass_through_16(task)
    reply = wire.scsi(target, cdb, data_out=data)
    if task.transfer == "pio-out" and reply.good:
        return Registers(error=0, count=0, lba=0, device=0, status=0x50)
    return sat.registers_of(task, reply)


def registers(target: SatTarget, task: TaskFile, data: bytes = b"") -> Registers:
    found = run(target, task, data)
    assert isinstance(found, Registers), found
    return found


def identity(target: SatTarget) -> Identify:
    reply = wire.scsi(target, sat.pass_through_16(ata.IDENTIFY_DEVICE), data_in=512)
    data = sat.data_of(ata.IDENTIFY_DEVICE, reply)
    assert isinstance(data, bytes)
    found = ata.parse_identify(data)
    assert isinstance(found, Identify)
    return found


def test_an_ata_drive_says_who_it_is_and_what_it_can() -> None:
    found = identity(sat_drive())
    assert (found.serial, found.model, found.wwn) == ("BW-SATA-1", "BENCH SSD 1", 0x5000C500A1B2C3D4)
    assert found.sanitize == ("block", "crypto", "overwrite")
    assert found.capacity_bytes == SIZE
    assert found.amac
    assert not found.hpa_supported
    assert found.security is not None
    assert not found.security.enabled


@pytest.mark.parametrize("kind", ["block", "crypto", "overwrite"])
def test_an_ata_sanitize_runs_tells_its_progress_and_ends(kind: ata.Sanitize) -> None:
    target = sat_drive()
    target.drive.eraser.held = True
    target.drive.eraser.seconds = 1e-9
    registers(target, ata.sanitize(kind))
    status = registers(target, ata.SANITIZE_STATUS)
    assert (status.count & RUNNING, status.lba & 0xFFFF) == (RUNNING, HALF)
    target.drive.power_cycle()
    assert registers(target, ata.SANITIZE_STATUS).count & RUNNING, "it goes on after a power cut"
    target.drive.eraser.held = False
    assert registers(target, ata.SANITIZE_STATUS).count & COMPLETED
    assert target.medium.secrets() == 0


@pytest.mark.parametrize("ending", ["lies", "fails", "vanishes", "spares"])
def test_an_erasure_that_ends_badly_leaves_data(ending: Ending) -> None:
    target = sat_drive()
    target.drive.eraser.ending, target.drive.eraser.spared = ending, range(7, 9)
    registers(target, ata.sanitize("block"))
    status = registers(target, ata.SANITIZE_STATUS)
    assert target.medium.secrets() > 0
    assert bool(status.count & COMPLETED) == (ending in ("lies", "spares"))
    assert status.failed == (ending == "fails")


@pytest.mark.parametrize("kind", ["fixed", "zero", "none"])
def test_a_bridge_that_does_not_bring_the_registers_back_is_unreadable(kind: RegistersBack) -> None:
    target = sat_drive(Bridge(registers=kind))
    assert isinstance(run(target, ata.SANITIZE_STATUS), StatusUnreadable)


def test_ata_security_locks_unlocks_and_erases() -> None:
    target = sat_drive()
    block = ata.password_block(PASSWORD)
    registers(target, ata.security("set-password"), block)
    target.drive.power_cycle()
    security = identity(target).security
    assert security is not None
    assert security.locked
    assert wire.scsi(target, bytes([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0]), data_in=512).status != 0  # after UNIT ATTENTION
    assert wire.scsi(target, bytes([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0]), data_in=512).status != 0
    assert registers(target, ata.security("unlock"), ata.password_block(b"wrong")).failed
    assert not registers(target, ata.security("unlock"), block).failed
    assert registers(target, ata.security("erase-unit"), block).failed, "erase prepare must stand directly before it"
    assert not registers(target, ata.ERASE_PREPARE).failed
    assert not registers(target, ata.security("erase-unit"), block).failed
    assert target.medium.secrets() == 0
    assert target.drive.lock.user is None


def test_a_frozen_drive_takes_no_password_until_it_was_without_power() -> None:
    target = sat_drive()
    target.drive.lock.frozen = True
    assert registers(target, ata.security("set-password"), ata.password_block(PASSWORD)).failed
    target.drive.power_cycle()
    assert not registers(target, ata.security("set-password"), ata.password_block(PASSWORD)).failed


def test_hidden_areas_are_found() -> None:
    target = sat_drive(features=OLD_FEATURES)
    target.drive.sizes.offered, target.drive.sizes.shown = 1500, 1000
    found = identity(target)
    assert found.sectors == 1000
    assert ata.parse_native_max(ata.READ_NATIVE_MAX_EXT, registers(target, ata.READ_NATIVE_MAX_EXT)) == 1500
    assert ata.parse_native_max(ata.READ_NATIVE_MAX, registers(target, ata.READ_NATIVE_MAX)) == 1500
    reply = wire.scsi(target, sat.pass_through_16(ata.DCO_IDENTIFY), data_in=512)
    assert ata.parse_dco(reply.data) == SIZE // 512


def sense_of(target: SasDrive) -> Sense:
    found = scsi.parse_sense(wire.scsi(target, scsi.request_sense(), data_in=252).data)
    assert isinstance(found, Sense)
    return found


def test_a_sas_sanitize_runs_tells_its_progress_and_ends() -> None:
    target = SasDrive(Medium(SIZE))
    target.eraser.held = True
    target.eraser.seconds = 1e-9
    pattern = scsi.overwrite_list(b"\xa5\x5a\x00\xff")
    assert wire.scsi(target, scsi.sanitize("overwrite", listed=len(pattern)), data_out=pattern).good
    assert (sense_of(target).ascq, sense_of(target).progress) == (0x1B, HALF)
    assert not wire.scsi(target, bytes(6)).good
    target.eraser.held = False
    assert sense_of(target).key == 0
    assert target.medium.read(5, 1)[:4] == b"\xa5\x5a\x00\xff"


def test_a_sas_drive_says_which_sanitizes_it_has_and_when_one_failed() -> None:
    target = SasDrive(Medium(SIZE), kinds=(2, 0x1F))
    has = [
        scsi.parse_supported(wire.scsi(target, scsi.report_supported(0x48, action), data_in=64).data)
        for action in (1, 2, 3)
    ]
    assert has == [False, True, False]
    target.eraser.ending = "fails"
    assert wire.scsi(target, scsi.sanitize("block")).good
    assert (sense_of(target).key, sense_of(target).asc) == (3, 0x31)


def sanitize_log(drive: NvmeDrive) -> SanitizeLog:
    found = nvme.parse_sanitize_log(wire.nvme(drive, nvme.sanitize_log()).data)
    assert isinstance(found, SanitizeLog)
    return found


def test_an_nvme_drive_says_who_it_is_and_sanitizes() -> None:
    drive = NvmeDrive(Medium(SIZE))
    found = nvme.parse_controller(wire.nvme(drive, nvme.identify_controller()).data)
    assert isinstance(found, Controller)
    assert (found.serial, found.sanitize, found.crypto_erase) == ("BW-NVME-1", ("block", "crypto", "overwrite"), True)
    space = nvme.parse_namespace(wire.nvme(drive, nvme.identify_namespace(1)).data)
    assert isinstance(space, Namespace)
    assert space.bytes == SIZE
    drive.eraser.held, drive.eraser.seconds = True, 1e-9
    command = nvme.sanitize("crypto")
    assert wire.nvme(drive, command).good
    assert (sanitize_log(drive).status, sanitize_log(drive).progress) == (2, HALF)
    assert wire.nvme(drive, command).status == 0x1D
    drive.eraser.held = False
    assert (sanitize_log(drive).status, sanitize_log(drive).command) == (1, command.cdw10)
    assert drive.medium.secrets() == 0


def test_what_was_not_flushed_is_lost_with_the_power() -> None:
    medium = Medium(SIZE, caching=True)
    medium.write(0, bytes(512))
    medium.flush()
    medium.write(1, bytes(1024))
    assert medium.lose_cache() == 1
    assert medium.read(0, 1) == bytes(512)
    assert medium.secrets() == SIZE // 512 - 1
