"""The way to a drive's own firmware: one command, through the descriptor that is held, and what came back.

The caller names the time that a command may take, and judges the answer. Nothing is repeated here, and nothing is
taken for a success: what a bridge did not carry comes back as `StatusUnreadable`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import msgspec

from drivers.drives.drive import CommandSet
from firmware_bridge import sat
from firmware_bridge.ata import Registers, TaskFile
from firmware_bridge.nvme import AdminCommand
from firmware_bridge.reply import NvmeReply, ScsiReply, Unreadable
from firmware_bridge.sat import StatusUnreadable


class AtaReply(msgspec.Struct, frozen=True, kw_only=True):
    """How an ATA command ended. `data`: the 512 bytes of a PIO-in command; `accepted`: GOOD, or registers without ERR.

    A PIO-out command brings no registers back when it succeeds: `accepted` then is the bridge's word alone.
    """

    registers: Registers | StatusUnreadable
    accepted: bool
    data: bytes | Unreadable = b""
    raw: bytes = b""


class FirmwarePort(ABC):
    """Commands for one open drive. A method that is not of the drive's command set raises OSError (ENOTTY).

    `within` is in seconds. OSError as the kernel reported it (ENODEV: the drive is gone; EPERM: no right to ask).
    """

    speaks: CommandSet
    namespace: int = 0
    """NVMe: the number of the namespace behind the descriptor."""

    @abstractmethod
    def ata(self, task: TaskFile, *, data_out: bytes = b"", within: float) -> AtaReply:
        """Send one ATA command. `data_out`: the 512 bytes of a PIO-out command."""

    @abstractmethod
    def scsi(self, cdb: bytes, *, data_in: int = 0, data_out: bytes = b"", within: float) -> ScsiReply:
        """Send one SCSI command, with `data_in` bytes to receive, or `data_out` to send."""

    @abstractmethod
    def nvme(self, command: AdminCommand, *, within: float) -> NvmeReply:
        """Send one NVMe admin command."""


def ata_reply(task: TaskFile, reply: ScsiReply) -> AtaReply:
    """Read what a SCSI reply says of the ATA command in it."""
    registers = sat.registers_of(task, reply)
    data = sat.data_of(task, reply) if task.transfer == "pio-in" else b""
    if task.transfer == "none":
        accepted = isinstance(registers, Registers) and not registers.failed
    elif task.transfer == "pio-in":
        accepted = isinstance(data, bytes)
    else:
        accepted = reply.good or (reply.delivered and isinstance(registers, Registers) and not registers.failed)
    return AtaReply(registers=registers, accepted=accepted, data=data, raw=reply.sense)
