"""Lights of backplanes that `ledctl` (ledmon) knows: SGPIO, SES-2, VMD, NPEM. Lights only; nothing reads them back.

`ledctl` finds a slot by the drive that stands in it, so an empty bay's light cannot be set; its wish is let go. It
needs root, and ledmon must not run beside it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from drivers.deadline import Deadline
from drivers.docks.base import Light, Lights
from drivers.program import run
from drivers.senses import Senses

PATTERNS: Mapping[Light, str] = {
    Light.OFF: "normal",
    Light.READY: "normal",
    Light.WORKING: "rebuild",
    Light.ATTENTION: "locate",
    Light.DONE: "hotspare",
    Light.FAILED: "failure",
}


STEADY: Mapping[Light, str] = {**dict.fromkeys(Light, "normal"), Light.ATTENTION: "failure", Light.FAILED: "failure"}
"""Where nothing may blink: of SFF-8489's patterns only these two do not."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`ports`: of slot 1, 2, .. as the bays have them (names under /dev/disk/by-path, or absolute paths)."""

    ports: Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1)], ...], msgspec.Meta(min_length=1)]
    program: str = "ledctl"
    by_path: str = "/dev/disk/by-path"


class Driver(Lights):
    """`--listed-only`: without it every light that is not named goes out."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.slots = len(settings.ports)
        self._settings = settings
        self._patterns = PATTERNS

    def adjust(self, senses: Senses) -> None:
        """Choose patterns that blink, or that do not: how fast one blinks is the backplane's own."""
        self._patterns = STEADY if senses.blinking == "off" else PATTERNS

    def probe(self, *, within: Deadline) -> None:
        """Check that the program is there."""
        run([self._settings.program, "--version"], device=self.name, within=within)

    def set_light(self, slot: int, light: Light, *, within: Deadline) -> None:
        """Set a pattern of SFF-8489 (IBPI)."""
        self.require(slot)
        drive = os.path.realpath(Path(self._settings.by_path) / self._settings.ports[slot - 1])
        if os.path.exists(drive):
            words = [self._settings.program, "--listed-only", f"{self._patterns[light]}={drive}"]
            run(words, device=self.name, within=within)

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""
