"""What happened at the bench, in lines of their own: none is overwritten within ten seconds. The engine's thread only.

A line stands longer while no newer one came. It goes at once when it is no longer true: another drive stands in its
bay, its bay is planned anew, its label was scanned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from agent.jobs.bay import Bay
from agent.phrases import Spoken
from agent.scan.context import stay
from agent.scan.prompt import names

KEPT_S = 10.0
LASTING = 3  # lines that stay until newer ones come
MOST = 50  # whatever happens within ten seconds


@dataclass(frozen=True)
class Happening:
    """One line. `bay` and `stay`: what stood there when it was said; "" for a line about no bay."""

    said: Spoken
    at: float
    bay: str = ""
    stay: str = ""


class Happened:
    """The lines, newest first. `lines` is replaced, never changed: any thread may read it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.lines: tuple[Happening, ...] = ()

    def add(self, said: Spoken, bays: Mapping[str, Bay]) -> None:
        """Add a line."""
        values = said[1]
        bay = values.get("bay", "") if names(said, values.get("bay", "")) else _bay_of(values.get("number", ""), bays)
        here = bays.get(bay)
        line = Happening(said, self._now(), bay if here else "", stay(here) if here else "")
        self._keep((line, *(old for old in self.lines if old.said != said)))

    def moved(self, bay: Bay) -> None:
        """Remove what was said of another stay in this bay."""
        if any(line.bay == bay.name and line.stay != stay(bay) for line in self.lines):
            self._keep(line for line in self.lines if line.bay != bay.name or line.stay == stay(bay))

    def over(self, name: str, value: str) -> None:
        """Remove what was said of this label, dock or device: it is so no more."""
        self._keep(line for line in self.lines if line.said[1].get(name) != value)

    def _keep(self, lines: Iterable[Happening]) -> None:
        young = self._now() - KEPT_S
        self.lines = tuple(line for n, line in enumerate(lines) if n < LASTING or line.at > young)[:MOST]


def _bay_of(number: str, bays: Mapping[str, Bay]) -> str:
    """The bay whose drive has this label."""
    return next((bay.name for bay in bays.values() if number and bay.certificate_number == number), "")
