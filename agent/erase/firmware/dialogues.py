"""SANITIZE in the words of each command set: how it is started, and what an answer to the question for its state says.

ATA: ACS-4, 7.32 (SANITIZE DEVICE). SCSI: SBC-4, 5.30, and REQUEST SENSE while it goes on. NVMe: Base 2.0, 5.24, and
the sanitize status log. Always restricted completion (no AUSE, no FAILURE MODE): after a failure the drive takes
nothing but another sanitize, so that nobody reads what is left. NVMe deallocates afterwards (no NDAS): reading what
was not deallocated may fail, and proves no more.
"""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from typing import cast

from agent.erase.firmware.steps import Answer, Said
from agent.erase.firmware.talk import ASK_S, Talk
from agent.erase.monitor import GONE
from agent.erase.techniques import Technique
from firmware_bridge import ata, nvme, sat, scsi
from firmware_bridge.ata import Registers
from firmware_bridge.nvme import AdminCommand
from firmware_bridge.reply import Unreadable

PATTERN = bytes(4)
START_S = 60.0
SILENCE = frozenset({errno.EIO, errno.ETIMEDOUT, errno.EINTR, errno.EAGAIN, errno.EBUSY, errno.ENOMEM})


class Dialogue(ABC):
    """SANITIZE in one command set. OSError where the drive is gone, or may not be asked."""

    knows_ours = False
    """Whether the drive's log shows which command it speaks of."""
    tells_last = False
    """Whether its status says how the last sanitize ended, over power cuts, and forgets it when another begins."""
    afterwards: Said = "completed"
    """What it says long after one that succeeded."""

    def __init__(self, talk: Talk, how: Technique) -> None:
        self.talk, self.how = talk, how

    @property
    @abstractmethod
    def command(self) -> bytes:
        """The command's bytes, as they are sent."""

    @property
    @abstractmethod
    def question(self) -> bytes:
        """The bytes of the question for its state."""

    @abstractmethod
    def start(self) -> Answer:
        """Send it, once."""

    @abstractmethod
    def status(self) -> Answer:
        """Ask how the drive's sanitize stands."""

    def confirm(self) -> Answer | None:
        """Ask for the drive's own word for the end, where there is another.

        For a drive that was idle before anybody saw it at work.
        """
        return None

    def estimate_s(self) -> float | None:
        """Tell how long the drive says that it takes."""
        return None


def silent(error: OSError) -> Answer:
    """Answer for a command that did not come back.

    Raises where the drive is gone, or the kernel does not send commands.
    """
    if error.errno in GONE or error.errno not in SILENCE:
        raise error
    return Answer("unreadable", f"no answer ({errno.errorcode.get(error.errno or 0, '?')})")


# --- ATA -----------------------------------------------------------------------------------------------------------

REASONS = {0: "no reason given", 1: "a sanitize failed", 2: "not supported", 3: "sanitize is frozen", 4: "antifreeze"}
FROZEN_REASON = 3


class AtaDialogue(Dialogue):
    """SANITIZE DEVICE. COUNT carries the state: b15 completed without error, b14 in progress, b13 frozen.

    b15 is set when a sanitize succeeds, cleared when one begins, and maintained across power-on resets: so a drive
    maker's manual (HGST/WD) tells the Sanitize Device state machine; ACS-4 itself was not at hand. It does not say
    which command it was, nor whether anything was written since.
    """

    tells_last = True

    @property
    def _task(self) -> ata.TaskFile:
        return ata.sanitize(cast(ata.Sanitize, self.how.kind), pattern=int.from_bytes(PATTERN, "little"))

    @property
    def command(self) -> bytes:
        """The pass-through command block."""
        return sat.pass_through_16(self._task)

    @property
    def question(self) -> bytes:
        """The pass-through command block of SANITIZE STATUS EXT."""
        return sat.pass_through_16(ata.SANITIZE_STATUS)

    def start(self) -> Answer:
        """See Dialogue."""
        found = self._ask(self._task, START_S)
        if not isinstance(found, tuple):
            return found
        registers, raw = found
        if registers.failed:
            return Answer("refused", f"aborted: {REASONS.get(registers.lba & 0xFF, 'no known reason')}", raw)
        return Answer("accepted", "accepted", raw)

    def status(self) -> Answer:
        """Ask the drive by SANITIZE STATUS EXT."""
        found = self._ask(ata.SANITIZE_STATUS, ASK_S)
        if not isinstance(found, tuple):
            return found
        registers, raw = found
        if registers.failed:
            if registers.lba & 0xFF == 1:
                return Answer("failed", "the sanitize failed", raw)
            told = f"aborted: {REASONS.get(registers.lba & 0xFF, 'no known reason')}"
            return Answer("another", told, raw, frozen=registers.lba & 0xFF == FROZEN_REASON)
        if registers.count & 1 << 14:
            return Answer("running", "running", raw, progress=(registers.lba & 0xFFFF) / 65536)
        frozen = bool(registers.count & 1 << 13)
        if registers.count & 1 << 15:  # of one that ended before it was frozen
            return Answer("completed", "completed without error", raw, frozen=frozen)
        return Answer("another" if frozen else "idle", "sanitize is frozen" if frozen else "idle", raw, frozen=frozen)

    def _ask(self, task: ata.TaskFile, within: float) -> tuple[Registers, bytes] | Answer:
        try:
            reply = self.talk.port.ata(task, within=within)
        except OSError as error:
            return silent(error)
        if isinstance(reply.registers, Unreadable):
            return Answer("unreadable", reply.registers.why, reply.raw)
        return reply.registers, reply.raw


# --- SCSI ----------------------------------------------------------------------------------------------------------

IN_PROGRESS, FAILED_ASC = (0x04, 0x1B), (0x31, 0x03)
TEST_UNIT_READY = bytes(6)


class ScsiDialogue(Dialogue):
    """SANITIZE with IMMED, then REQUEST SENSE. An end is believed after progress was seen, and if the unit is ready."""

    afterwards: Said = "idle"  # there is no log: a unit at rest says nothing of what it did

    def __init__(self, talk: Talk, how: Technique) -> None:
        super().__init__(talk, how)
        self._seen = False
        self._data = scsi.overwrite_list(PATTERN) if how.kind == "overwrite" else b""

    @property
    def command(self) -> bytes:
        """The command block."""
        return self._cdb(immediate=True)

    @property
    def question(self) -> bytes:
        """REQUEST SENSE."""
        return scsi.request_sense()

    def start(self) -> Answer:
        """See Dialogue."""
        self._seen = False
        return self._send(self.command, START_S)

    def confirm(self) -> Answer | None:
        """Send it once more without IMMED: GOOD then means that it is done (SBC-4, 5.30)."""
        answer = self._send(self._cdb(immediate=False), self.how.patience_s)
        self.talk.note("SANITIZE without IMMED", self._cdb(immediate=False), answer.text, answer.raw)
        return Answer("completed", "completed", answer.raw) if answer.said == "accepted" else answer

    def status(self) -> Answer:
        """Ask the drive by REQUEST SENSE."""
        try:
            reply = self.talk.port.scsi(scsi.request_sense(), data_in=252, within=ASK_S)
        except OSError as error:
            return silent(error)
        sense = scsi.parse_sense(reply.data) if reply.good else Unreadable("REQUEST SENSE failed", reply.sense)
        if isinstance(sense, Unreadable):
            return Answer("unreadable", sense.why, reply.data or reply.sense)
        asc = (sense.asc, sense.ascq)
        if asc == IN_PROGRESS:
            self._seen = True
            progress = None if sense.progress is None else sense.progress / 65536
            return Answer("running", "running", reply.data, progress=progress)
        if asc == FAILED_ASC:
            return Answer("failed", "the sanitize failed (31h/03h)", reply.data)
        if sense.key == scsi.UNIT_ATTENTION:
            return Answer("unreadable", "unit attention", reply.data)
        if sense.key != 0:
            return Answer("another", f"sense {sense.key:X}h/{sense.asc:02X}h/{sense.ascq:02X}h", reply.data)
        return self._at_rest(reply.data)

    def _at_rest(self, raw: bytes) -> Answer:
        """No sense: at its end if it was seen at work, and takes commands again."""
        if not self._seen:
            return Answer("idle", "idle", raw)
        try:
            ready = self.talk.port.scsi(TEST_UNIT_READY, within=ASK_S)
        except OSError as error:
            return silent(error)
        if ready.good:
            return Answer("completed", "completed: progress ended, and the unit is ready", raw)
        return Answer("unreadable", "progress ended, and the unit is not ready", ready.sense)

    def _cdb(self, *, immediate: bool) -> bytes:
        action = cast(scsi.SanitizeAction, self.how.kind)
        return scsi.sanitize(action, immediate=immediate, listed=len(self._data))

    def _send(self, cdb: bytes, within: float) -> Answer:
        self.talk.expect_silence(within)
        try:
            reply = self.talk.port.scsi(cdb, data_out=self._data, within=within)
        except OSError as error:
            return silent(error)
        if reply.good:
            return Answer("accepted", "accepted", reply.sense)
        if not reply.delivered:
            return Answer("unreadable", f"no answer (host {reply.host_status:02X}h)", reply.sense)
        sense = scsi.sense_of(reply)
        if isinstance(sense, scsi.Sense) and sense.key == scsi.RECOVERED_ERROR and not sense.deferred:
            return Answer("accepted", f"accepted (recovered error {sense.asc:02X}h/{sense.ascq:02X}h)", reply.sense)
        told = f"{sense.key:X}h/{sense.asc:02X}h/{sense.ascq:02X}h" if isinstance(sense, scsi.Sense) else "unreadable"
        return Answer("refused", f"check condition {told}", reply.sense)


# --- NVMe ----------------------------------------------------------------------------------------------------------

LOG_SHOWN = 20  # bytes of the log that say anything of one sanitize


class NvmeDialogue(Dialogue):
    """Sanitize and its log, which shows the command that it speaks of (SCDW10)."""

    knows_ours = True

    @property
    def _admin(self) -> AdminCommand:
        action = cast(nvme.Sanitize, self.how.kind)
        return nvme.sanitize(action, pattern=int.from_bytes(PATTERN, "little"))

    @property
    def command(self) -> bytes:
        """The submission queue entry."""
        return entry(self._admin)

    @property
    def question(self) -> bytes:
        """Get Log Page."""
        return entry(nvme.sanitize_log())

    def start(self) -> Answer:
        """See Dialogue."""
        return send(self.talk, self._admin, START_S)

    def status(self) -> Answer:
        """Log page 81h."""
        log, raw, text = self._log()
        if log is None:
            return Answer("unreadable", text, raw)
        ours = log.command == self._admin.cdw10
        if log.status == 0:
            return Answer("idle", "idle", raw)
        whose = "" if ours else f" (another command: {log.command:08X}h)"
        if log.status == 2:
            return Answer("running", f"running{whose}", raw, progress=log.progress / 65536, ours=ours)
        if log.status == 3:
            return Answer("failed", f"the sanitize failed{whose}", raw, ours=ours)
        told = "completed" if log.status == 1 else "completed, and deallocated"
        return Answer("completed", f"{told}{whose}", raw, fresh=log.global_data_erased, ours=ours)

    def estimate_s(self) -> float | None:
        """Read the estimate from the log; FFFFFFFFh is "not told"."""
        log, _, _ = self._log()
        if log is None:
            return None
        told = {"overwrite": log.overwrite_s, "block": log.block_s, "crypto": log.crypto_s}[self.how.kind]
        return float(told) if 0 < told < 0xFFFFFFFF else None

    def _log(self) -> tuple[nvme.SanitizeLog | None, bytes, str]:
        try:
            reply = self.talk.port.nvme(nvme.sanitize_log(), within=ASK_S)
        except OSError as error:
            return None, b"", silent(error).text
        if not reply.good:
            return None, reply.status.to_bytes(2, "big"), f"the log was not given (status {reply.status:04X}h)"
        log = nvme.parse_sanitize_log(reply.data)
        if isinstance(log, Unreadable):
            return None, reply.data[:LOG_SHOWN], log.why
        return log, reply.data[:LOG_SHOWN], ""


def send(talk: Talk, command: AdminCommand, within: float) -> Answer:
    """Send an admin command that erases, once."""
    talk.expect_silence(within)
    try:
        reply = talk.port.nvme(command, within=within)
    except OSError as error:
        return silent(error)
    raw = reply.status.to_bytes(2, "big")
    if not reply.delivered:
        return Answer("unreadable", f"no answer of the controller (status {reply.status:04X}h)", raw)
    return Answer("accepted", "accepted", raw) if reply.good else Answer("refused", f"status {reply.status:04X}h", raw)


def entry(command: AdminCommand) -> bytes:
    """Build the 64 bytes of a submission queue entry, as far as they are the command's own (Base 2.0, figure 88)."""
    words = {0: command.opcode, 1: command.nsid, 10: command.cdw10, 11: command.cdw11}
    return b"".join(words.get(i, 0).to_bytes(4, "little") for i in range(16))


DIALOGUES: dict[str, type[Dialogue]] = {"ata": AtaDialogue, "scsi": ScsiDialogue, "nvme": NvmeDialogue}
