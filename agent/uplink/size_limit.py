"""How large a message the broker takes: what it says itself, or what it hangs up on. Pure; times are monotonic seconds.

A broker of MQTT 5 may state a Maximum Packet Size in its CONNACK (MQTT 5.0, 3.2.2.3.6), or refuse a message with 0x95.
One of MQTT 3.1.1 has no word for it and cuts the connection; whoever then sends the same again connects for ever. So
after two connections that were cut with something unanswered, one message at a time is sent; the one that the next
connection is cut on is too large, and so is everything of its size. Once an hour, and after any other end of a
connection, that is tried again: somebody may have mended the broker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PACKET_TOO_LARGE = 0x95
EXPIRY_BYTES = 5  # the Message Expiry Interval of a PUBLISH (MQTT 5.0, 3.3.2.3.3)
CAREFUL_AFTER = 2  # connections: a broker that is started anew cuts one
NOT_ABOUT_SIZE = 256  # bytes; a line that drops even such messages is broken, and no broker is set so low


@dataclass(frozen=True)
class Bound:
    """The largest packet that the broker takes, in bytes, and how that is known."""

    most: int
    known: str


def packet_bytes(topic: str, payload: bytes, *, five: bool, properties: int = 0) -> int:
    """Count the bytes of a PUBLISH packet of QoS 1: all that Maximum Packet Size counts (MQTT 5.0, 2.1)."""
    rest = 2 + len(topic.encode()) + 2 + (1 + properties if five else 0) + len(payload)
    return 1 + _length_bytes(rest) + rest


def body_bytes(most: int, prefix: str) -> int:
    """Count the bytes that an outbox row's topic and payload may have together, behind a prefix of all topics."""
    return max(0, most - (1 + _length_bytes(most) + 2 + len(prefix.encode()) + 2 + 1))


def _length_bytes(length: int) -> int:
    """How many bytes the Remaining Length takes (MQTT 5.0, 1.5.5)."""
    return 1 + (length > 127) + (length > 16_383) + (length > 2_097_151)


class SizeLimit:
    """What is known of it now. Belongs to the courier's thread."""

    def __init__(self, probe_s: float) -> None:
        self._probe_s = probe_s
        self._stated: int | None = None
        self._learned: Bound | None = None
        self.forget()

    @property
    def careful(self) -> bool:
        """Whether one message at a time may be without an answer, so that it is known which one was too large."""
        return self._strikes >= CAREFUL_AFTER

    @property
    def bound(self) -> Bound | None:
        """What the broker takes; None while nothing says that it does not take all."""
        stated = None if self._stated is None else Bound(self._stated, "it says so itself")
        return min((b for b in (stated, self._learned) if b is not None), key=lambda b: b.most, default=None)

    def most(self, now: float) -> int | None:
        """Return the largest packet that may be sent now; None: any."""
        learned = self._learned.most if self._learned is not None and now < self._probe_at else None
        return min((most for most in (self._stated, learned) if most is not None), default=None)

    def came_up(self, stated: int | None) -> None:
        """Begin a connection, with what the broker stated in its CONNACK."""
        self._stated, self._taken = stated, 0

    def forget(self) -> None:
        """Forget everything: it is another broker from now on."""
        self._stated = self._learned = None
        self._suspect = self._taken = self._strikes = 0
        self._probe_at = 0.0

    def acknowledged(self, size: int) -> None:
        """Note that the broker took a message of this size."""
        self._taken = max(self._taken, size)
        if size >= self._suspect:
            self._learned, self._suspect, self._strikes = None, 0, 0

    def refused(self, size: int, now: float) -> None:
        """Note that the broker refused a message of this size for it (0x95)."""
        self._learn(size, f"it refused one of {size:,} bytes", now)

    def hung_up(self, unanswered: Sequence[int], now: float, *, too_large: bool) -> bool:
        """Note that the connection was cut with messages of these sizes unanswered. Say whether that tells the limit.

        `too_large`: the broker's last word was that (MQTT 5, DISCONNECT).
        """
        suspect, alone = max(unanswered, default=0), self.careful
        if suspect <= max(self._taken, NOT_ABOUT_SIZE):
            self._strikes = self._strikes if self._learned else 0
            self._probe_at = now
            return False
        self._strikes += 1
        if too_large:
            self._strikes = max(self._strikes, CAREFUL_AFTER)
        self._suspect = suspect
        if alone:
            self._learn(suspect, f"it cut {self._strikes} connections, the last on a message of {suspect:,} bytes", now)
        return alone

    def _learn(self, size: int, known: str, now: float) -> None:
        least = min(size - 1, self._learned.most) if self._learned else size - 1
        self._learned, self._suspect, self._probe_at = Bound(least, known), size, now + self._probe_s
