"""What the scans so far have set: who is signed in, for whom, and what is expected. The engine's thread only.

The scan desk changes it; a sentence from anywhere else may end what the screen does not name any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.certificates.record import Customer, Operator
from agent.jobs.bay import Bay
from agent.phrases import Spoken
from agent.scan.context import Context
from agent.scan.prompt import follow
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
        self.context = Context()

    def terms(self) -> Terms:
        """Return what a drive that is planned now is planned by."""
        operator, customer = self.context.on_job()
        policy = self.context.policy(self._settings)
        return Terms(operator, customer, policy, complete=self.context.missing(self._settings) is None)

    def follow(self, news: Spoken, bays: Mapping[str, Bay]) -> Spoken | None:
        """Return what is said behind `news`: what is expected now. What the screen names no more is forgotten."""
        self.context, then = follow(self.context, news, bays, self._settings)
        return then
