"""KMtronic USB and RS-232 relay boards (9600 8N1): `FF channel 01|00`.

Query: boards of 1 or 2 channels `FF channel 03` -> `FF channel state`; boards of 4 or 8 `FF 09 00` -> a byte a channel.
"""

from __future__ import annotations

from drivers.deadline import Deadline
from drivers.docks._line import BoardSettings, SerialBoard

QUERY_ALL = b"\xff\x09\x00"


class Settings(BoardSettings, frozen=True, forbid_unknown_fields=True):
    """`slots`: the channels that the board has, which is how long its answers are."""


class Driver(SerialBoard):
    """Commands are absolute, and the board says nothing to them: the query tells."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings.slots, settings.port, 9600)

    def switch_power(self, slot: int, on: bool, *, within: Deadline) -> None:
        """Switch the channel absolutely. The board says nothing to it."""
        self._line.send(bytes((0xFF, slot, int(on))), within=within)

    def power(self, slot: int, *, within: Deadline) -> bool | None:
        """Ask for the board's own word for the channel."""
        self.require(slot)
        if self.slots <= 2:
            answer = self._line.ask(bytes((0xFF, slot, 3)), 3, within=within)
            states, head = answer[2:], bytes((0xFF, slot))
        else:
            answer = states = self._line.ask(QUERY_ALL, self.slots, within=within)
            head = b""
        if not answer.startswith(head) or set(states) - {0, 1}:
            raise self._line.garbled(answer)
        return bool(states[0 if self.slots <= 2 else slot - 1])
