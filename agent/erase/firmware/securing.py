"""SECURITY ERASE UNIT (ACS-4, 4.18 and 7.37 to 7.42), and the way back from a password of our own.

The password is the job's own: it is in the ledger before the job begins, and stays there until a drive of this identity
was erased. Its end is believed where the drive had been seen with our password (IDENTIFY, word 128), took the command
without an error, and is seen without it. Whatever else happens, the password is taken off again, now or when the drive
is next met.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.certificates.outcome import (
    COMMAND_REFUSED,
    FOREIGN_PASSWORD,
    FROZEN,
    NO_ANSWER,
    NOT_JOURNALLED,
    NOT_UNLOCKED,
    NOTHING_SAYS_SO,
    TOO_MANY_PASSWORDS,
    Reason,
)
from agent.erase.firmware.dialogues import silent
from agent.erase.firmware.machine import Machine, Stopped
from agent.erase.firmware.talk import ASK_S, Talk
from drivers.drives.firmware_port import AtaReply
from firmware_bridge import ata, sat
from firmware_bridge.ata import Registers, Security, TaskFile
from firmware_bridge.reply import Unreadable

COMMAND_S = 60.0
MARGIN_S = 900.0
WHOLE_S = 96 * 3600.0  # as for sanitize overwrite: 22 TB at 100 MB/s take 61 hours
TRIES = 4


class Securing(Machine):
    """Set a password (level high), prepare, erase, look."""

    def prepare(self) -> Stopped | None:
        """See Machine: the drive is unfrozen, and without a password."""
        found = self._security()
        if found is None:
            return Stopped(NO_ANSWER, untouched=True)
        if found.frozen:
            return Stopped(FROZEN, untouched=True)
        if not found.enabled:
            return None
        known = [bytes.fromhex(text) for text in self.spec.passwords]
        reason = take_off(self.talk, found, known)
        return Stopped(reason, untouched=reason is not NOT_UNLOCKED) if reason else None

    def run(self) -> Stopped | None:
        """See Machine."""
        password = bytes.fromhex(self.spec.passwords[0])
        task = ata.security("erase-unit")
        if not self.talk.write_down(self.point("sent", sat.pass_through_16(task))):
            return Stopped(NOT_JOURNALLED)
        if not self.talk.goes_on:
            return None
        if not self._give(ata.security("set-password"), ata.password_block(password)):
            return self._failed(password, COMMAND_REFUSED)
        found = self._security()
        if found is None or not found.enabled:
            return self._failed(password, NOTHING_SAYS_SO)
        taken = self._give(ata.ERASE_PREPARE) and self._erase(task, password, found)
        after = self._security()
        if taken and after is not None and not after.enabled and not after.locked:
            self.talk.note(task.name, sat.pass_through_16(task), "completed: the password is gone")
            self.talk.write_down(self.point("finished", sat.pass_through_16(task)))
            return None
        return self._failed(password, NOTHING_SAYS_SO if taken else COMMAND_REFUSED)

    def _erase(self, task: TaskFile, password: bytes, found: Security) -> bool:
        enhanced = self.how.kind == "enhanced"
        minutes = found.enhanced_erase_minutes if enhanced else found.erase_minutes
        within = 2 * 60.0 * minutes + MARGIN_S if minutes else self.how.patience_s
        if minutes == ata.OPEN_ENDED:  # no estimate, but a least one: the drive may be at it for much longer
            within = max(within, WHOLE_S)
        self.talk.waits(60.0 * minutes if minutes else None)
        return self._give(task, ata.password_block(password, enhanced=enhanced), within=within)

    def _failed(self, password: bytes, reason: Reason) -> Stopped:
        """The password comes off before anything else. Where it does not, that is what the technician must know.

        So it is where the drive does not say any more whether it has one.
        """
        found = self._security()
        if found is None or (found.enabled and take_off(self.talk, found, [password])):
            return Stopped(NOT_UNLOCKED)
        return Stopped(reason)

    def _give(self, task: TaskFile, data: bytes = b"", *, within: float = COMMAND_S) -> bool:
        return give(self.talk, task, data, within=within)

    def _security(self) -> Security | None:
        return look(self.talk)


def take_off(talk: Talk, found: Security, known: Sequence[bytes]) -> Reason | None:
    """Unlock and disable with the passwords that may be ours; None when the drive is seen without one.

    FOREIGN_PASSWORD where none fits: the drive is as it was.
    """
    if found.frozen:
        return FROZEN
    if found.count_expired:
        return TOO_MANY_PASSWORDS
    for password in known[:TRIES]:
        block = ata.password_block(password)
        if found.locked and not give(talk, ata.security("unlock"), block):
            continue
        if not give(talk, ata.security("disable-password"), block) and not found.locked:
            continue
        after = look(talk)
        return None if after is not None and not after.enabled else NOT_UNLOCKED
    return FOREIGN_PASSWORD


def look(talk: Talk) -> Security | None:
    """Read what IDENTIFY DEVICE says of the security feature set.

    After an erasure the first answers may be attentions.
    """
    for _ in range(TRIES):
        try:
            reply = talk.port.ata(ata.IDENTIFY_DEVICE, within=ASK_S)
        except OSError as error:
            silent(error)
        else:
            page = ata.parse_identify(reply.data) if isinstance(reply.data, bytes) else reply.data
            if isinstance(reply.data, bytes) and not isinstance(page, Unreadable):
                _note_state(talk, reply.data, page.security)
                return page.security
        if not talk.wait():
            return None
    return None


def _note_state(talk: Talk, data: bytes, found: Security | None) -> None:
    """The words of the security feature set (82 to 92, and 128), and what they say."""
    words = ("enabled", "locked", "frozen", "count_expired")
    told = ", ".join(word for word in words if found and getattr(found, word)) or "no password"
    question = sat.pass_through_16(ata.IDENTIFY_DEVICE)
    talk.heard(ata.IDENTIFY_DEVICE.name, question, f"security: {told}", data[164:186] + data[256:258])


def give(talk: Talk, task: TaskFile, data: bytes = b"", *, within: float = COMMAND_S) -> bool:
    """Send a security command, once; whether it was taken. The data hold a password: they stand nowhere."""
    talk.expect_silence(within)
    cdb = sat.pass_through_16(task)
    try:
        reply = talk.port.ata(task, data_out=data, within=within)
    except OSError as error:
        talk.note(task.name, cdb, silent(error).text)
        return False
    talk.note(task.name, cdb, "accepted" if reply.accepted else _why(reply), reply.raw)
    return reply.accepted


def _why(reply: AtaReply) -> str:
    if isinstance(reply.registers, Registers):
        return f"aborted (STATUS {reply.registers.status:02X}h, ERROR {reply.registers.error:02X}h)"
    return reply.registers.why
