"""How much a station may waste. Pure: the time is handed in.

A message that does not verify, or that is stored already, costs the intake as much as a certificate. A station that
sends nothing else, broken or hostile, would take the others' turns: once its budget is spent its messages are passed
over, unread and without a receipt, at the speed of the wire. New certificates cost nothing of it: a bench that comes
back with a year's work in its outbox is what the collector is for.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

BURST = 2_000
"""Useless messages at once: more than a lawful station has on their way (16), by far."""
PER_SECOND = 20.0
MOST_STATIONS = 5_000


@dataclass
class _Purse:
    left: float
    at: float


class Budget:
    """What each station has left. Not for two threads at once."""

    def __init__(self, burst: float = BURST, per_second: float = PER_SECOND) -> None:
        self._burst, self._per_second = burst, per_second
        self._purses: OrderedDict[str, _Purse] = OrderedDict()

    def spend(self, station: str, messages: int, now: float) -> None:
        """Take useless messages off a station's budget."""
        purse = self._purse(station, now)
        purse.left = max(purse.left - messages, -self._burst)
        while len(self._purses) > MOST_STATIONS:
            self._purses.popitem(last=False)

    def spent(self, station: str, now: float) -> bool:
        """Say whether the station has nothing left."""
        return station in self._purses and self._purse(station, now).left <= 0

    def _purse(self, station: str, now: float) -> _Purse:
        purse = self._purses.pop(station, None) or _Purse(self._burst, now)
        purse.left = min(self._burst, purse.left + (now - purse.at) * self._per_second)
        purse.at = now
        self._purses[station] = purse
        return purse
