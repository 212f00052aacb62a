"""What the scans so far have set: who is signed in, for whom, and what is expected. The engine's thread only.

The scan desk changes it. What else happens at the bench changes no more than what has become untrue by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.certificates.record import Customer, Operator
from agent.jobs.bay import Bay
from agent.phrases import Spoken
from agent.scan.context import Context, fresh, turned
from agent.scan.prompt import hear, prompt
from agent.settings import Settings


@dataclass(frozen=True)
class Terms:
    """On what terms a drive is taken now. `complete`: nobody has to scan a badge or a lot first."""

    operator: Operator | None
    customer: Customer | None
    policy: str
    complete: bool


class Conversation:
    """The scan desk's context. Any thread may read it: it is frozen, and replaced, never changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.context = fresh(settings)
        self.shown: tuple[Spoken, ...] = ()
        self._seats: dict[str, str] = {}  # scanner -> badge that was scanned there last, "" after LOG OUT

    def use(self, settings: Settings) -> None:
        """Go by other settings from now on."""
        self._settings = settings

    def recall(self, places: tuple[Context, ...]) -> None:
        """Have the places of people who had begun something when the power was cut: they have yet to sign in."""
        self.context = replace(self.context, away=places)

    def terms(self) -> Terms:
        """Return what a drive that is planned now is planned by."""
        operator, customer = self.context.on_job()
        policy = self.context.policy(self._settings)
        return Terms(operator, customer, policy, complete=self.context.missing(self._settings) is None)

    def seated(self, scanner: str) -> Context:
        """Return the place of whoever scanned a badge at this scanner last.

        One where nobody ever did, a keypad for instance, goes with the person that the screen is turned to.
        """
        if scanner not in self._seats:
            return self.context
        return turned(self.context, self._seats[scanner], self._settings)

    def take_seat(self, scanner: str, before: str) -> None:
        """Note who works at this scanner from now on; `before`: the badge of who did.

        Whoever logs out leaves every scanner: what is scanned there next is nobody's, and not theirs.
        """
        if scanner:
            self._seats[scanner] = self.context.badge
        if not self.context.badge:
            self._seats |= dict.fromkeys((at for at, badge in self._seats.items() if badge == before), "")

    def answer(self, said: Spoken, bays: Mapping[str, Bay]) -> tuple[Spoken, ...]:
        """Answer a scan, and return all that the screen says now. What it names no more is forgotten."""
        self.context = hear(self.context, said, bays)
        return self._show(bays)

    def again(self, bays: Mapping[str, Bay]) -> tuple[Spoken, ...]:
        """Return what the screen says now, if it is something else than before: nothing stays that became untrue."""
        before = self.shown
        return now if (now := self._show(bays)) != before else ()

    def _show(self, bays: Mapping[str, Bay]) -> tuple[Spoken, ...]:
        self.context, self.shown = prompt(self.context, bays, self._settings)
        return self.shown
