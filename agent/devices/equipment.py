"""The devices that the configuration names, opened: where drives stand, docks, displays and printers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.settings import Settings
from drivers import registry
from drivers.displays.base import Display
from drivers.docks.base import Dock
from drivers.drives.base import DriveSource
from drivers.printers.base import Printer


@dataclass(frozen=True)
class Equipment:
    """The devices of this station but its inputs, by their names in the configuration."""

    sources: Mapping[str, DriveSource]
    docks: Mapping[str, Dock]
    displays: Mapping[str, Display]
    printers: Mapping[str, Printer]

    @property
    def with_threads(self) -> tuple[Dock | Display | Printer, ...]:
        """The devices whose calls may take long: each gets a thread."""
        return (*self.docks.values(), *self.displays.values(), *self.printers.values())


def open_equipment(settings: Settings) -> Equipment:
    """Load every device of the configuration except the inputs. The first that cannot be used: DriverError."""
    sources: dict[str, DriveSource] = {
        item.name: registry.load("drives", item.driver, item.settings, where=f"source.{item.name}")
        for item in settings.source
    }
    if any(bay.source == "block" for bay in settings.bay) and "block" not in sources:
        sources["block"] = registry.load("drives", "block", {}, where="source.block")
    docks = {d.name: registry.load("docks", d.driver, d.settings, where=f"dock.{d.name}") for d in settings.dock}
    displays = {
        d.name: registry.load("displays", d.driver, d.settings, where=f"display.{d.name}") for d in settings.display
    }
    devices: tuple[Dock | Display, ...] = (*docks.values(), *displays.values())
    for device in devices:
        device.adjust(settings.senses)
    return Equipment(
        sources=sources,
        docks=docks,
        displays=displays,
        printers={
            p.name: registry.load("printers", p.driver, p.settings, where=f"printer.{p.name}") for p in settings.printer
        },
    )
