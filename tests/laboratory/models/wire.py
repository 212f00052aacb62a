"""A model answering as the kernel's pass-through would: for tests that need no guest."""

from __future__ import annotations

from firmware_bridge.nvme import AdminCommand
from firmware_bridge.reply import NvmeReply, ScsiReply
from tests.laboratory.models.nvme import NvmeDrive, Request
from tests.laboratory.models.target import ScsiTarget

DID_TIME_OUT = 0x03  # host status of a command that never ended


def scsi(target: ScsiTarget, cdb: bytes, *, data_in: int = 0, data_out: bytes = b"") -> ScsiReply:
    """What SG_IO would bring back."""
    answer = target.execute(cdb, data_out, data_in)
    host = DID_TIME_OUT if answer.silent else 0
    resid = data_in - len(answer.data)
    return ScsiReply(
        status=answer.status, host_status=host, driver_status=0, sense=answer.sense, data=answer.data, resid=resid
    )


def nvme(drive: NvmeDrive, command: AdminCommand) -> NvmeReply:
    """What NVME_IOCTL_ADMIN_CMD would bring back."""
    request = Request(opcode=command.opcode, nsid=command.nsid, cdw10=command.cdw10, cdw11=command.cdw11)
    done = drive.admin(request)
    return NvmeReply(status=done.status, result=done.result, data=done.data[: command.data_in])
