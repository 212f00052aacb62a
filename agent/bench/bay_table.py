"""The bay table: every change of a bay goes through `put`, which also lets the world know. The engine's thread only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from agent.bench.alarms import critical
from agent.bench.effects import Effects
from agent.bench.happened import Happened
from agent.errors import LedgerProblem
from agent.jobs.bay import Bay
from agent.messages import Alarm
from agent.phrases import Spoken

log = logging.getLogger("benchwipe.engine")

Answer = Callable[[Spoken, Mapping[str, Bay]], tuple[Spoken, ...]]
"""All that the screen says after this answer to a scan, by what stands in the bays."""


class BayTable:
    """One row for each bay, and the wishes that follow from their changes."""

    def __init__(self, names: Iterable[str], effects: Effects, answer: Answer, *, now: Callable[[], float]) -> None:
        self.bays = {name: Bay(name=name) for name in names}
        self.effects = effects
        self.happened = Happened(now)
        self._answer = answer

    def __getitem__(self, name: str) -> Bay:
        return self.bays[name]

    def put(self, bay: Bay) -> Bay:
        """Put the bay's new row into the table, and show it to everybody."""
        self.note(bay)
        self.tell(self.effects.bay_changed, bay)
        return bay

    def note(self, bay: Bay) -> Bay:
        """Note the bay's new row, where nothing changed that anybody must be shown at once."""
        self.bays[bay.name] = bay
        self.happened.moved(bay)
        return bay

    def others(self, name: str) -> list[Bay]:
        """List all bays but this one."""
        return [bay for bay in self.bays.values() if bay.name != name]

    def alarm(self, name: str, alarm: Alarm | None) -> None:
        """Raise or clear an alarm."""
        self.tell(self.effects.alarm, name, alarm)

    def say(self, key: str, **values: str) -> None:
        """Answer a scan, and say what is expected now: scans alone change that line."""
        self.show(self._answer((key, values), self.bays))

    def show(self, lines: tuple[Spoken, ...]) -> None:
        """Let the screen say this."""
        if lines:
            self.tell(self.effects.say, *lines[0], lines[1] if len(lines) > 1 else None)

    def report(self, key: str, **values: str) -> None:
        """Tell what happened, in a line of its own: it hides nothing, and nothing hides it."""
        self.happened.add((key, values), self.bays)
        self.tell(self.effects.report, key, values)

    def tell(self, wish: Callable[..., None], *values: object) -> None:
        """Tell a wish. One that cannot be carried out does not keep the engine from what it does next."""
        try:
            wish(*values)
        except Exception:  # the edge to the devices: their defects are not the bays'
            log.exception("a wish was not carried out: %s", getattr(wish, "__name__", wish))

    def guarded(self, step: Callable[..., object], *values: object) -> None:
        """Run one step of the engine. A defect of ours costs this step, is said, and ends no work in any bay."""
        try:
            step(*values)
        except LedgerProblem as problem:  # the books have raised the alarm; whatever failed is tried again
            log.debug("not now: %s", problem)
        except Exception as error:  # the engine's handler: see the docstring
            log.exception("%s was not handled", getattr(step, "__name__", "an event"))
            self.alarm("engine", critical("BW-A90", f"{type(error).__name__}: {error}"))
