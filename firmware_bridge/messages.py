"""What the dock controller and its host say to each other: typed bodies of frames. docs/controller.md has the tables.

Each class knows its type byte and its layout; `to_body` and `from_body` are all there is to it. Pure values.
"""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass
from typing import ClassVar, Self

from firmware_bridge.controller import wire
from firmware_bridge.errors import BridgeError


class BadBody(BridgeError):
    """A whole frame whose body is not of its type's form: the other end speaks another dialect."""

    code = "BW-F21"
    message = "{name} from the dock controller has a body of {size} bytes"
    hint = "Its firmware is not of this version: docs/controller.md says how to update it."


@dataclass(frozen=True)
class Body:
    """Fields in the order of the wire."""

    KIND: ClassVar[int]
    LAYOUT: ClassVar[str]

    def to_body(self) -> bytes:
        """Pack the bytes. Raise struct.error where a value is outside of its field."""
        return struct.pack(self.LAYOUT, *astuple(self))

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Read them. BadBody if there are too few; more are a later version's, and left alone."""
        size = struct.calcsize(cls.LAYOUT)
        if len(body) < size:
            raise BadBody(name=cls.__name__, size=len(body))
        return cls(*struct.unpack(cls.LAYOUT, body[:size]))


@dataclass(frozen=True)
class Hello(Body):
    """Who is there? Asked in session 0."""

    KIND, LAYOUT = wire.HELLO, "<"


@dataclass(frozen=True)
class Info(Body):
    """Who it is. Protocol versions from `lowest` to `highest`; `uid` has 12 bytes; `capabilities` are wire.CAN_*."""

    KIND, LAYOUT = wire.HELLO | wire.REPLY, wire.INFO_BODY
    lowest: int
    highest: int
    major: int
    minor: int
    patch: int
    hardware: int
    uid: bytes
    bays: int
    capabilities: int
    reset_cause: int

    @property
    def firmware(self) -> str:
        """As people write it."""
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True)
class OpenSession(Body):
    """Begin. 0 for a limit is the controller's own; a limit above that one is not taken."""

    KIND, LAYOUT = wire.OPEN_SESSION, wire.OPEN_BODY
    session: int
    lease_ms: int = wire.DEFAULT_LEASE_MS
    busy_hold_s: int = 0
    max_milliamps: int = 0
    max_decicelsius: int = 0


@dataclass(frozen=True)
class Opened(Body):
    """The session, and what is in force in it."""

    KIND, LAYOUT = wire.OPEN_SESSION | wire.REPLY, wire.OPENED_BODY
    session: int
    lease_ms: int
    busy_hold_s: int
    max_milliamps: int
    max_decicelsius: int


@dataclass(frozen=True)
class Heartbeat(Body):
    """The host is alive: the lease begins anew."""

    KIND, LAYOUT = wire.HEARTBEAT, "<"


@dataclass(frozen=True)
class Beat(Body):
    """So is the controller. `faults` are wire.FAULT_*; `last_event` tells whether one was missed."""

    KIND, LAYOUT = wire.HEARTBEAT | wire.REPLY, wire.BEAT_BODY
    uptime_s: int
    faults: int
    last_event: int


@dataclass(frozen=True)
class SetBay(Body):
    """Outputs of `mask` to `value`, absolutely; refused unless the bay is still at revision `rev`. Bays from 0."""

    KIND, LAYOUT = wire.SET_BAY, wire.SET_BAY_BODY
    bay: int
    mask: int
    value: int
    rev: int


@dataclass(frozen=True)
class Revision(Body):
    """Done: the bay's revision now."""

    KIND, LAYOUT = wire.SET_BAY | wire.REPLY, wire.REV_BODY
    rev: int


@dataclass(frozen=True)
class GetAll(Body):
    """How is everything?"""

    KIND, LAYOUT = wire.GET_ALL, "<"


@dataclass(frozen=True)
class BayState(Body):
    """One bay. Milliamperes and millivolts are wire.NO_MILLI, tenths of a degree wire.NO_TEMPERATURE if unknown."""

    KIND, LAYOUT = wire.GET_ALL | wire.REPLY, wire.BAY_BODY
    outputs: int
    inputs: int
    milliamps: int
    millivolts: int
    decicelsius: int
    rev: int

    @classmethod
    def all_from_body(cls, body: bytes) -> tuple[BayState, ...]:
        """Unpack every bay of a GET_ALL's reply, in their order.

        Raise BadBody unless it is a whole number of bays.
        """
        if len(body) % struct.calcsize(cls.LAYOUT):
            raise BadBody(name="GET_ALL", size=len(body))
        return tuple(cls(*fields) for fields in struct.iter_unpack(cls.LAYOUT, body))


@dataclass(frozen=True)
class Pulse(Body):
    """One output on for `milliseconds`, at most 2000, then off. Never a power line."""

    KIND, LAYOUT = wire.PULSE, wire.PULSE_BODY
    bay: int
    output: int
    milliseconds: int


@dataclass(frozen=True)
class Dim(Body):
    """Lamps that are on are so bright, in percent. Only for a controller whose `capabilities` have wire.CAN_DIM."""

    KIND, LAYOUT = wire.DIM, wire.DIM_BODY
    percent: int


@dataclass(frozen=True)
class Event(Body):
    """What happened: wire.SAW_*. `number` counts all events since the controller started, 65535 before 0."""

    KIND, LAYOUT = wire.EVENT, wire.EVENT_BODY
    number: int
    what: int
    bay: int
    value: int


@dataclass(frozen=True)
class EnterBoot(Body):
    """Become a USB drive that takes new firmware. Refused while a bay is busy, and for another controller's uid."""

    KIND, LAYOUT = wire.ENTER_BOOT, wire.BOOT_BODY
    magic: int
    uid: bytes


@dataclass(frozen=True)
class Error(Body):
    """Not done: wire.E_*."""

    KIND, LAYOUT = wire.ERROR, wire.ERROR_BODY
    error: int
    seq: int
