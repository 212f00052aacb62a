"""The session with a dock controller: one outstanding request, repeated until its reply comes or its tries are over.

    BridgeError
    ├── LinkSilent        no reply in three tries; whether the request was carried out is not known: read back
    ├── RequestRefused    the controller said no, and why
    └── VersionMismatch   no protocol version in common; found before anything is switched

Not thread-safe: whoever shares a Link holds a lock around each call.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from firmware_bridge import messages
from firmware_bridge.controller import wire
from firmware_bridge.errors import BridgeError
from firmware_bridge.frames import DamagedFrame, Frame

TIMEOUT_S = 0.05
TRIES = 3
EVENTS_BOUND = 64

REASONS: Mapping[int, str] = {
    wire.E_VERSION: "its protocol is of another version",
    wire.E_TYPE: "it does not know this request",
    wire.E_BODY: "the request's fields are not what it takes",
    wire.E_SESSION: "this session is over",
    wire.E_OLD_SEQ: "a later request was there before",
    wire.E_BAY: "it has no such bay",
    wire.E_REV: "the bay has changed meanwhile",
    wire.E_TRIPPED: "a limit has cut the bay's power, and it was not switched off since",
    wire.E_SPIN_UP: "another drive is spinning up",
    wire.E_BUSY: "a bay is busy",
    wire.E_UID: "it is another controller",
    wire.E_SESSION_USED: "this session's number was used before",
    wire.E_HARDWARE: "the bay's hardware does not answer or does not follow",
}


class LinkSilent(BridgeError):
    """The dock controller does not answer. Whether it did what it was asked for is not known."""

    code = "BW-F22"
    message = "the dock controller gave no answer to {request} in {tries} tries"
    hint = "Look at its cable and its power."


class RequestRefused(BridgeError):
    """The dock controller said no."""

    code = "BW-F23"
    message = "the dock controller refuses {request}: {why}"

    def __init__(self, *, request: str, error: int) -> None:
        self.error = error
        super().__init__(request=request, why=REASONS.get(error, f"error {error}"))


class VersionMismatch(BridgeError):
    """The two ends have no protocol version in common."""

    code = "BW-F24"
    message = "the dock controller speaks protocol {theirs}, this station {ours}"
    hint = "Update the controller's firmware: docs/controller.md."


class Transport(Protocol):
    """A line that carries bytes, and may lose, repeat or damage them. OSError when it is gone."""

    def write(self, data: bytes) -> None:
        """Send; returns at once."""

    def read(self, seconds: float) -> bytes:
        """Read whatever has come, waiting no longer than `seconds` for the first byte of it. b"" if nothing did."""


class Link:
    """The host's end. `events` are what the controller reported; `missed_events` tells that GET_ALL is due."""

    def __init__(
        self,
        transport: Transport,
        *,
        now: Callable[[], float] = time.monotonic,
        number: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        """`number(n)` draws one below n, for sessions and the first sequence number."""
        self._transport, self._now, self._number = transport, now, number
        self._splitter = wire.Splitter()
        self._seq = number(0x10000)
        self._last_event: int | None = None
        self.session = 0
        self.events: deque[messages.Event] = deque()
        self.missed_events = False

    def hello(self) -> messages.Info:
        """Ask who is there. Raise VersionMismatch if nothing else may be asked of it."""
        try:
            info = messages.Info.from_body(self._ask(messages.Hello(), session=0))
        except RequestRefused as refused:
            if refused.error == wire.E_VERSION:
                raise VersionMismatch(theirs="of another version", ours=wire.VERSION) from None
            raise
        if not info.lowest <= wire.VERSION <= info.highest:
            raise VersionMismatch(theirs=f"{info.lowest} to {info.highest}", ours=wire.VERSION)
        return info

    def open(
        self, lease_ms: int, *, busy_hold_s: int = 0, max_milliamps: int = 0, max_decicelsius: int = 0
    ) -> messages.Opened:
        """Begin a session with a number of its own; the bays stay as they are."""
        for tried in range(TRIES):
            session = 1 + self._number(0xFFFF)
            wanted = messages.OpenSession(session, lease_ms, busy_hold_s, max_milliamps, max_decicelsius)
            try:
                opened = messages.Opened.from_body(self._ask(wanted, session=0))
            except RequestRefused as refused:
                if refused.error != wire.E_SESSION_USED or tried == TRIES - 1:
                    raise
            else:
                break
        self.session, self._last_event = session, None
        self.missed_events = True
        return opened

    def heartbeat(self) -> messages.Beat:
        """Keep the lease, and learn whether events were lost."""
        beat = messages.Beat.from_body(self._ask(messages.Heartbeat()))
        if beat.last_event != self._last_event:
            self.missed_events = True
            self._last_event = beat.last_event
        return beat

    def bays(self) -> tuple[messages.BayState, ...]:
        """Ask how everything is, which also makes up for missed events."""
        states = messages.BayState.all_from_body(self._ask(messages.GetAll()))
        self.missed_events = False
        return states

    def set_bay(self, bay: int, mask: int, value: int, rev: int) -> int:
        """Set the outputs of `mask` to `value`, and return the bay's new revision."""
        return messages.Revision.from_body(self._ask(messages.SetBay(bay, mask, value, rev))).rev

    def pulse(self, bay: int, output: int, milliseconds: int) -> int:
        """Switch one output on for a moment, and return the bay's new revision."""
        return messages.Revision.from_body(self._ask(messages.Pulse(bay, output, milliseconds))).rev

    def dim(self, percent: int) -> None:
        """Set how bright all lamps are, 1 to 100. RequestRefused by a controller that cannot."""
        self._ask(messages.Dim(percent))

    def enter_boot(self, uid: bytes) -> None:
        """Make this very controller ready for new firmware. It answers no more afterwards."""
        self._ask(messages.EnterBoot(wire.BOOT_MAGIC, uid))

    def listen(self, seconds: float) -> None:
        """Take in events that come by themselves, for no longer than that."""
        self._take(self._transport.read(seconds), None)

    def _ask(self, request: messages.Body, *, session: int | None = None) -> bytes:
        """The reply's body. Tries are copies of one frame: the controller carries it out once and repeats its reply."""
        self._seq = (self._seq + 1) & 0xFFFF
        asked = Frame(request.KIND, self.session if session is None else session, self._seq, request.to_body())
        for _ in range(TRIES):
            self._transport.write(asked.to_bytes())
            reply = self._await(asked)
            if reply is None:
                continue
            if reply.kind == wire.ERROR:
                error = messages.Error.from_body(reply.body).error
                raise RequestRefused(request=type(request).__name__, error=error)
            return reply.body
        raise LinkSilent(request=type(request).__name__, tries=TRIES)

    def _await(self, asked: Frame) -> Frame | None:
        until = self._now() + TIMEOUT_S
        while (left := until - self._now()) > 0:
            if (reply := self._take(self._transport.read(left), asked)) is not None:
                return reply
        return None

    def _take(self, data: bytes, asked: Frame | None) -> Frame | None:
        """Events are kept, the reply to `asked` is returned; noise, and replies to what was given up, are dropped."""
        reply = None
        for encoded in self._splitter.feed(data):
            try:
                frame = Frame.from_bytes(encoded)
            except DamagedFrame:
                continue
            if frame.kind == wire.EVENT:
                self._note(frame)
            elif (
                asked is not None
                and (frame.session, frame.seq) == (asked.session, asked.seq)
                and frame.kind in (asked.kind | wire.REPLY, wire.ERROR)
            ):
                reply = frame
        return reply

    def _note(self, frame: Frame) -> None:
        """An event of this session that is new. After a gap, or when nobody takes them, GET_ALL has to make up."""
        if frame.session != self.session or not self.session:
            return
        event = messages.Event.from_body(frame.body)
        if self._last_event is not None:
            if not wire.newer(event.number, self._last_event):
                return
            self.missed_events = self.missed_events or event.number != (self._last_event + 1) & 0xFFFF
        self._last_event = event.number
        if len(self.events) >= EVENTS_BOUND:
            self.events.popleft()
            self.missed_events = True
        self.events.append(event)
