"""How loud, bright and restless the bench may be: one answer for every device, as the station's `[senses]` says it.

A device does what it can of it (docs/drivers.md says which can what); none goes beyond it. What a lamp or a sound says
stands in words and shapes too, so that nothing is lost to whoever turns them down.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

BLINK_S: Mapping[str, float] = {"slow": 4.0, "normal": 2.0}
"""Seconds from one flash to the next. WCAG 2.2 (2.3.1) allows three flashes a second at most."""


class Senses(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`brightness` in percent of what a lamp or a display can. `sound`: whether anything of ours may make one."""

    sound: bool = False
    brightness: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    blinking: Literal["off", "slow", "normal"] = "slow"

    def dark(self, now: float) -> bool:
        """Say whether what blinks is dark at this moment (seconds of any clock). Never where nothing blinks."""
        period = BLINK_S.get(self.blinking)
        return period is not None and now % period >= period / 2
