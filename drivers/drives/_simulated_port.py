"""Commands to a simulated drive, answered in the bytes of real ones: so the same parsers read both."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from drivers.drives import _simulated_hidden as hiding
from drivers.drives import _simulated_pages as pages
from drivers.drives._simulated_firmware import Kind, Model, identify
from drivers.drives.drive import CommandSet
from drivers.drives.firmware_port import AtaReply, FirmwarePort, ata_reply
from firmware_bridge import ata, scsi
from firmware_bridge.ata import TaskFile
from firmware_bridge.nvme import AdminCommand
from firmware_bridge.reply import NvmeReply, ScsiReply

ABORTED = 0x04  # ATA ERROR: ABRT
INVALID_OPCODE, SANITIZE_FAILED, SANITIZE_RUNNING = 0x01, 0x1C, 0x1D  # NVMe status, generic


class SimulatedPort(FirmwarePort):
    """Commands to the model, answered in the bytes of real drives. `there` raises where the drive was pulled."""

    def __init__(self, model: Model, *, there: Callable[[], None], pull: Callable[[], None]) -> None:
        self._model, self._there, self._pull = model, there, pull
        self.speaks = model.commands.speaks
        self.namespace = 1 if self.speaks == "nvme" else 0

    # --- ATA ----------------------------------------------------------------------------------------------

    def ata(self, task: TaskFile, *, data_out: bytes = b"", within: float) -> AtaReply:
        """Answer IDENTIFY DEVICE, SANITIZE DEVICE and the security commands. Others are aborted."""
        self._expects("ata")
        model = self._model
        if task.command == ata.IDENTIFY_DEVICE.command:
            return ata_reply(task, pages.good(identify(model.drive, model.commands, model.state)))
        if task.command == 0xB4:
            return ata_reply(task, self._ata_sanitize(task))
        if (answer := hiding.answer(model, task)) is not None:
            return ata_reply(task, answer)
        if model.commands.security and 0xF1 <= task.command <= 0xF6:
            return ata_reply(task, self._security(task.command, data_out))
        return ata_reply(task, pages.registers(error=ABORTED, failed=True))

    def _ata_sanitize(self, task: TaskFile) -> ScsiReply:
        model, fault = self._model, self._model.commands.fault
        if task.feature == 0:
            return self._ata_status()
        kinds: dict[int, Kind] = {0x11: "crypto", 0x12: "block", 0x14: "overwrite"}
        kind = kinds.get(task.feature)
        if fault == "silent":
            return _timed_out()
        if self._sanitize_frozen:
            return pages.registers(error=ABORTED, lba=3, failed=True)
        if kind not in model.commands.sanitize or fault == "aborts" or model.state.locked:
            return pages.registers(error=ABORTED, lba=2, failed=True)
        if model.state.status == "running":
            return pages.registers(error=ABORTED, lba=0, failed=True)
        byte = bytes([model.commands.erased_byte])
        model.begin(kind, pattern=(task.lba & 0xFFFFFFFF).to_bytes(4, "little") if kind == "overwrite" else byte)
        return self._sanitize_registers()

    def _ata_status(self) -> ScsiReply:
        model, fault = self._model, self._model.commands.fault
        if model.state.status == "running":
            model.vanish_once(self._pull)
            model.step()
        if model.state.status != "never" and fault == "unreadable":
            return pages.check(pages.fixed_sense(1, 0, 0x1D))
        if model.state.status != "never" and fault == "zeros":
            return pages.zero_registers()
        return self._sanitize_registers()

    @property
    def _sanitize_frozen(self) -> bool:
        return self._model.commands.sanitize_frozen and not self._model.state.cycled

    def _sanitize_registers(self) -> ScsiReply:
        state = self._model.state
        if state.status == "failed":
            return pages.registers(error=ABORTED, lba=1, failed=True)
        count = {"running": 1 << 14, "completed": 1 << 15}.get(state.status, 0) | self._sanitize_frozen << 13
        return pages.registers(count=count, lba=self._model.progress if state.status == "running" else 0xFFFF)

    def _security(self, command: int, data: bytes) -> ScsiReply:
        """F1 to F6 (ACS-4, 4.18): passwords count with all their 32 bytes."""
        model, state, fault = self._model, self._model.state, self._model.commands.fault
        given, refuse = data[2:34].hex() if data else "", pages.registers(error=ABORTED, failed=True)
        known = state.password.ljust(64, "0")
        if model.commands.frozen and not state.cycled:
            return refuse
        if command in (0xF2, 0xF4, 0xF6) and (not state.password or given != known):
            return refuse
        if command in (0xF1, 0xF6) and state.locked:
            return refuse
        if command == 0xF1:
            if fault == "aborts":
                return refuse
            state.password = "" if fault == "zeros" else given
        elif command == 0xF2:
            state.locked = False
        elif command == 0xF4:
            model.vanish_once(self._pull)
            if fault in ("fails", "silent", "unreadable"):
                return {"fails": refuse, "silent": _timed_out()}.get(fault, pages.check(pages.fixed_sense(1, 0, 0x1D)))
            model.erase("security", bytes([model.commands.erased_byte]))
            if fault != "idle":
                state.password, state.locked = "", False
        elif command == 0xF6:
            state.password = ""
        model.keep()
        return pages.registers() if command == 0xF3 else pages.good()

    # --- SCSI ---------------------------------------------------------------------------------------------

    def scsi(self, cdb: bytes, *, data_in: int = 0, data_out: bytes = b"", within: float) -> ScsiReply:
        """Answer SANITIZE and REQUEST SENSE. Other commands are not known."""
        self._expects("scsi")
        if cdb[0] == 0x03:
            return self._request_sense()
        if cdb[0] == 0x00:
            busy = self._model.state.status == "running"
            return pages.check(pages.fixed_sense(2, 0x04, 0x1B)) if busy else pages.good()
        if cdb[0] != scsi.SANITIZE:
            return pages.check(pages.fixed_sense(5, 0x20))
        model, fault = self._model, self._model.commands.fault
        kinds: dict[int, Kind] = {1: "overwrite", 2: "block", 3: "crypto"}
        kind = kinds.get(cdb[1] & 0x1F)
        if fault == "silent":
            return _timed_out()
        if kind not in model.commands.sanitize or fault == "aborts":
            return pages.check(pages.fixed_sense(5, 0x24))
        if model.state.status == "running":
            return pages.check(pages.fixed_sense(2, 0x04, 0x1B, model.progress))
        model.begin(kind, pattern=data_out[4:] if kind == "overwrite" else bytes([model.commands.erased_byte]))
        if not cdb[1] & 0x80:
            return self._finished_at_once()
        return pages.good()

    def _finished_at_once(self) -> ScsiReply:
        """Without IMMED: answered when the work is at its end."""
        model = self._model
        for _ in range(model.state.total + 1):
            model.step()
        if model.state.status == "running":
            return _timed_out()
        return pages.good() if model.state.status == "completed" else pages.check(pages.fixed_sense(3, 0x31, 3))

    def _request_sense(self) -> ScsiReply:
        model, state = self._model, self._model.state
        if state.status == "running":
            model.vanish_once(self._pull)
            model.step()
        if model.commands.fault == "unreadable" and state.status != "never":
            return pages.good(b"\x7f" + bytes(17))
        if model.commands.fault == "zeros" and state.status != "never":
            return pages.good(bytes(18))
        if state.status == "running":
            return pages.good(pages.fixed_sense(2, 0x04, 0x1B, model.progress))
        return pages.good(pages.fixed_sense(3, 0x31, 3) if state.status == "failed" else pages.fixed_sense(0))

    # --- NVMe ---------------------------------------------------------------------------------------------

    def nvme(self, command: AdminCommand, *, within: float) -> NvmeReply:
        """Identify, Format, Sanitize and its log."""
        self._expects("nvme")
        model, can = self._model, self._model.commands
        if command.opcode == 0x06:
            whole = {
                1: pages.controller(
                    model.drive, sanitize=can.sanitize, format_nvm=can.format, crypto=can.format_crypto
                ),
                2: (1).to_bytes(4, "little") + bytes(4092),
            }
            return NvmeReply(status=0, data=whole.get(command.cdw10 & 0xFF, pages.namespace(model.drive)))
        if command.opcode == 0x02 and command.cdw10 & 0xFF == 0x81:
            return self._log()
        if command.opcode == 0x84:
            return self._nvme_sanitize(command)
        if command.opcode == 0x80:
            return self._format(command)
        return NvmeReply(status=INVALID_OPCODE)

    def _log(self) -> NvmeReply:
        model, state, fault = self._model, self._model.state, self._model.commands.fault
        if state.status == "running":
            model.vanish_once(self._pull)
            model.step()
        status = {"never": 0, "completed": 1, "running": 2, "failed": 3, "ended": 0}[state.status]
        progress = model.progress if status == 2 else 0xFFFF
        if fault == "zeros" and status:
            return NvmeReply(status=0, data=bytes(512))
        shown = 7 if fault == "unreadable" and status else status
        command = state.command ^ (0x6 if fault == "another" else 0)
        return NvmeReply(status=0, data=pages.sanitize_log(progress=progress, status=shown, command=command))

    def _nvme_sanitize(self, command: AdminCommand) -> NvmeReply:
        model, fault = self._model, self._model.commands.fault
        kinds: dict[int, Kind] = {2: "block", 3: "overwrite", 4: "crypto"}
        kind = kinds.get(command.cdw10 & 7)
        if fault == "silent":
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        if kind not in model.commands.sanitize or fault == "aborts":
            return NvmeReply(status=INVALID_OPCODE)
        if model.state.status == "running":
            return NvmeReply(status=SANITIZE_RUNNING)
        byte = bytes([model.commands.erased_byte])
        pattern = command.cdw11.to_bytes(4, "little") if kind == "overwrite" else byte
        model.begin(kind, command=command.cdw10, pattern=pattern)
        return NvmeReply(status=0)

    def _format(self, command: AdminCommand) -> NvmeReply:
        model, fault = self._model, self._model.commands.fault
        crypto = command.cdw10 >> 9 & 7 == 2
        if not (model.commands.format_crypto if crypto else model.commands.format) or fault == "aborts":
            return NvmeReply(status=INVALID_OPCODE)
        model.vanish_once(self._pull)
        if fault == "silent":
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        if fault == "fails":
            return NvmeReply(status=0x06)
        model.erase("crypto" if crypto else "format", bytes([model.commands.erased_byte]))
        model.keep()
        return NvmeReply(status=0)

    def _expects(self, wanted: CommandSet) -> None:
        self._there()
        if self.speaks != wanted:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))


def _timed_out() -> ScsiReply:
    """DID_TIME_OUT: the kernel gave the command up."""
    return ScsiReply(status=0, host_status=3, driver_status=0)
