"""Which broker is called next, and when the present one is left. Pure; times are monotonic seconds.

Where there are several, each stands for a whole cell: a broker with its collector. One that does not answer, refuses or
cuts gives way to the next in the list. So does one that takes certificates while no receipt comes back, because its
collector is away. Whoever is not at the first goes home after a while, when nothing waits for a receipt.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.settings import BrokerPlace
from agent.uplink.pending import Pending

HELD_BACK = (
    4  # doublings of the patience with brokers of which none brings a receipt: then it is the database that is away
)


class Brokers:
    """The list, and the place in it. Belongs to the courier's thread."""

    def __init__(self, addresses: Sequence[BrokerPlace], *, patience_s: float, home_s: float) -> None:
        self._addresses, self._patience_s, self._home_s = tuple(addresses), patience_s, home_s
        self._place = 0
        self._stood = False
        self._came_up_at = 0.0
        self._left = 0
        """Brokers that were left for want of a receipt, since the last receipt."""

    @property
    def address(self) -> BrokerPlace:
        """The one that is called, or held."""
        return self._addresses[self._place]

    def rounds(self, attempts: int) -> int:
        """Count how often each was called in so many attempts: the waits grow by the round, not by the call."""
        return max(attempts - 1, 0) // len(self._addresses)

    def came_up(self, now: float) -> None:
        """Note that this one took us."""
        self._stood, self._came_up_at = True, now

    def lost(self, now: float) -> bool:
        """Note that there is no connection, or no more. Say whether another one is called next.

        One that had us for a while is called once more first: mostly it is only started again.
        """
        stood, self._stood = self._stood and now - self._came_up_at >= self._patience_s, False
        return False if stood else self._move()

    def leave(self, now: float, pending: Pending) -> str:
        """Leave this one where that is better, and tell why. Empty where it is not left."""
        if len(self._addresses) == 1 or not self._stood:
            return ""
        owed_since, heard_at = pending.oldest(), max(pending.last_answer, self._came_up_at)
        if pending.last_answer > self._came_up_at:
            self._left = 0
        if owed_since is None:
            return self._home(now)
        patience = self._patience_s * 2.0 ** min(self._left // len(self._addresses), HELD_BACK)
        waited = now - max(owed_since, heard_at)
        if waited < patience:
            return ""
        self._left += 1
        self._stood = False
        self._move()
        return f"no receipt within {waited:.0f} s; going on with {self.address}"

    def _home(self, now: float) -> str:
        if not self._place or now - self._came_up_at < self._home_s:
            return ""
        self._stood, self._place = False, 0
        return f"back to {self.address}, the first of the list"

    def _move(self) -> bool:
        self._place = (self._place + 1) % len(self._addresses)
        return len(self._addresses) > 1
