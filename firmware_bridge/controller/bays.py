"""One bay of the controller: its outputs, the limits that nobody can switch off, and what it saw change.

Times are milliseconds of the controller's own clock, which only grows. `sweep` is called every SWEEP_MS.
"""

from firmware_bridge.controller import wire
from firmware_bridge.controller.lines import BayLines

SWEEP_MS = 20
OVERCURRENT_SWEEPS = 5  # 0.1 s above the limit; twice the limit cuts at once
OVERTEMPERATURE_SWEEPS = 3
SENSOR_GONE_SWEEPS = 50  # 1 s without an answer: nothing more is switched on; what is on stays on, and is reported
COOLED = 50  # tenths of a degree below the limit before a bay that was too hot may be switched on again


class Limits:
    """Of every bay. A session may ask for less than the board's own, never for more."""

    def __init__(self, milliamps: int, decicelsius: int) -> None:
        self.milliamps = milliamps
        self.decicelsius = decicelsius


class Bay:
    """Off until somebody asks for it, and off again when a limit says so."""

    def __init__(self, lines: BayLines, limits: Limits) -> None:
        self.lines, self.limits = lines, limits
        self.wanted = 0
        self.busy = False
        self.rev = 0
        self.inputs = 0
        self.tripped = 0
        self.hold_until: int | None = None
        self.milliamps: int | None = None
        self.millivolts: int | None = None
        self.decicelsius: int | None = None
        self._inputs_seen = 0
        self._pulses: dict[int, int] = {}
        self._over = self._hot = self._deaf = 0
        self._output_fault = not self._write(0)

    def outputs(self) -> int:
        """Read the outputs as the hardware has them now.

        Where it does not answer, as they should be. With wire.BUSY.
        """
        try:
            lines = self.lines.read_outputs() & wire.LINES
        except OSError:
            lines = self.wanted
        return lines | (wire.BUSY if self.busy else 0)

    def faults(self) -> int:
        """Gather the faults: wire.FAULT_*."""
        found = wire.FAULT_SENSOR if self._deaf >= SENSOR_GONE_SWEEPS else 0
        found |= wire.FAULT_OUTPUT if self._output_fault else 0
        found |= wire.FAULT_OVERCURRENT if self.tripped & wire.OVERCURRENT else 0
        return found | (wire.FAULT_OVERTEMPERATURE if self.tripped & wire.OVERTEMPERATURE else 0)

    def spins_up(self, mask: int, value: int) -> bool:
        """Say whether these outputs would give power to a bay that has none."""
        return not self.wanted & wire.POWER and bool(mask & value & wire.POWER)

    def set(self, mask: int, value: int) -> int:
        """Switch; 0, or why not (wire.E_*). Switching the power off, and only that, takes back a limit's veto."""
        new = (self.wanted & ~mask) | (value & mask & wire.LINES)
        if mask & wire.POWER and not new & wire.POWER:
            self._forgive()
        if new & wire.POWER & ~self.wanted:
            if self.tripped:
                return wire.E_TRIPPED
            if self._deaf >= SENSOR_GONE_SWEEPS:
                return wire.E_HARDWARE
        if mask & wire.BUSY:
            self.busy = bool(value & wire.BUSY)
        for bit in list(self._pulses):
            if bit & mask:
                del self._pulses[bit]
        return self._switch(new)

    def pulse(self, bit: int, until: int) -> int:
        """Switch one line on until then. Return 0, or why not."""
        failed = self._switch(self.wanted | bit)
        if not failed:
            self._pulses[bit] = until
        return failed

    def release(self) -> None:
        """Release the bay: everything off, the lock open, nobody's any more."""
        self.busy, self.hold_until, self._pulses = False, None, {}
        self._switch(0)

    def lease_lost(self, until: int) -> None:
        """Switch the bay off, or hold it until then if a drive is at work: nobody looks after it."""
        if self.busy:
            self.hold_until = until
        else:
            self.release()

    def sweep(self, now: int) -> list[tuple[int, int]]:
        """Look at everything once; what changed, as pairs of wire.SAW_* and a value."""
        if self.hold_until is not None and now >= self.hold_until:
            self.release()
        for bit, until in list(self._pulses.items()):
            if now >= until:
                del self._pulses[bit]
                self._switch(self.wanted & ~bit)
        self._follow()
        return self._limits() + self._look()

    def _switch(self, new: int) -> int:
        """If the hardware does not follow: what should go off still shall, and nothing more is on than before."""
        before = self.wanted
        followed = self._write(new)
        if not followed:
            self.wanted = before & new
            self._write(self.wanted)
        self._output_fault = not followed
        if (before ^ new) & wire.POWER:
            self._measure()  # what was measured before says nothing about the bay as it is now
        self.rev = (self.rev + 1) & 0xFFFF
        return 0 if followed else wire.E_HARDWARE

    def _write(self, outputs: int) -> bool:
        self.wanted = outputs
        try:
            self.lines.write(outputs)
            return self.lines.read_outputs() & wire.LINES == outputs
        except OSError:
            return False

    def _follow(self) -> None:
        """Lines that are not as they should be: an expander that was reset, a wire. Lost power is not given back."""
        try:
            actual = self.lines.read_outputs() & wire.LINES
        except OSError:
            self._output_fault = True
            return
        if actual == self.wanted:
            self._output_fault = False
            return
        self._output_fault = True
        if self.wanted & wire.POWER & ~actual:
            self.wanted &= ~wire.POWER
        self.rev = (self.rev + 1) & 0xFFFF
        self._write(self.wanted)

    def _measure(self) -> bool:
        """Whether the sensors answered."""
        try:
            self.milliamps, self.millivolts = self.lines.milliamps(), self.lines.millivolts()
            self.decicelsius = self.lines.decicelsius()
        except OSError:
            self.milliamps = self.millivolts = self.decicelsius = None
            return False
        return True

    def _limits(self) -> list[tuple[int, int]]:
        if not self._measure():
            self._deaf = min(self._deaf + 1, SENSOR_GONE_SWEEPS)
            return []
        self._deaf = 0
        current, heat, limits = self.milliamps or 0, self.decicelsius, self.limits
        self._over = self._over + 1 if current > limits.milliamps else 0
        self._hot = self._hot + 1 if heat is not None and heat >= limits.decicelsius else 0
        seen = []
        if (self._over >= OVERCURRENT_SWEEPS or current > 2 * limits.milliamps) and self._trip(wire.OVERCURRENT):
            seen.append((wire.SAW_OVERCURRENT, current))
        if self._hot >= OVERTEMPERATURE_SWEEPS and self._trip(wire.OVERTEMPERATURE):
            seen.append((wire.SAW_OVERTEMPERATURE, heat or 0))
        return seen

    def _trip(self, why: int) -> bool:
        """Cut the power, whoever needs it. False if that is no news."""
        if self.wanted & wire.POWER:
            self._switch(self.wanted & ~wire.POWER)
        news = not self.tripped & why
        self.tripped |= why
        return news

    def _forgive(self) -> None:
        cooled = self.decicelsius is None or self.decicelsius < self.limits.decicelsius - COOLED
        self.tripped &= wire.OVERTEMPERATURE if not cooled else 0

    def _look(self) -> list[tuple[int, int]]:
        """Inputs count when two sweeps agree: contacts bounce."""
        try:
            found = self.lines.read_inputs()
        except OSError:
            self._output_fault = True  # inputs and outputs share a chip
            return []
        steady = found == self._inputs_seen
        self._inputs_seen = found
        changed = (found ^ self.inputs) if steady else 0
        if not changed:
            return []
        self.inputs = found
        if changed & wire.PRESENT and not found & wire.PRESENT:
            self._forgive()
        kinds = (
            (wire.PRESENT, wire.SAW_PRESENCE),
            (wire.DOOR, wire.SAW_DOOR),
            (wire.BUTTON, wire.SAW_BUTTON),
        )
        return [(what, 1 if found & bit else 0) for bit, what in kinds if changed & bit]
