"""The controller's side of the protocol: requests to replies, the lease, numbered events. docs/controller.md."""

import struct

from firmware_bridge.controller import wire
from firmware_bridge.controller.bays import Bay, Limits

FIRMWARE = (1, 1, 0)
HARDWARE_ID = 1
USED_SESSIONS = 4  # a late copy of an OPEN_SESSION must not bring an old session back


class Refusal(Exception):
    """A request that is not carried out: wire.E_*."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Board:
    """What the protocol needs of the board, besides its bays."""

    uid = bytes(12)
    capabilities = 0
    reset_cause = wire.RESET_UNKNOWN
    spin_up_ms = 0
    busy_hold_s = 0
    limits = Limits(0, 0)

    def send(self, data: bytes) -> None:
        """Send the data onto the line to the host."""
        raise NotImplementedError


class Controller:
    """Bays are off when it starts, whatever was before; and once `boot_asked`, for good."""

    def __init__(self, board: Board, bays: list[Bay], limits: Limits) -> None:
        """`limits` is shared with the bays: a session may lower it."""
        self.board, self.bays, self.limits = board, bays, limits
        self.session = 0
        self.boot_asked = False
        self._splitter = wire.Splitter()
        self._now = self._lease_until = 0
        self._lease_ms, self._hold_s = wire.DEFAULT_LEASE_MS, board.busy_hold_s
        self._used: list[int] = []
        self._last_seq: int | None = None
        self._last_reply = b""
        self._greeting = (0, 0, 0)  # session, seq and type of the last request that needs no session
        self._greeted = b""
        self._event = 0
        self._spun_up: int | None = None
        self._sweep_at = [0] * len(bays)
        self._next_swept = 0
        self._handlers = {
            wire.HEARTBEAT: self._heartbeat,
            wire.SET_BAY: self._set_bay,
            wire.GET_ALL: self._get_all,
            wire.PULSE: self._pulse,
            wire.DIM: self._dim,
            wire.ENTER_BOOT: self._enter_boot,
        }

    def receive(self, data: bytes, now: int) -> None:
        """Receive bytes from the host. What is no whole frame is nobody's request, and has no answer."""
        self._now = now
        for encoded in self._splitter.feed(data):
            try:
                version, kind, _, session, seq, body = wire.unpack(encoded)
            except ValueError:
                continue
            if kind & wire.REPLY:
                continue  # an echo of our own
            if version != wire.VERSION:
                self.board.send(self._error(session, seq, wire.E_VERSION))
            elif kind in (wire.HELLO, wire.OPEN_SESSION):
                self._greet(kind, session, seq, body)
            else:
                self._request(kind, session, seq, body)

    def tick(self, now: int, sweep_ms: int) -> bool:
        """Check the lease, and one bay's limits and inputs if it is due.

        A request waits no longer than that. Return whether one was due.
        """
        self._now = now
        if self.session and now >= self._lease_until:
            self._expire()
        index = self._next_swept
        if now < self._sweep_at[index]:
            return False
        self._sweep_at[index] = now + sweep_ms
        self._next_swept = (index + 1) % len(self.bays)
        for what, value in self.bays[index].sweep(now):
            self._report(what, index, value)
        return True

    # Requests

    def _greet(self, kind: int, session: int, seq: int, body: bytes) -> None:
        if self._greeting != (session, seq, kind) or not self._greeted:
            try:
                answer = self._info() if kind == wire.HELLO else self._open(body)
            except Refusal as refusal:
                self.board.send(self._error(session, seq, refusal.code))
                return
            self._greeting = (session, seq, kind)
            self._greeted = wire.pack(kind | wire.REPLY, session, seq, answer)
        self.board.send(self._greeted)

    def _request(self, kind: int, session: int, seq: int, body: bytes) -> None:
        if not self.session or session != self.session:
            self.board.send(self._error(session, seq, wire.E_SESSION))
        elif seq == self._last_seq:
            self.board.send(self._last_reply)
        elif self._last_seq is not None and not wire.newer(seq, self._last_seq):
            self.board.send(self._error(session, seq, wire.E_OLD_SEQ))
        else:
            self._last_seq = seq
            try:
                handler = self._handlers.get(kind)
                if handler is None:
                    raise Refusal(wire.E_TYPE)
                if self.boot_asked and kind in (wire.SET_BAY, wire.PULSE):
                    raise Refusal(wire.E_BUSY)
                self._last_reply = wire.pack(kind | wire.REPLY, session, seq, handler(body))
            except Refusal as refusal:
                self._last_reply = self._error(session, seq, refusal.code)
            self.board.send(self._last_reply)

    def _info(self) -> bytes:
        board = self.board
        return struct.pack(
            wire.INFO_BODY,
            wire.VERSION,
            wire.VERSION,
            FIRMWARE[0],
            FIRMWARE[1],
            FIRMWARE[2],
            HARDWARE_ID,
            board.uid,
            len(self.bays),
            board.capabilities,
            board.reset_cause,
        )

    def _open(self, body: bytes) -> bytes:
        """Bays stay as they are: a restarted host finds them with GET_ALL. The same session twice is harmless."""
        given = len(body) // 2
        if len(body) % 2 or not 1 <= given <= 5:
            raise Refusal(wire.E_BODY)
        fields = list(struct.unpack("<" + "HHHHh"[:given], body)) + [0] * (5 - given)
        session, lease_ms, hold_s, milliamps, decicelsius = fields
        if session == 0:
            raise Refusal(wire.E_BODY)
        if session != self.session:
            if session in self._used:
                raise Refusal(wire.E_SESSION_USED)
            self._used.insert(0, session)
            self._used = self._used[:USED_SESSIONS]
            self._last_seq, self._last_reply = None, b""
        self.session = session
        self._lease_ms = max(wire.MIN_LEASE_MS, lease_ms or wire.DEFAULT_LEASE_MS)
        self._hold_s = hold_s or self.board.busy_hold_s
        own = self.board.limits
        self.limits.milliamps = min(own.milliamps, milliamps or own.milliamps)
        self.limits.decicelsius = min(own.decicelsius, decicelsius or own.decicelsius)
        for bay in self.bays:
            bay.hold_until = None
        self._lease_until = self._now + self._lease_ms
        return struct.pack(
            wire.OPENED_BODY, session, self._lease_ms, self._hold_s, self.limits.milliamps, self.limits.decicelsius
        )

    def _heartbeat(self, body: bytes) -> bytes:
        self._lease_until = self._now + self._lease_ms
        faults = 0
        for bay in self.bays:
            faults |= bay.faults()
        return struct.pack(wire.BEAT_BODY, self._now // 1000, faults, self._event)

    def _set_bay(self, body: bytes) -> bytes:
        index, mask, value, rev = _fields(wire.SET_BAY_BODY, body)
        bay = self._bay(index)
        if rev != bay.rev:
            raise Refusal(wire.E_REV)
        spins_up = bay.spins_up(mask, value)
        if spins_up and self._spun_up is not None and self._now - self._spun_up < self.board.spin_up_ms:
            raise Refusal(wire.E_SPIN_UP)
        failed = bay.set(mask, value)
        if failed:
            raise Refusal(failed)
        if spins_up:
            self._spun_up = self._now
        return struct.pack(wire.REV_BODY, bay.rev)

    def _get_all(self, body: bytes) -> bytes:
        return b"".join([_state(bay) for bay in self.bays])

    def _pulse(self, body: bytes) -> bytes:
        """Never a power line: a pulse ends with a cut."""
        index, output, milliseconds = _fields(wire.PULSE_BODY, body)
        bay = self._bay(index)
        bit = 1 << output if output <= 6 else 0
        if not bit or bit & wire.POWER or not 0 < milliseconds <= wire.MAX_PULSE_MS:
            raise Refusal(wire.E_BODY)
        if bay.busy and bit == wire.LOCK:
            raise Refusal(wire.E_BUSY)
        failed = bay.pulse(bit, self._now + milliseconds)
        if failed:
            raise Refusal(failed)
        return struct.pack(wire.REV_BODY, bay.rev)

    def _dim(self, body: bytes) -> bytes:
        """All bays: a bench whose lamps differ in brightness says something that nobody meant."""
        (percent,) = _fields(wire.DIM_BODY, body)
        if not self.board.capabilities & wire.CAN_DIM:
            raise Refusal(wire.E_TYPE)
        if not 1 <= percent <= 100:
            raise Refusal(wire.E_BODY)
        for bay in self.bays:
            bay.lines.dim(percent)
        return struct.pack(wire.DIM_BODY, percent)

    def _enter_boot(self, body: bytes) -> bytes:
        if body != struct.pack(wire.BOOT_BODY, wire.BOOT_MAGIC, self.board.uid):
            raise Refusal(wire.E_UID)
        if any(bay.busy for bay in self.bays):
            raise Refusal(wire.E_BUSY)
        for bay in self.bays:
            bay.release()
        self.boot_asked = True
        return b""

    def _bay(self, index: int) -> Bay:
        if index >= len(self.bays):
            raise Refusal(wire.E_BAY)
        return self.bays[index]

    # By itself

    def _expire(self) -> None:
        """Not a blind power-off: cutting the power inside a firmware erase can strand a drive."""
        self._report(wire.SAW_LEASE_EXPIRED, wire.WHOLE_DOCK, 0)
        self.session = 0
        for bay in self.bays:
            bay.lease_lost(self._now + self._hold_s * 1000)

    def _report(self, what: int, bay: int, value: int) -> None:
        """Counted also while nobody listens: the number in the next heartbeat tells that something was missed."""
        self._event = (self._event + 1) & 0xFFFF
        if self.session:
            body = struct.pack(wire.EVENT_BODY, self._event, what, bay, max(-0x8000, min(0x7FFF, value)))
            self.board.send(wire.pack(wire.EVENT, self.session, self._event, body))

    @staticmethod
    def _error(session: int, seq: int, code: int) -> bytes:
        return wire.pack(wire.ERROR, session, seq, struct.pack(wire.ERROR_BODY, code, seq))


def _fields(layout: str, body: bytes) -> tuple[int, ...]:
    if len(body) != struct.calcsize(layout):
        raise Refusal(wire.E_BODY)
    return struct.unpack(layout, body)


def _state(bay: Bay) -> bytes:
    current, volts, heat = bay.milliamps, bay.millivolts, bay.decicelsius
    return struct.pack(
        wire.BAY_BODY,
        bay.outputs(),
        bay.inputs | bay.tripped,
        wire.NO_MILLI if current is None else max(0, min(current, 0xFFFE)),
        wire.NO_MILLI if volts is None else max(0, min(volts, 0xFFFE)),
        wire.NO_TEMPERATURE if heat is None else heat,
        bay.rev,
    )
