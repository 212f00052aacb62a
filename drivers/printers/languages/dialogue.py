"""How a printer is asked how it is, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class PrinterStatus:
    """What a printer says of itself. `ready` None: it does not tell. `waiting`: labels that it has not printed yet."""

    ready: bool | None
    problems: tuple[str, ...] = ()
    waiting: int | None = None

    def __str__(self) -> str:
        words = {True: "ready", False: "not ready", None: "it does not tell"}
        return ", ".join(self.problems) or words[self.ready]


@dataclass(frozen=True)
class Dialogue:
    """A status query. `parse` gives None while the reply is not whole; `silent_means` is what no reply at all tells."""

    query: bytes
    parse: Callable[[bytes], PrinterStatus | None]
    silent_means: str
