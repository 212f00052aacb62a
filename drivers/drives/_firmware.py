"""Asks an open drive who it is, how large it is and what it can do, through whatever bridge it stands behind.

Everything asked here is read-only (docs/firmware.md lists it). An answer that is missing, odd or late changes nothing:
what sysfs said of the drive stays. What is answered is taken only where it fits: a damaged IDENTIFY, or one that shows
less than the bridge does (a dock that joins two drives), speaks of no drive that we see. Where an answer is missing or
late, not odd, the drive is marked as `silent`: nobody knows what it hides, and asking again may tell.

Which answers go into a drive's fingerprint must not depend on chance. Behind libata, SAS and NVMe model, serial and WWN
stay those of sysfs, which the kernel read from the drive. Behind a USB bridge they are the drive's own IDENTIFY, if it
answers, both when it is looked at and when it is opened; a drive that stops answering later is silent, not another.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator

import msgspec

from drivers.drives._identities import believable
from drivers.drives._names import wwn_of
from drivers.drives.drive import Capabilities, Drive, HiddenArea, HiddenFeature, HiddenKind, Media
from firmware_bridge import ata, nvme, passthrough, sat, scsi
from firmware_bridge.ata import Identify, TaskFile
from firmware_bridge.nvme import AdminCommand
from firmware_bridge.reply import ScsiReply, Unreadable

log = logging.getLogger("benchwipe.drives")

LOOK_S = 2.0
HOLD_S = 10.0
# The kernel's own limit for a command. Past it, it resets the device: so a look that waits less gives up waiting, not
# the command (hdparm waits 15 s).
COMMAND_MS = 15_000
TRIES = 3  # the first commands after plugging in are answered with UNIT ATTENTION
# The kernel passes no commands on, and says so: no right to ask, or no such way. Any other error is no answer.
REFUSES = frozenset({errno.EPERM, errno.EACCES, errno.ENOTTY, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
ASKED = frozenset({"ata", "usb", "sas", "scsi", "iscsi", "nvme"})

# USB bridges that are not asked: IDENTIFY through SAT leads nowhere behind them, and commands of their vendors are
# never tried (152d:0583 stands on SATA adapters too, where A1h resets the drive). "VID:PID" or "VID:PID:bcdDevice".
NOT_ASKED: dict[str, str] = {
    "152d:0583": "JMicron JMS583: NVMe",
    "174c:2362": "ASMedia ASM2362: NVMe",
    "0bda:9210": "Realtek RTL9210: NVMe",
    "0bda:9211": "Realtek RTL9211: NVMe",
    "04b4:6830:0240": "Cypress AT2LP: a vendor's pass-through",
    "04fc:0c05": "Sunplus: a vendor's pass-through",
    "04fc:0c15": "Sunplus: a vendor's pass-through",
    "04fc:0c25": "Sunplus: a vendor's pass-through",
    "152d:2329": "JMicron JM20329: a vendor's pass-through",
    "152d:2336": "JMicron JM20336: a vendor's pass-through",
    "152d:2338": "JMicron JM20337/8: a vendor's pass-through",
    "152d:2339": "JMicron JM20339: a vendor's pass-through",
}


class Unanswered(Exception):
    """A command that was sent, and ended without the drive's answer: timed out, reset, aborted by the host."""


def ask(fd: int, drive: Drive, *, within: float = LOOK_S) -> Drive:
    """Ask the firmware for what it adds to the drive: identity behind USB, native size, hidden area, capabilities.

    Never raises, and returns after `within` seconds with what was answered by then: `silent` where that is not all.
    """
    if drive.transport not in ASKED or not drive.capacity_bytes or not _may_be_asked(drive):
        return drive
    return _bounded(fd, drive, _stages, within)


def ask_again(fd: int, now: Drive, before: Drive, *, within: float = HOLD_S) -> Drive | None:
    """Give `now` what `before` was told by its firmware. Behind USB the drive must say once more who it is.

    None where it does not say it any more: then nobody knows whether it is the same.
    """
    told = ("media", "native_capacity_bytes", "hidden_area", "capabilities", "silent")
    kept = {name: getattr(before, name) for name in told}
    if before.transport != "usb" or before.capabilities is None:
        return msgspec.structs.replace(now, **kept)
    found = _bounded(fd, now, _who, within)
    return msgspec.structs.replace(found, **kept) if found.capabilities is not None else None


def _may_be_asked(drive: Drive) -> bool:
    """Behind USB only disks that are not removable, as udev's ata_id does: sticks and card readers are no ATA."""
    if drive.transport != "usb":
        return True
    bridge = (drive.bridge or "").partition(" ")[0]
    return bool(bridge) and not drive.removable and not {bridge, bridge.rpartition(":")[0]} & NOT_ASKED.keys()


# --- waiting ---------------------------------------------------------------------------------------------------

Stages = Callable[[int, Drive], Iterator[Drive]]


def _bounded(fd: int, drive: Drive, stages: Stages, within: float) -> Drive:
    """The last stage that was reached in time, `silent` if it was not the end. Asked in a thread with a descriptor.

    A device that does not answer holds its thread, and an exclusive descriptor, until the kernel gives it up; a
    command that is cut short instead would be answered with a reset of the device, in the midst of somebody's work.
    """
    answers, given_up, through = [drive], threading.Event(), threading.Event()
    try:
        own = os.dup(fd)
    except OSError:
        return msgspec.structs.replace(drive, silent=True)

    def asking() -> None:
        try:
            for answer in stages(own, drive):
                if given_up.is_set():
                    return
                answers.append(answer)
            through.set()
        except OSError as error:
            log.debug("%s: %s", drive.device, error)
            if error.errno in REFUSES:
                through.set()
        except Unanswered as error:
            log.warning("%s did not answer: %s", drive.device, error)
        except Exception:  # the thread's outermost edge: a look must not fail because of an odd answer
            log.exception("%s: an answer was not understood", drive.device)
        finally:
            os.close(own)

    thread = threading.Thread(target=asking, name=f"ask-{drive.device}", daemon=True)
    thread.start()
    thread.join(within)
    if thread.is_alive():
        given_up.set()
        log.warning("%s did not answer within %s s; asked no further", drive.device, within)
    complete = through.is_set()  # before the answers are read: what is complete then has them all
    return answers[-1] if complete else msgspec.structs.replace(answers[-1], silent=True)


def _stages(fd: int, drive: Drive) -> Iterator[Drive]:
    """The drive, better known with each answer."""
    if drive.transport == "nvme":
        yield from _nvme(fd, drive)
        return
    if drive.transport not in ("ata", "usb") and not _translated(fd):
        yield from _scsi(fd, drive)
        return
    page = _identify(fd, drive)
    if page is not None:
        known = _known(drive, page)
        yield known
        yield from _hidden(fd, known, page)


def _who(fd: int, drive: Drive) -> Iterator[Drive]:
    """Only who it is: one command, for a drive that is at work."""
    page = _identify(fd, drive)
    if page is not None:
        yield _known(drive, page)


# --- ATA, directly or through a bridge -------------------------------------------------------------------------


def _identify(fd: int, drive: Drive) -> Identify | None:
    """IDENTIFY DEVICE, where it fits what the kernel shows of the drive.

    Behind USB only with a checksum: a bridge may hand out anything, whereas libata has read the drive before us.
    """
    data = sat.data_of(ata.IDENTIFY_DEVICE, _send(fd, sat.pass_through_16(ata.IDENTIFY_DEVICE), data_in=512))
    found = ata.parse_identify(data) if isinstance(data, bytes) else data
    if isinstance(found, Unreadable):
        log.debug("%s: %s", drive.device, found.why)
        return None
    serial = believable(found.serial)
    another = drive.transport != "usb" and drive.serial not in (None, serial)
    unproven = drive.transport == "usb" and found.checksum != "good"
    if another or unproven or not serial or not found.model or found.capacity_bytes < drive.capacity_bytes:
        log.debug("%s: IDENTIFY does not fit what the kernel shows", drive.device)
        return None
    return found


def _known(drive: Drive, page: Identify) -> Drive:
    """Capabilities, whether it turns, and behind USB the identity."""
    media = _media(page.rotation, drive.media)
    if drive.transport != "usb":
        return msgspec.structs.replace(drive, media=media, capabilities=capabilities_of(page))
    return msgspec.structs.replace(
        drive,
        vendor=None,
        model=page.model,
        serial=believable(page.serial),
        wwn=wwn_of(page.wwn),
        firmware=page.firmware or None,
        media=media,
        identity_source="drive",
        lun=0 if believable(page.serial) else drive.lun,
        capabilities=capabilities_of(page),
    )


def _media(rotation: int, known: Media) -> Media:
    return "ssd" if rotation == 1 else "hdd" if 0x401 <= rotation < 0xFFFF else known


def capabilities_of(page: Identify) -> Capabilities:
    """Tell what an ATA drive's IDENTIFY says that it can do."""
    features: tuple[tuple[HiddenFeature, bool], ...] = (
        ("hpa", page.hpa_supported),
        ("amac", page.amac),
        ("dco", page.dco),
    )
    security = page.security
    return Capabilities(
        hidden_area_features=tuple(name for name, there in features if there),
        sanitize=page.sanitize,
        trusted_commands=page.trusted_computing,
        security_supported=security is not None,
        security_enabled=security.enabled if security else None,
        security_locked=security.locked if security else None,
        security_frozen=security.frozen if security else None,
        security_count_expired=security.count_expired if security else None,
        secure_erase_minutes=security.erase_minutes if security else None,
        enhanced_erase=security.enhanced if security else None,
        enhanced_erase_minutes=security.enhanced_erase_minutes if security and security.enhanced else None,
    )


def _hidden(fd: int, drive: Drive, page: Identify) -> Iterator[Drive]:
    """Native sizes, each as far as the drive tells it; the first is what IDENTIFY shows beyond the bridge."""
    questions = dict(_questions(page))
    unread = tuple(questions)
    sizes: list[tuple[HiddenKind, int]] = [("unknown", page.capacity_bytes)]
    yield _with_hidden(_with_unread(drive, unread), sizes, told=not set(unread) & {"hpa", "amac"})
    for kind, question in questions.items():
        sectors = question(fd)
        if isinstance(sectors, Unreadable):
            log.debug("%s: %s", drive.device, sectors.why)
            continue
        unread = tuple(other for other in unread if other != kind)
        sizes.append((kind, sectors * page.logical_block_bytes))
        yield _with_hidden(_with_unread(drive, unread), sizes, told=not set(unread) & {"hpa", "amac"})


def _with_unread(drive: Drive, unread: tuple[HiddenFeature, ...]) -> Drive:
    assert drive.capabilities is not None
    known = msgspec.structs.replace(drive.capabilities, hidden_area_unread=unread)
    return msgspec.structs.replace(drive, capabilities=known)


def _questions(page: Identify) -> Iterator[tuple[HiddenFeature, Callable[[int], int | Unreadable]]]:
    if page.amac:
        yield "amac", lambda fd: _native_max(fd, ata.GET_NATIVE_MAX_EXT)
    elif page.hpa_supported and page.hpa_enabled:
        task = ata.READ_NATIVE_MAX_EXT if page.lba48 else ata.READ_NATIVE_MAX
        yield "hpa", lambda fd: _native_max(fd, task)
    if page.dco:
        yield "dco", _dco


def _native_max(fd: int, task: TaskFile) -> int | Unreadable:
    registers = sat.registers_of(task, _send(fd, sat.pass_through_16(task)))
    return registers if isinstance(registers, Unreadable) else ata.parse_native_max(task, registers)


def _dco(fd: int) -> int | Unreadable:
    data = sat.data_of(ata.DCO_IDENTIFY, _send(fd, sat.pass_through_16(ata.DCO_IDENTIFY), data_in=512))
    return data if isinstance(data, Unreadable) else ata.parse_dco(data)


def _with_hidden(drive: Drive, sizes: list[tuple[HiddenKind, int]], *, told: bool) -> Drive:
    """`sizes`: what each layer shows, from the outermost to the innermost. `told`: whether the native size is known.

    Several layers may hide something: the kind is that of the one which hides most.
    """
    reached = drive.capacity_bytes
    shares: list[tuple[int, HiddenKind]] = []
    for kind, size in sizes:
        shares.append((max(0, size - reached), kind))
        reached = max(reached, size)
    hidden = reached - drive.capacity_bytes
    if not hidden:
        return msgspec.structs.replace(drive, native_capacity_bytes=reached if told else None)
    area = HiddenArea(kind=max(shares, key=lambda share: share[0])[1], bytes=hidden)
    return msgspec.structs.replace(drive, native_capacity_bytes=reached, hidden_area=area)


# --- SCSI ------------------------------------------------------------------------------------------------------


def _translated(fd: int) -> bool:
    """Whether an ATA drive answers behind a SCSI adapter that translates for it."""
    found = scsi.parse_inquiry(_send(fd, scsi.inquiry(), data_in=96).data)
    return not isinstance(found, Unreadable) and found.vendor == scsi.ATA_VENDOR


def _scsi(fd: int, drive: Drive) -> Iterator[Drive]:
    """READ CAPACITY(16) past the kernel's idea of the size, whether it turns, and which kinds of SANITIZE there are."""
    shown = scsi.parse_capacity_16(_good(_send(fd, scsi.read_capacity_16(), data_in=32)))
    if not isinstance(shown, Unreadable):
        drive = _with_hidden(drive, [("unknown", shown.bytes)], told=False)
        yield drive
    rotation = scsi.parse_rotation(_good(_send(fd, scsi.inquiry_page(0xB1), data_in=252)))
    if not isinstance(rotation, Unreadable):
        drive = msgspec.structs.replace(drive, media=_media(rotation, drive.media))
    kinds: tuple[ata.Sanitize, ...] = ("block", "crypto", "overwrite")
    there = [k for k in kinds if _supports(fd, scsi.SANITIZE_ACTIONS[k]) is True]
    yield msgspec.structs.replace(drive, capabilities=Capabilities(sanitize=tuple(there)))


def _supports(fd: int, action: int) -> bool | Unreadable:
    return scsi.parse_supported(_good(_send(fd, scsi.report_supported(scsi.SANITIZE, action), data_in=64)))


def _good(reply: ScsiReply) -> bytes:
    return reply.data if reply.good else b""


def _send(fd: int, cdb: bytes, *, data_in: int = 0) -> ScsiReply:
    """Again only after UNIT ATTENTION, which says that something happened before, and carries the command not out.

    Unanswered where the command did not come back from the device (SG_IO's host status), or the device was busy, is
    becoming ready, or has nothing but attention to offer.
    """
    for _ in range(TRIES):
        reply = passthrough.sg_io(fd, cdb, data_in=data_in, timeout_ms=COMMAND_MS)
        sense = scsi.sense_of(reply)
        if not isinstance(sense, scsi.Sense) or sense.key != scsi.UNIT_ATTENTION:
            break
        time.sleep(0.02)
    if not reply.delivered or (isinstance(sense, scsi.Sense) and _not_yet(sense)):
        raise Unanswered(f"{cdb.hex()}: host status {reply.host_status:02X}h, status {reply.status:02X}h, {sense}")
    return reply


def _not_yet(sense: scsi.Sense) -> bool:
    """Attention, or 02h/04h/01h: in process of becoming ready (SPC-5, annex F)."""
    becoming_ready = (sense.key, sense.asc, sense.ascq) == (scsi.NOT_READY, 0x04, 0x01)
    return sense.key == scsi.UNIT_ATTENTION or becoming_ready


# --- NVMe ------------------------------------------------------------------------------------------------------


def _nvme(fd: int, drive: Drive) -> Iterator[Drive]:
    """Identify Controller and Namespace. Capacity that no namespace has is out of every command's reach: hidden."""
    found = nvme.parse_controller(_admin(fd, nvme.identify_controller()))
    if isinstance(found, Unreadable) or drive.serial not in (None, found.serial):
        return
    numbers = nvme.parse_namespace_list(_admin(fd, nvme.namespace_list()))
    drive = msgspec.structs.replace(
        drive,
        capabilities=Capabilities(
            sanitize=found.sanitize,
            trusted_commands=found.security_commands,
            format=found.format,
            format_crypto=found.format and found.crypto_erase,
            format_all_namespaces=found.format_all or found.erase_all,
            namespaces=None if isinstance(numbers, Unreadable) else len(numbers),
            unallocated_bytes=found.unallocated_capacity,
            replay_protected_units=found.replay_protected_units,
        ),
    )
    yield drive
    mine = nvme.parse_namespace(_admin(fd, nvme.identify_namespace(passthrough.nvme_namespace(fd))))
    shown = drive.capacity_bytes if isinstance(mine, Unreadable) else mine.bytes
    sizes: list[tuple[HiddenKind, int]] = [("unknown", shown), ("unknown", shown + found.unallocated_capacity)]
    yield _with_hidden(drive, sizes, told=not isinstance(mine, Unreadable))


def _admin(fd: int, command: AdminCommand) -> bytes:
    reply = passthrough.nvme_admin(fd, command, timeout_ms=COMMAND_MS)
    if not reply.delivered:
        raise Unanswered(f"command {command.opcode:02X}h: status {reply.status:03X}h")
    return reply.data if reply.good else b""
