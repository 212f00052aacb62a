"""Names of ports, as udev's path_id makes them (udev-builtin-path_id.c): places, whatever stands there. Pure.

One place may have two names. ATA: `...-ata-1.0`, and `...-ata-1` of older versions. USB: `...-usbv3-0:1:...` of systemd
255 and newer, and `...-usb-0:1:...`, which the USB 2 and the USB 3 side of one controller share although their ports
are not the same place. Two slots of one USB bridge are two ports: they differ in the last number, the LUN.
"""

from __future__ import annotations

import re
from pathlib import Path

BY_PATH = Path("/dev/disk/by-path")
_ATA = re.compile(r"(-ata-\d+)(\.0)?$")
_USB = re.compile(r"(?:pci-([0-9a-f:.]+)-)?usb(?:v\d)?-\d+:([\d.]+:\d+\.\d+)")
_USB_FOLDER = re.compile(r"/\d+-([\d.]+:\d+\.\d+)/")


def canonical(port: str) -> str:
    """Form the one name that all names of this place have in common. Two bays may not share it."""
    return _ATA.sub(r"\1.0", port.removeprefix(f"{BY_PATH}/"))


def names(port: str) -> tuple[str, ...]:
    """List the given name first, then the others that udev may have given the same place."""
    full = canonical(port)
    return tuple(dict.fromkeys((port, full, _ATA.sub(r"\1", full))))


def elsewhere(port: str, folder: str) -> bool:
    """Say whether the disk that sysfs describes in `folder` stands in another USB port.

    False where one of them is none. udev may take a link away late: until then it leads to whichever disk has got the
    name of the one before.
    """
    place, stands = _USB.search(port), _USB_FOLDER.findall(folder)
    if place is None or not stands:
        return False
    controller, at = place.groups()
    return stands[-1] != at or (controller is not None and f"/{controller}/" not in folder)
