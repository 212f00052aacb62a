"""Which bus a drive shares with others: the nearest thing above it in sysfs that carries the data of several."""

from __future__ import annotations

import re

_SHARED: tuple[re.Pattern[str], ...] = (
    # A USB device's parent: the hub that it is plugged into, or the controller's own (usbN). The bays of one bridge are
    # LUNs of one device.
    re.compile(r"(.*/usb\d+(?:/[\d.-]+)*)/[\d.-]+/[\d.-]+:\d+\.\d+/"),
    re.compile(r"(.*?/expander-\d+:\d+)/"),  # SAS: the outermost one, whose wide port leads to the adapter
    re.compile(r"(.*/ata\d+)/"),  # a port multiplier; a drive on a port of its own is there alone
)


def bus_of(folder: str) -> str:
    """Name the bus of the drive whose folder in /sys/devices this is. Empty where it shares none that is known."""
    found = next((match for pattern in _SHARED if (match := pattern.match(folder))), None)
    return found[1] if found else ""
