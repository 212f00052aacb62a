"""The bay table: every change of a bay goes through `put`, which also lets the world know. The engine's thread only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from agent.bench.alarms import critical
from agent.bench.effects import Effects
from agent.errors import LedgerProblem
from agent.jobs.bay import Bay
from agent.messages import Alarm
from agent.phrases import Spoken

log = logging.getLogger("benchwipe.engine")

Follow = Callable[[Spoken, Mapping[str, Bay]], Spoken | None]
"""What is said behind a sentence, by what stands in the bays."""


class BayTable:
    """One row for each bay, and the wishes that follow from their changes."""

    def __init__(self, names: Iterable[str], effects: Effects, follow: Follow) -> None:
        self.bays = {name: Bay(name=name) for name in names}
        self.effects = effects
        self._follow = follow

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
        return bay

    def others(self, name: str) -> list[Bay]:
        """List all bays but this one."""
        return [bay for bay in self.bays.values() if bay.name != name]

    def alarm(self, name: str, alarm: Alarm | None) -> None:
        """Raise or clear an alarm."""
        self.tell(self.effects.alarm, name, alarm)

    def say(self, key: str, **values: str) -> None:
        """Tell the technician one thing, and behind it what is expected now (`follow`): nothing may hide that."""
        news = (key, values)
        self.tell(self.effects.say, *news, self._follow(news, self.bays))

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
