"""Who a block device is, from what the kernel and udev already know: sysfs and /run/udev/data.

Every function takes the root of the file system, so that trees shaped as other machines make them can be read too.
Nothing here opens a device.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

from drivers.drives._identities import believable
from drivers.drives._names import naa, named_wwn, printable, vpd_text, vpd_wwn, wwn_of
from drivers.drives.drive import IdentitySource, Media
from firmware_bridge import ata
from firmware_bridge.reply import Unreadable

ROOT = Path("/")
NAMESPACE = re.compile(r"nvme\d+n\d+")
SECTOR = 512  # sysfs counts sizes in 512-byte units, whatever the device's block is


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a Drive that is not a size."""

    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    wwn: str | None = None
    told: str = ""
    """What it told in place of a serial number, and what many others tell too."""
    firmware: str | None = None
    transport: str = "unknown"
    media: Media = "unknown"
    removable: bool = False
    identity_source: IdentitySource = "drive"
    bridge: str | None = None
    lun: int | None = None


class AtaIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What IDENTIFY DEVICE says (ACS-3, 7.12.7): None where a word is empty."""

    model: str | None
    serial: str | None
    firmware: str | None
    wwn: str | None
    rotation: int
    told: str = ""


def text(path: Path) -> str:
    """Read the attribute without surrounding blanks. Empty where it is absent or unreadable."""
    return printable(blob(path))


def text_lines(path: Path) -> list[str]:
    """Read the lines of a file of /proc that holds `key:<tab>value`. Nothing where it is absent or unreadable."""
    return [line for line in blob(path).decode(errors="replace").split("\n") if ":\t" in line]


def blob(path: Path) -> bytes:
    """Read the attribute's bytes. Empty where it is absent or unreadable."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def folder_of(number: str, root: Path = ROOT) -> Path | None:
    """Find where sysfs describes the device with this major:minor. None when there is none."""
    folder = Path(os.path.realpath(root / "sys/dev/block" / number))
    return folder if (folder / "dev").exists() else None


def device_name(folder: Path) -> str:
    """Tell the kernel's name of the device, as it stands under /dev (sysfs writes `!` for `/`)."""
    return folder.name.replace("!", "/")


def disk_sequence(folder: Path) -> int | None:
    """Read the kernel's number for this appearance of the disk. None before Linux 5.15."""
    found = text(folder / "diskseq")
    return int(found) if found.isdecimal() else None


def siblings(number: str, root: Path = ROOT) -> tuple[Path, ...]:
    """Find the other namespaces of an NVMe drive.

    They are beside it under its controller, or under its subsystem (multipath).
    """
    folder = folder_of(number, root)
    if folder is None or not NAMESPACE.fullmatch(folder.name):
        return ()
    others = (f for f in folder.parent.iterdir() if NAMESPACE.fullmatch(f.name) and f.name != folder.name)
    return tuple(sorted(f for f in others if (f / "dev").exists()))


def list_drives(root: Path = ROOT) -> tuple[str, ...]:
    """List the /dev paths of the whole disks that this machine has.

    No partitions, no empty loops, nothing kept in memory.
    """
    folders = sorted((root / "sys/block").iterdir()) if (root / "sys/block").is_dir() else []
    kept = [f for f in folders if not f.name.startswith(("zram", "ram")) and text(f / "hidden") != "1"]
    return tuple(f"/dev/{device_name(f)}" for f in kept if size_bytes(f) or _fixed_scsi(f))


def _fixed_scsi(folder: Path) -> bool:
    """A SCSI disk of size 0: Linux shows drives with sectors of 520 or 528 bytes so (drivers/scsi/sd.c)."""
    return (folder / "device/vpd_pg80").exists() and text(folder / "removable") == "0"


def appearance(number: str, folder: Path, root: Path = ROOT) -> str:
    """Tell what no other stay of any drive in this machine has.

    It is the boot, the number, and its disk sequence or sysfs inode. Only that tells drives apart that tell no
    identity themselves. Empty where it is not known.
    """
    boot, sequence = text(root / "proc/sys/kernel/random/boot_id"), disk_sequence(folder)
    try:
        stay = f"i{folder.stat().st_ino}" if sequence is None else str(sequence)
    except OSError:
        return ""
    return f"{boot}/{number}/{stay}" if boot else ""


def size_bytes(folder: Path) -> int:
    """Read the capacity in bytes. 0 where no medium is in it."""
    found = text(folder / "size")
    return int(found) * SECTOR if found.isdecimal() else 0


def written_bytes(number: str, root: Path = ROOT) -> int | None:
    """Count the bytes written to the whole disk since it appeared.

    It is the kernel's count; None where it does not count them.

    `stat`'s seventh field: sectors of 512 bytes, whatever the device's block is, of every write request that ended,
    well or not, through whatever node or partition. Discards, flushes and commands passed through stand elsewhere.
    """
    folder = folder_of(number, root)
    if folder is None or text(folder / "queue/iostats") != "1":
        return None
    fields = text(folder / "stat").split()
    return int(fields[6]) * SECTOR if len(fields) > 6 and fields[6].isdecimal() else None


def identify(number: str, root: Path = ROOT) -> Identity:
    """Gather everything that sysfs and udev say of the whole disk with this number.

    Raise FileNotFoundError when it is gone.
    """
    folder = folder_of(number, root)
    if folder is None:
        raise FileNotFoundError(number)
    transport = transport_of(str(folder))
    match transport:
        case "nvme":
            return _nvme(folder)
        case "mmc":
            return _mmc(folder)
        case "virtio":
            serial, told = _named(text(folder / "serial"))
            return Identity(model="virtio disk", serial=serial, told=told, transport=transport)
        case "loop":
            return Identity(model="loop", transport=transport)
        case "virtual":
            return Identity(transport=transport)
        case _:
            return _scsi(folder, transport, udev_properties(number, disk_sequence(folder), root))


# The first that fits: a USB disk's path also has a host, a SAS disk's path also has a PCI device.
TRANSPORTS: tuple[tuple[str, str], ...] = (
    (r"/virtual/block/loop\d+$", "loop"),
    (r"/nvme", "nvme"),
    (r"/virtual/", "virtual"),
    (r"/usb\d+/", "usb"),
    (r"/mmc_host/", "mmc"),
    (r"/end_device-|/sas_", "sas"),
    (r"/ata\d+/", "ata"),
    (r"/session\d+/", "iscsi"),
    (r"/host\d+/", "scsi"),
    (r"/virtio\d+/", "virtio"),
)


def transport_of(folder: str) -> str:
    """Tell how the drive is reached, by its place in the tree of devices."""
    return next((name for pattern, name in TRANSPORTS if re.search(pattern, folder)), "unknown")


def _nvme(folder: Path) -> Identity:
    device = folder / "device"
    serial, told = _named(text(device / "serial"))
    return Identity(
        model=text(device / "model") or None,
        serial=serial,
        told=told,
        # Two namespaces of one controller share its serial: only this tells them apart.
        wwn=named_wwn(text(folder / "wwid")),
        firmware=text(device / "firmware_rev") or None,
        transport="nvme",
        media="nvme",
        lun=max(0, int(found) - 1) if (found := text(folder / "nsid")).isdecimal() else None,
    )


def _mmc(folder: Path) -> Identity:
    device = folder / "device"
    serial, told = _named(text(device / "serial"))
    return Identity(
        vendor=text(device / "manfid") or None,
        model=text(device / "name") or None,
        serial=serial,
        told=told,
        wwn=named_wwn(text(device / "cid")),
        firmware=text(device / "fwrev") or None,
        transport="mmc",
        media="flash",
        removable=text(device / "type") == "SD",
    )


def _scsi(folder: Path, transport: str, udev: Mapping[str, str]) -> Identity:
    device = folder / "device"
    ata = ata_identity(blob(device / "vpd_pg89")[60:]) or _ata_of_udev(udev)
    usb = _usb_device(folder) if transport == "usb" else None
    removable = text(folder / "removable") == "1"
    maker = text(usb / "idVendor") if usb else ""
    second = _usb_serial(usb) if usb else udev.get("ID_SERIAL_SHORT", "")
    serial, told = _named(ata.told if ata else "", vpd_text(blob(device / "vpd_pg80")), second, maker=maker)
    return Identity(
        vendor=_vendor(text(device / "vendor"), ata),
        model=(ata and ata.model) or text(device / "model") or None,
        serial=(ata and ata.serial) or serial,
        told=told,
        wwn=(ata and ata.wwn) or vpd_wwn(blob(device / "vpd_pg83")) or naa(text(device / "wwid")),
        firmware=(ata and ata.firmware) or text(device / "rev") or None,
        transport=transport,
        media=_media(folder, transport, ata, removable=removable),
        removable=removable,
        identity_source="bridge" if usb is not None and not (ata and ata.serial) else "drive",
        bridge=_bridge(usb) if usb is not None else None,
        # A bridge's LUN is its slot: a drive that says itself who it is stays the same in any.
        lun=0 if ata and ata.serial else lun_of(folder),
    )


def lun_of(folder: Path) -> int | None:
    """Read the last part of host:channel:target:lun, below which the disk stands. None where it is no SCSI disk."""
    found = re.fullmatch(r"\d+:\d+:\d+:(\d+)", folder.parent.parent.name)
    return int(found[1]) if found else None


def _vendor(inquiry: str, ata: AtaIdentity | None) -> str | None:
    """libata answers "ATA" for every drive behind it: that names a protocol, nobody."""
    return None if inquiry in ("", "ATA") or (ata and ata.model) else inquiry


def _media(folder: Path, transport: str, ata: AtaIdentity | None, *, removable: bool) -> Media:
    rotation = (ata and ata.rotation) or int.from_bytes(blob(folder / "device/vpd_pgb1")[4:6], "big")
    if rotation:
        return "ssd" if rotation == 1 else "hdd" if rotation >= 0x401 else "unknown"
    if transport == "usb" and removable:
        return "flash"
    # The kernel says "rotational" also of a drive that does not say: that is nobody's word.
    return "ssd" if text(folder / "queue/rotational") == "0" else "unknown"


# --- what drives and bridges say of themselves ---------------------------------------------------------------


def ata_identity(data: bytes) -> AtaIdentity | None:
    """Parse the 512 bytes of IDENTIFY DEVICE, as VPD page 89h carries them from its byte 60.

    None where there are none.
    """
    found = ata.parse_identify(data)
    if isinstance(found, Unreadable):
        return None
    return AtaIdentity(
        model=found.model or None,
        serial=believable(found.serial),
        firmware=found.firmware or None,
        wwn=wwn_of(found.wwn),
        rotation=found.rotation,
        told=found.serial,
    )


def _ata_of_udev(udev: Mapping[str, str]) -> AtaIdentity | None:
    """What udev's ata_id read from the drive itself, through its bridge if there is one."""
    if udev.get("ID_ATA") != "1":
        return None
    rpm = udev.get("ID_ATA_ROTATION_RATE_RPM", "")
    rotation = {"": 0, "0": 1}.get(rpm, int(rpm) if rpm.isdecimal() else 0)
    model = re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), udev.get("ID_MODEL_ENC", ""))
    return AtaIdentity(
        model=model.strip() or udev.get("ID_MODEL") or None,
        serial=believable(udev.get("ID_SERIAL_SHORT", "")),
        firmware=udev.get("ID_REVISION") or None,
        wwn=naa(udev.get("ID_WWN", "").replace("0x", "naa.")),
        rotation=rotation,
        told=udev.get("ID_SERIAL_SHORT", ""),
    )


def udev_properties(number: str, sequence: int | None, root: Path = ROOT) -> Mapping[str, str]:
    """Read what udev remembers of the device. Nothing where its entry is for another disk that had this number."""
    lines = blob(root / "run/udev/data" / f"b{number}").decode(errors="replace").splitlines()
    known = [line.rpartition("/")[2] for line in lines if line.startswith("S:disk/by-diskseq/")]
    if sequence is not None and known and str(sequence) not in known:
        return {}
    pairs = (line[2:].partition("=") for line in lines if line.startswith("E:"))
    return {key: value for key, _, value in pairs}


def _usb_device(folder: Path) -> Path | None:
    return next((p for p in folder.parents if (p / "idVendor").exists()), None)


def _bridge(usb: Path) -> str:
    ids = ":".join(text(usb / key) for key in ("idVendor", "idProduct", "bcdDevice"))
    return " ".join(part for part in (ids, text(usb / "manufacturer"), text(usb / "product")) if part)


def _usb_serial(usb: Path) -> str:
    """The USB serial, unless the bridge has several bays: then it is the same for all, and identifies none."""
    units = {unit.name for unit in usb.glob("*/host*/target*/*:*:*:*")}
    return text(usb / "serial") if len(units) <= 1 else ""


def _named(*found: str, maker: str = "") -> tuple[str | None, str]:
    """The first that names a drive, and "" then; else None, and the first that was told at all.

    `maker`: the bridge's own USB vendor number; what begins with it is its maker's default, on any drive behind it.
    """
    default = re.compile(f"{re.escape(maker)}[0-9A-F]{{8}}", re.IGNORECASE) if maker else None
    serial = next((told for told in found if believable(told) and not (default and default.fullmatch(told))), None)
    return serial, "" if serial else next((told for told in found if told), "")


def folder_at(path: str) -> Path | None:
    """Find where sysfs describes the block device at this path. None where there is none."""
    number = number_at(path)
    return folder_of(number) if number else None


def number_at(path: str) -> str:
    """Find the number (major:minor) of the block device at this path. Empty where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return ""
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}" if stat.S_ISBLK(status.st_mode) else ""


def disk_token(path: str) -> str:
    """Make a token that changes whenever the disk there was exchanged.

    Empty where no whole disk with a medium in it stands.
    """
    folder = folder_at(path)
    if folder is None or (folder / "partition").exists() or not size_bytes(folder):
        return ""
    sequence = disk_sequence(folder)
    try:
        return f"{folder.name}-{folder.stat().st_ino if sequence is None else sequence}"
    except OSError:  # it went while it was looked at
        return ""
