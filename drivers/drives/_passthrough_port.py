"""A block device's firmware port: SG_IO and NVMe admin commands on the descriptor that is held, never on a path."""

from __future__ import annotations

import errno
import os

from drivers.drives.drive import CommandSet
from drivers.drives.firmware_port import AtaReply, FirmwarePort, ata_reply
from firmware_bridge import passthrough, sat
from firmware_bridge.ata import TaskFile
from firmware_bridge.nvme import AdminCommand
from firmware_bridge.reply import NvmeReply, ScsiReply


class PassThroughPort(FirmwarePort):
    """ATA through SAT (libata, SAS adapters, USB bridges), SCSI, NVMe. Waits without the GIL."""

    def __init__(self, fd: int, speaks: CommandSet) -> None:
        self._fd = fd
        self.speaks = speaks
        self.namespace = passthrough.nvme_namespace(fd) if speaks == "nvme" else 0

    def ata(self, task: TaskFile, *, data_out: bytes = b"", within: float) -> AtaReply:
        """Send an ATA command by ATA PASS-THROUGH(16)."""
        self._only("ata")
        cdb = sat.pass_through_16(task)
        wanted = 512 if task.transfer == "pio-in" else 0
        reply = passthrough.sg_io(self._fd, cdb, data_in=wanted, data_out=data_out, timeout_ms=_ms(within))
        return ata_reply(task, reply)

    def scsi(self, cdb: bytes, *, data_in: int = 0, data_out: bytes = b"", within: float) -> ScsiReply:
        """Send a SCSI command by SG_IO."""
        self._only("scsi")
        return passthrough.sg_io(self._fd, cdb, data_in=data_in, data_out=data_out, timeout_ms=_ms(within))

    def nvme(self, command: AdminCommand, *, within: float) -> NvmeReply:
        """Send an NVMe command by NVME_IOCTL_ADMIN_CMD."""
        self._only("nvme")
        return passthrough.nvme_admin(self._fd, command, timeout_ms=_ms(within))

    def _only(self, wanted: CommandSet) -> None:
        if self.speaks != wanted:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))


def _ms(seconds: float) -> int:
    """At least a second: 0 would be the kernel's own choice."""
    return max(1000, min(int(seconds * 1000), 0xFFFF_FFFF))
