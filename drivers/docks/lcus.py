"""LCUS-x relay boards (CH340, 9600 8N1): `A0 channel op sum`, query `FF` -> one byte (00 or 01) a channel.

Boards whose firmware answers the query with text, or not at all, cannot be read back and are refused by their answer.
"""

from __future__ import annotations

from drivers.deadline import Deadline
from drivers.docks._line import BoardSettings, SerialBoard

QUERY = b"\xff"


class Settings(BoardSettings, frozen=True, forbid_unknown_fields=True):
    """`slots`: the channels that the board has, which is how long its answers are."""


class Driver(SerialBoard):
    """Commands are absolute, and the board says nothing to them: the query tells."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings.slots, settings.port, 9600)

    def switch_power(self, slot: int, on: bool, *, within: Deadline) -> None:
        """Switch the channel absolutely. The board says nothing to it."""
        self._line.send(command(slot, on), within=within)

    def power(self, slot: int, *, within: Deadline) -> bool | None:
        """Ask for the board's own word for the channel."""
        self.require(slot)
        states = self._line.ask(QUERY, self.slots, within=within)
        if set(states) - {0, 1}:
            raise self._line.garbled(states)
        return bool(states[slot - 1])


def command(channel: int, on: bool) -> bytes:
    """Build the bytes that switch a channel: `A0 01 01 A2` is channel 1, on.

    The last byte is the sum of the others.
    """
    body = bytes((0xA0, channel, int(on)))
    return body + bytes((sum(body) & 0xFF,))
