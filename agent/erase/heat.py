"""How hot a drive may become. Pure: (policy's limits, the kind of drive, what it says of itself) -> limits.

A limit of the policy stands; where it has none, the drive's own limit; where the drive tells none, that of its kind:
disks that turn 60/55/65 degrees Celsius (pause, go on, abort), flash 75/70/85. The drive's own limits are never
exceeded, whatever the policy says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.erase import Limits
from drivers.drives.drive import Media

COOLER_BY = 5.0


@dataclass(frozen=True)
class Heat:
    """Degrees Celsius."""

    pause: float
    abort: float


DISK, FLASH = Heat(60, 65), Heat(75, 85)
OF_KIND: Mapping[Media, Heat] = {"hdd": DISK, "unknown": DISK, "flash": FLASH, "ssd": FLASH, "nvme": FLASH}


def heat_limits(limits: Limits, media: Media, health: Mapping[str, Any] | None) -> Limits:
    """Fill the three temperatures into the limits; `health` as from drivers/drives/smartctl.py."""
    usual, said = OF_KIND[media], health or {}
    own_pause = _degrees(said.get("temperature_limit_c"))
    own_abort = _degrees(said.get("temperature_critical_c"))
    if own_pause is None and own_abort is not None:
        own_pause = own_abort - COOLER_BY
    if own_abort is None and own_pause is not None:
        own_abort = max(own_pause + COOLER_BY, usual.abort)
    pause = _lowest(limits.pause_at_c, own_pause) or usual.pause
    abort = _lowest(limits.abort_at_c, own_abort) or usual.abort
    resume = limits.resume_at_c if limits.resume_at_c is not None else pause - COOLER_BY
    return msgspec.structs.replace(
        limits, pause_at_c=min(pause, abort), resume_at_c=min(resume, pause, abort), abort_at_c=abort
    )


def _lowest(*values: float | None) -> float | None:
    return min((v for v in values if v is not None), default=None)


def _degrees(value: object) -> float | None:
    """What a drive may sensibly say; some tell 0 or 255 for "not set"."""
    return float(value) if isinstance(value, (int, float)) and 40 <= value <= 120 else None
