"""Names of ports, as udev's path_id makes them (udev-builtin-path_id.c): a place in the machine, whatever stands there.

One place may have two names. ATA: `...-ata-1.0`, and `...-ata-1` of older versions. USB: `...-usbv3-0:1:...` of systemd
255 and newer, and `...-usb-0:1:...`, which the USB 2 and the USB 3 side of one controller share although their ports
are not the same place. Two slots of one USB bridge are two ports: they differ in the last number, the LUN.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

BY_PATH = Path("/dev/disk/by-path")
_ATA = re.compile(r"(-ata-\d+)(\.0)?$")
_PART = re.compile(r"-part\d+$")
_USB = re.compile(r"(?:pci-([0-9a-f:.]+)-)?usb(?:v\d)?-\d+:([\d.]+:\d+\.\d+)")
_USB_FOLDER = re.compile(r"/\d+-([\d.]+:\d+\.\d+)/")


def canonical(port: str) -> str:
    """The one name that all names of this place have in common; two bays may not share it."""
    return _ATA.sub(r"\1.0", port.removeprefix(f"{BY_PATH}/"))


def names(port: str) -> tuple[str, ...]:
    """The given name first, then the others that udev may have given the same place."""
    full = canonical(port)
    return tuple(dict.fromkeys((port, full, _ATA.sub(r"\1", full))))


def find(by_path: Path, port: str) -> Path:
    """The path under which this port's drive would be; an absolute port is itself."""
    paths = [by_path / name for name in names(port)]
    return next((path for path in paths if os.path.lexists(path)), paths[0])


def elsewhere(port: str, folder: str) -> bool:
    """Whether the disk that sysfs describes in `folder` stands in another USB port. False where one of them is none.

    udev may take a link away late: until then it leads to whichever disk has got the name of the one before.
    """
    place, stands = _USB.search(port), _USB_FOLDER.findall(folder)
    if place is None or not stands:
        return False
    controller, at = place.groups()
    return stands[-1] != at or (controller is not None and f"/{controller}/" not in folder)


def whole_disks(by_path: Path) -> Mapping[str, Path]:
    """Every port that udev knows now -> its path: of several names of one disk the one that says most."""
    try:
        links = sorted(link for link in by_path.iterdir() if not _PART.search(link.name))
    except OSError:  # no folder: no disk has a port
        return {}
    best: dict[str, Path] = {}
    for link in links:
        disk = os.path.realpath(link)
        if disk not in best or _says(link.name) > _says(best[disk].name):
            best[disk] = link
    return {link.name: link for link in best.values()}


def _says(name: str) -> tuple[bool, bool]:
    return "-usbv" in name, name == canonical(name) and "-ata-" in name
