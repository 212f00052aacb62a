"""A controller's logic on a bench of lines in memory and a clock of its own, and the line to it, kind or hostile."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from firmware_bridge.controller import wire
from firmware_bridge.controller.bays import SWEEP_MS, Bay, Limits
from firmware_bridge.controller.lines import BayLines
from firmware_bridge.controller.session import Board, Controller
from firmware_bridge.link import Link

UID = bytes(range(12))


class Lines(BayLines):
    """One bay: what a test sets, and what the controller switched. A `stuck` one does not follow."""

    def __init__(self) -> None:
        self.on = self.inputs = 0
        self.current = 100
        self.heat: int | None = 300
        self.dead = self.deaf = self.stuck = False
        self.percent = 100

    def write(self, outputs: int) -> None:
        self._alive()
        if not self.stuck:
            self.on = outputs

    def read_outputs(self) -> int:
        self._alive()
        return self.on

    def dim(self, percent: int) -> None:
        self.percent = percent

    def read_inputs(self) -> int:
        self._alive()
        return self.inputs

    def milliamps(self) -> int | None:
        if self.deaf:
            raise OSError(5)
        return self.current if self.on & wire.POWER else 0

    def millivolts(self) -> int | None:
        return 12000 if self.on & wire.V12 else 5000 if self.on & wire.V5 else 0

    def decicelsius(self) -> int | None:
        return self.heat

    def _alive(self) -> None:
        if self.dead:
            raise OSError(5)


class MemoryBoard(Board):
    """Sends into `out`."""

    uid = UID
    capabilities = wire.LINES | wire.CAN_DIM | wire.CAN_CURRENT | wire.CAN_TEMPERATURE
    reset_cause = wire.RESET_POWER_ON
    busy_hold_s = 60

    def __init__(self, spin_up_ms: int) -> None:
        self.spin_up_ms = spin_up_ms
        self.limits = Limits(4000, 650)
        self.out = bytearray()

    def send(self, data: bytes) -> None:
        self.out += data


class Bench:
    """A controller with `bays` bays. `reset` is its watchdog; lines keep nothing over it, as transistors do not."""

    def __init__(self, bays: int = 3, spin_up_ms: int = 0) -> None:
        self.ms = 0
        self.lines = [Lines() for _ in range(bays)]
        self._spin_up_ms = spin_up_ms
        self.reset()

    def reset(self) -> None:
        self.board = MemoryBoard(self._spin_up_ms)
        limits = Limits(self.board.limits.milliamps, self.board.limits.decicelsius)
        for lines in self.lines:
            lines.on = 0
        self.controller = Controller(self.board, [Bay(lines, limits) for lines in self.lines], limits)

    def seconds(self) -> float:
        return self.ms / 1000

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(max(1, round(seconds * 1000 / SWEEP_MS))):
            self.step(SWEEP_MS)

    def step(self, ms: int) -> None:
        self.ms += ms
        while self.controller.tick(self.ms, SWEEP_MS):
            pass

    def take(self) -> bytes:
        data, self.board.out = bytes(self.board.out), bytearray()
        return data


class KindLine:
    """A line without faults."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def write(self, data: bytes) -> None:
        self.bench.controller.receive(data, self.bench.ms)

    def read(self, seconds: float) -> bytes:
        until = self.bench.seconds() + seconds
        while not (data := self.bench.take()) and self.bench.seconds() < until:
            self.bench.step(2)
        return data


@dataclass
class HostileLine:
    """One byte at a time, frames lost, late, twice or damaged, noise in between; a reset in mid-command on demand."""

    bench: Bench
    chance: random.Random
    loss: float = 0.2
    reset_in: int | None = None  # bytes towards the controller until it is reset
    late: list[tuple[int, bytes]] = field(default_factory=list)
    arrived: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes) -> None:
        for copy in self._spoil(data):
            for byte in copy:
                self._one(byte)

    def read(self, seconds: float) -> bytes:
        until = self.bench.seconds() + seconds
        while not self.arrived and self.bench.seconds() < until:
            self._carry()
        byte, self.arrived = bytes(self.arrived[:1]), self.arrived[1:]
        return byte

    def _one(self, byte: int) -> None:
        if self.reset_in is not None:
            self.reset_in -= 1
            if self.reset_in < 0:
                self.reset_in = None
                self.bench.reset()
        self.bench.controller.receive(bytes([byte]), self.bench.ms)

    def _carry(self) -> None:
        self.bench.step(2)
        for frame in self.bench.take().split(b"\0")[:-1]:
            for copy in self._spoil(frame + b"\0"):
                self.arrived += copy
        for due, frame in list(self.late):
            if self.bench.ms >= due:
                self.late.remove((due, frame))
                for byte in frame:
                    self._one(byte)

    def _spoil(self, frame: bytes) -> list[bytes]:
        """What comes of one frame."""
        roll = self.chance.random()
        if roll < self.loss:
            return []
        if roll < self.loss + 0.05:
            at = self.chance.randrange(len(frame))
            return [frame[:at] + bytes([frame[at] ^ (1 << self.chance.randrange(8))]) + frame[at + 1 :]]
        if roll < self.loss + 0.10:
            return [frame, frame]
        if roll < self.loss + 0.15:
            return [self.chance.randbytes(self.chance.randrange(1, 40)), frame]
        if roll < self.loss + 0.25:
            self.late.append((self.bench.ms + self.chance.randrange(1, 400), frame))
            return [frame] if self.chance.random() < 0.5 else []
        return [frame]


def link_over(line: KindLine | HostileLine, seed: int = 1) -> Link:
    """The real host's end, on the bench's clock."""
    return Link(line, now=line.bench.seconds, number=random.Random(seed).randrange)
