"""The commands that make a drive show what it hides, against drives that were modelled from the standards by others."""

from __future__ import annotations

from typing import get_args

import pytest

from agent.certificates.outcome import Reason
from agent.certificates.record import CommandRecord
from agent.erase.hidden_area import Change, show_more
from drivers.drives.firmware_port import AtaReply, FirmwarePort, ata_reply
from firmware_bridge import sat
from firmware_bridge.ata import TaskFile
from firmware_bridge.nvme import AdminCommand
from firmware_bridge.reply import NvmeReply, ScsiReply
from tests.laboratory.models import wire
from tests.laboratory.models.ata import OLD_FEATURES, AtaDrive
from tests.laboratory.models.medium import Medium
from tests.laboratory.models.sat import Bridge, RegistersBack, SatTarget

SECTORS = 2048
BOTH = {"made": SECTORS, "offered": 1500, "shown": 1000}


class Port(FirmwarePort):
    """ATA through a modelled bridge."""

    def __init__(self, target: SatTarget) -> None:
        self.target, self.speaks = target, "ata"

    def ata(self, task: TaskFile, *, data_out: bytes = b"", within: float) -> AtaReply:
        wanted = 512 if task.transfer == "pio-in" else 0
        cdb = sat.pass_through_16(task)
        return ata_reply(task, wire.scsi(self.target, cdb, data_in=wanted, data_out=data_out))

    def scsi(self, cdb: bytes, *, data_in: int = 0, data_out: bytes = b"", within: float) -> ScsiReply:
        raise AssertionError("an ATA drive")

    def nvme(self, command: AdminCommand, *, within: float) -> NvmeReply:
        raise AssertionError("an ATA drive")


def drive(features: frozenset[str], *, offered: int = SECTORS, shown: int = SECTORS) -> AtaDrive:
    made = AtaDrive(Medium(SECTORS * 512))
    made.features = features
    made.sizes.offered, made.sizes.shown = offered, shown
    return made


def revealed(made: AtaDrive, bridge: Bridge | None = None) -> tuple[list[str], Change | Reason]:
    """Change after change, with the power off in between, until the last that is possible."""
    told: list[CommandRecord] = []
    port, last = Port(SatTarget(made, bridge)), None
    for _ in range(4):
        found = show_more(port, told)
        if isinstance(found, Reason):
            return [command.name for command in told], last or found
        made.power_cycle()
        assert made.sizes.shown * 512 == found.bytes
        last = found
    raise AssertionError("it never ends")


@pytest.mark.parametrize(
    ("features", "offered", "shown", "commands"),
    [
        (OLD_FEATURES, SECTORS, 1000, ["SET MAX ADDRESS EXT"]),
        (OLD_FEATURES, 1500, 1500, ["DEVICE CONFIGURATION RESTORE"]),
        (OLD_FEATURES, 1500, 1000, ["SET MAX ADDRESS EXT", "DEVICE CONFIGURATION RESTORE"]),
        (frozenset({"amac"}), SECTORS, 1000, ["SET ACCESSIBLE MAX ADDRESS EXT"]),
    ],
)
def test_layer_by_layer_until_all_is_shown(
    features: frozenset[str], offered: int, shown: int, commands: list[str]
) -> None:
    made = drive(features, offered=offered, shown=shown)
    told, last = revealed(made)
    assert told == commands
    assert isinstance(last, Change)
    assert last.bytes == SECTORS * 512


def test_a_second_change_in_one_power_on_is_not_taken_and_says_so() -> None:
    made = drive(OLD_FEATURES, offered=1500, shown=1000)
    told: list[CommandRecord] = []
    port = Port(SatTarget(made))
    assert isinstance(show_more(port, told), Change)
    made.sizes.shown = 1000  # as if somebody had set it again
    refused = show_more(port, told)
    assert isinstance(refused, Reason)
    assert "did not take SET MAX" in refused.text
    assert told[-1].status.startswith("not accepted: STATUS 51h, ERROR 04h")


@pytest.mark.parametrize("kind", [kind for kind in get_args(RegistersBack) if kind != "descriptor"])
def test_a_bridge_that_brings_no_registers_back_is_never_a_success(kind: RegistersBack) -> None:
    made = drive(OLD_FEATURES, shown=1000)
    told, last = revealed(made, Bridge(registers=kind))
    assert told == []
    assert isinstance(last, Reason)
    assert made.sizes.shown == 1000


def test_a_drive_that_hides_nothing_is_left_alone() -> None:
    told, last = revealed(drive(OLD_FEATURES))
    assert told == []
    assert isinstance(last, Reason)
