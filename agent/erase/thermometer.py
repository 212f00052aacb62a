"""A drive's temperature while it is worked on, and whether there is any: without one nothing protects it from heat."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal

from agent.erase.heat import heat_limits
from agent.erase.spec import Limits
from drivers.drives.drive import Drive

log = logging.getLogger("benchwipe.worker")

# Of the monitor's questions, one every ten seconds; the first comes at once after `before`. Each starts a program.
SOON = (2, 3, 4)  # a drive that slept tells it by then
SELDOM = 30


class Thermometer:
    """Asked by the monitor's own thread. A drive that tells no temperature is said once, and asked again, seldom."""

    def __init__(
        self,
        drive: Drive,
        ask: Callable[[], Mapping[str, Any] | None],
        before: Mapping[str, Any] | None,
        limits: Limits,
    ) -> None:
        """`before`: what the drive said of its health when it was asked first; `limits`: the policy's."""
        self._drive, self._ask, self._policy = drive, ask, limits
        self._asked = 0
        self._health_known = before is not None
        self.there = (before or {}).get("temperature_c") is not None
        self.limits = heat_limits(limits, drive.media, before)
        if before is not None and not self.there:
            log.warning("%s tells no temperature: heat protection is off", drive.device)

    def __call__(self) -> float | None:
        """Degrees Celsius; None where the drive tells none now."""
        self._asked += 1
        if not self.there and self._asked not in SOON and self._asked % SELDOM:
            return None
        said = self._ask() or {}
        celsius: float | None = said.get("temperature_c")
        if celsius is not None and not self.there:
            self.there, self.limits = True, heat_limits(self._policy, self._drive.media, said)
            log.warning("%s tells its temperature now, %.0f C: heat protection is on", self._drive.device, celsius)
        return celsius

    @property
    def protection(self) -> Literal["on", "off"] | None:
        """Whether heat could have paused or stopped the work; None where the drive tells nothing of its health."""
        if self.there:
            return "on"
        return "off" if self._health_known else None
