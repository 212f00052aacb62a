"""ATA commands through SCSI: ATA PASS-THROUGH(12)/(16) and the registers that come back (SAT-4, clause 12). Pure.

The (12) form has the operation code A1h, which some USB bridges take for a command of their vendor: it is built here
for agreement with others, and not sent over USB.
"""

from __future__ import annotations

from firmware_bridge.ata import Registers, TaskFile, Transfer
from firmware_bridge.reply import ScsiReply, Unreadable

PASS_THROUGH_16 = 0x85
PROTOCOLS: dict[Transfer, int] = {"none": 3, "pio-in": 4, "pio-out": 5}  # SAT-4, table 150
# CK_COND (the registers come back even on success), or T_DIR, BYT_BLOK and T_LENGTH 2 (COUNT holds 512-byte blocks).
FLAGS: dict[Transfer, int] = {"none": 0x20, "pio-in": 0x0E, "pio-out": 0x06}
INFORMATION_AVAILABLE = (0x00, 0x1D)  # ASC, ASCQ: ATA PASS-THROUGH INFORMATION AVAILABLE


class StatusUnreadable(Unreadable, frozen=True):
    """The bridge did not carry the registers: nothing is known of how the command ended. Never a success."""


def pass_through_16(task: TaskFile) -> bytes:
    """Build ATA PASS-THROUGH(16), SAT-4, 12.2.2.3."""
    lba = task.lba.to_bytes(6, "little")
    high = (lambda value: value) if task.ext else (lambda value: 0)
    return bytes(
        [
            PASS_THROUGH_16,
            PROTOCOLS[task.transfer] << 1 | task.ext,
            FLAGS[task.transfer],
            high(task.feature >> 8),
            task.feature & 0xFF,
            high(task.count >> 8),
            task.count & 0xFF,
            *(high(lba[3]), lba[0], high(lba[4]), lba[1], high(lba[5]), lba[2]),
            task.device,
            task.command,
            0,
        ]
    )


def _descriptor(sense: bytes) -> bytes | StatusUnreadable:
    if len(sense) < 8:
        return StatusUnreadable(f"sense data of {len(sense)} bytes", sense)
    if sense[0] & 0x7F != 0x72:
        kinds = {0x70: "fixed-format", 0x71: "deferred", 0x73: "deferred"}
        return StatusUnreadable(f"{kinds.get(sense[0] & 0x7F, 'unknown')} sense data carry no registers", sense)
    at, end = 8, min(8 + sense[7], len(sense))
    while at + 2 <= end:
        kind, size = sense[at], sense[at + 1]
        if kind == 0x09 and size == 0x0C and at + 14 <= end:
            return sense[at : at + 14]
        at += 2 + size
    return StatusUnreadable("sense data without the ATA status descriptor", sense)


def _registers(d: bytes, sense: bytes) -> Registers | StatusUnreadable:
    if not any(d[3:14]):
        return StatusUnreadable("the registers are all zero", sense)
    if not d[13]:
        return StatusUnreadable("the STATUS register is zero", sense)
    extend = d[2] & 1
    return Registers(
        error=d[3],
        count=d[4] << 8 | d[5] if extend else d[5],
        lba=int.from_bytes(bytes([d[10], d[8], d[6]]) if extend else b"", "big") << 24
        | int.from_bytes(bytes([d[11], d[9], d[7]]), "big"),
        device=d[12],
        status=d[13],
    )


def registers_of(task: TaskFile, reply: ScsiReply) -> Registers | StatusUnreadable:
    """Read how a command without data ended: the ATA Status Return descriptor of its sense data (SAT-4, 12.2.2.6).

    Fixed format carries neither COUNT(15:8) nor LBA(47:24), and its flags for them are set wrongly by some bridges:
    unreadable. So is a STATUS of zero, alone or with all the rest: a drive that takes commands has DRDY set, and it was
    never read from one. Some bridges hand the registers back as they were sent. A 48-bit command must have brought
    48-bit registers back.
    """
    if not reply.delivered:
        return StatusUnreadable(f"{task.name} did not come back from the drive", reply.sense)
    found = _descriptor(reply.sense)
    if isinstance(found, StatusUnreadable):
        return found
    registers = _registers(found, reply.sense)
    if isinstance(registers, Registers) and task.ext and not found[2] & 1:
        return StatusUnreadable(f"{task.name}: only half of the registers came back", reply.sense)
    return registers


def data_of(task: TaskFile, reply: ScsiReply) -> bytes | Unreadable:
    """Read the 512 bytes of a PIO-in command. Unreadable where it failed or brought less.

    A bridge that sends the registers unasked ends with CHECK CONDITION, RECOVERED ERROR, 00h/1Dh: that is no failure.
    """
    asc = (reply.sense[2], reply.sense[3]) if reply.sense[:1] == b"\x72" and len(reply.sense) >= 4 else None
    unasked = reply.delivered and asc == INFORMATION_AVAILABLE and reply.sense[1] & 0xF <= 1
    if not reply.good and not unasked:
        return Unreadable(f"{task.name}: SCSI status {reply.status:02X}h, host {reply.host_status:02X}h", reply.sense)
    if len(reply.data) < 512:
        return Unreadable(f"{task.name} brought {len(reply.data)} bytes", reply.data)
    return reply.data[:512]
