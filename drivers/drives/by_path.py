"""Ports of this machine, as links that udev keeps: which disk stands in which. Follows links, and opens nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from drivers.drives.ports import canonical, names

_PART = re.compile(r"-part\d+$")


def find(by_path: Path, port: str) -> Path:
    """Find the path under which this port's drive would be. An absolute port is itself."""
    paths = [by_path / name for name in names(port)]
    return next((path for path in paths if os.path.lexists(path)), paths[0])


def whole_disks(by_path: Path) -> Mapping[str, Path]:
    """Map every port that udev knows now to its path: of several names of one disk the one that says most."""
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
