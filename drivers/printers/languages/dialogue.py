"""How a printer is asked how it is, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class PrinterStatus:
    """What a printer says of itself. `ready` None: it does not tell. `waiting`: labels that it has not printed yet.

    `gone`: its line is cut; asking again on the same one is of no use.
    """

    ready: bool | None
    problems: tuple[str, ...] = ()
    waiting: int | None = None
    gone: bool = False

    def __str__(self) -> str:
        words = {True: "ready", False: "not ready", None: "it does not tell"}
        return ", ".join(self.problems) or words[self.ready]


@dataclass(frozen=True)
class Completion:
    """How a printer says that it is done with a label, where its status answers at once whatever waits in its buffer.

    `query` is sent behind the label and waits its turn there; empty: the printer speaks by itself. `parse` gives None
    while nothing is decided, ready when the label is done, and not ready where the printing broke off.
    """

    query: bytes
    parse: Callable[[bytes], PrinterStatus | None]


@dataclass(frozen=True)
class Dialogue:
    """A status query. `parse` gives None while the reply is not whole; `silent_means` is what no reply at all tells.

    `shows_printing`: the status says when it prints, and nothing else does: only a printing that was seen, and then
    ended, proves a label.
    """

    query: bytes
    parse: Callable[[bytes], PrinterStatus | None]
    silent_means: str
    completion: Completion | None = None
    shows_printing: bool = False
