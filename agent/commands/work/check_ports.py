"""Ports of a configuration's bays: which cannot be, which are still the example's, and which have nothing in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from agent.commands.work.bay_rules import BY_PATH, PORT, block_bays
from agent.errors import SettingsError
from agent.settings import Device, Settings
from drivers import registry
from drivers.errors import DriverError

EXAMPLE = frozenset(f"pci-0000:00:14.0-usb-0:1.{n}:1.0-scsi-0:0:0:0" for n in range(1, 5))
"""The ports of config/station.example.toml."""
# What path_id begins a name with (udev-builtin-path_id.c): the bus that the drive's controller stands on.
KIND = re.compile(r"(?:pci|platform|acpi|ccw|ap|vmbus|xen|virtio|usb(?:v\d)?|fc|ip|scm|nst|bcma|pmac)-.*[:-].+")
PCI = re.compile(r"pci-([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f])(?:-|$)")
LEARN = "`sudo benchwipe bays learn` finds those of this bench"


class BayRow(msgspec.Struct, frozen=True, kw_only=True):
    """A bay, and whether a drive stands in its port now; None where nobody could say."""

    bay: str
    port: str
    line: int | None = None
    drive: bool | None


def rows(settings: Settings, lines: Mapping[str, int]) -> list[BayRow]:
    """Look into every bay. Nothing is opened."""
    there = _present(settings)
    return [
        BayRow(
            bay=bay.name,
            port=bay.port,
            line=lines.get(f"bay[{i}].port"),
            drive=bay.port in found if (found := there.get(bay.source)) is not None else None,
        )
        for i, bay in enumerate(settings.bay)
    ]


def problems(settings: Settings, found: list[BayRow], *, as_service: bool, root: Path = Path("/")) -> Iterator[str]:
    """Find the ports that no drive will ever come to: one line for each."""
    if _untouched(settings, found):
        yield f"bay[0].port: the bays are still those of the shipped example; {LEARN}"
        return
    named = {source.name: source for source in settings.source}
    for i, (bay, row) in enumerate(zip(settings.bay, found, strict=True)):
        source = named.get(bay.source)
        usual = source is None or (source.driver == "block" and "by_path" not in source.settings)
        if usual and not row.drive and (why := _impossible(bay.port.removeprefix(BY_PATH), root)):
            yield f"bay[{i}].port = {bay.port!r}: {why}; {LEARN}"
    if as_service:
        try:
            block_bays(settings)
        except SettingsError as error:
            yield from error.problems


def _impossible(port: str, root: Path) -> str:
    """Why no drive can stand there; empty where one may."""
    if port.startswith("/"):
        path = Path(port)
        if not port.startswith("/dev/") or ".." in path.parts:
            return f"allowed is a name in {BY_PATH} or a device under /dev"
        return "that is no drive, but something else" if path.exists() and not path.is_block_device() else ""
    if re.search(r"-part\d+$", port):
        return "that is a partition; a bay is a port, whose name ends before -part"
    if not PORT.fullmatch(port) or not KIND.fullmatch(port):
        return (
            f"no port is called so; allowed is a name in {BY_PATH}, such as pci-0000:00:14.0-usb-0:1.2:1.0-scsi-0:0:0:0"
        )
    controller = PCI.match(port)
    if controller and not (root / "sys/bus/pci/devices" / controller[1]).exists():
        return f"this machine has no controller {controller[1]}"
    return "" if controller or not port.startswith("pci-") else "that is no PCI address"


def _untouched(settings: Settings, found: list[BayRow]) -> bool:
    """The example's bays, under the example's name, and never a drive in them."""
    ports = {bay.port for bay in settings.bay}
    return bool(ports) and ports <= EXAMPLE and settings.station.id == "bench-01" and not any(r.drive for r in found)


def _present(settings: Settings) -> dict[str, frozenset[str]]:
    """By the source's name, the ports that hold a drive now. A source that cannot be asked is told as a device."""
    sources = {"block": Device(name="block", driver="block"), **{s.name: s for s in settings.source}}
    found = {}
    for name, source in sources.items():
        mine = frozenset(bay.port for bay in settings.bay if bay.source == name)
        try:
            if mine:
                found[name] = _ask(source, mine)
        except (DriverError, OSError):
            continue
    return found


def _ask(source: Device, ports: frozenset[str]) -> frozenset[str]:
    driver = registry.load("drives", source.driver, source.settings, where=source.name)
    return frozenset(driver.present(ports))
