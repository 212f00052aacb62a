"""A drive's temperature while it is worked on, and whether there is any: without one nothing protects it from heat."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal

log = logging.getLogger("benchwipe.worker")


class Thermometer:
    """Asked by the monitor's own thread. That a drive tells no temperature is said once, and it is not asked again."""

    def __init__(self, device: str, ask: Callable[[], Mapping[str, Any] | None], before: Mapping[str, Any]) -> None:
        """`before`: what the drive said of its health when it was asked first."""
        self._ask = ask
        self.there = before.get("temperature_c") is not None
        if not self.there:
            log.warning("%s tells no temperature: heat protection is off", device)

    def __call__(self) -> float | None:
        """Degrees Celsius; None where the drive tells none now."""
        return (self._ask() or {}).get("temperature_c")

    @property
    def protection(self) -> Literal["on", "off"]:
        """Whether heat could have paused or stopped the work."""
        return "on" if self.there else "off"
