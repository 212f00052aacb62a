"""A dock that nobody can control: a USB cradle, a cable. The technician plugs, the station only watches."""

from __future__ import annotations

from typing import Annotated

import msgspec

from drivers.docks.base import Dock


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many slots it has."""

    slots: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1


class Driver(Dock):
    """Can nothing, and so is asked for nothing."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.slots = settings.slots

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""
