"""The other side of each dock driver: what a board does, byte by byte, and how it misbehaves.

They are emulators written from the protocols' descriptions, not recordings of devices.
"""

from __future__ import annotations

import asyncio
import errno
import os
import pty
import select
import stat
import sys
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from firmware_bridge.controller import wire
from tests.firmware_bridge.controller.bench import Bench
from tests.patience import SOON_S

Mishap = Literal["none", "silent", "garbage", "stuck", "unplugged", "dies"]
"""What is wrong with it. "dies": it is unplugged while it is asked (not all of them can)."""


class Counterpart:
    """A board of `slots` slots. `mishap` may be changed at any time."""

    slots: int
    settings: dict[str, Any]
    mishap: Mishap = "none"

    def relays(self) -> list[bool]:
        """What the slots really have."""
        raise NotImplementedError

    def unplug(self) -> None:
        """Pull its cable."""
        self.mishap = "unplugged"

    def plug(self) -> None:
        """Put it back."""
        self.mishap = "none"

    def close(self) -> None:
        """The test is over."""


# Serial boards


class SerialBoard(Counterpart):
    """A board at the far end of a pseudo-terminal. Subclasses answer: `take(bytes so far) -> (used, answer)`."""

    def __init__(self, folder: Path, slots: int = 4) -> None:
        self.slots = slots
        self.states = [False] * slots
        self.seen = b""
        self._link = folder / "board"
        self.settings = {"port": str(self._link), "slots": slots}
        self._end = threading.Event()
        self._master = -1
        self.plug()

    def take(self, data: bytes) -> tuple[int, bytes]:
        """How many bytes of it were a request, and what the board answers."""
        raise NotImplementedError

    def relays(self) -> list[bool]:
        return list(self.states)

    def set(self, slot: int, on: bool) -> None:
        """A command arrived."""
        if self.mishap != "stuck" and 1 <= slot <= self.slots:
            self.states[slot - 1] = on

    def plug(self) -> None:
        self.mishap = "none"
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(slave))
        self._end = threading.Event()
        self._server_thread = threading.Thread(target=self._serve, args=(self._master, slave, self._end), daemon=True)
        self._server_thread.start()

    def unplug(self) -> None:
        self.mishap = "unplugged"
        self._end.set()
        self._server_thread.join(SOON_S)
        self._link.unlink(missing_ok=True)

    def close(self) -> None:
        self._end.set()

    def _die(self) -> None:
        self.mishap = "unplugged"
        self._link.unlink(missing_ok=True)

    def _serve(self, master: int, slave: int, end: threading.Event) -> None:
        data = b""
        while not end.is_set():
            if not select.select([master], [], [], 0.02)[0]:
                continue
            data += os.read(master, 1)  # one byte at a time, as a line delivers them
            if self.mishap == "dies":
                self._die()
                break
            self.seen += data[-1:]
            if self.mishap == "silent":
                data = b""
                continue
            used, answer = self.take(data)
            data = data[used:]
            if answer:
                os.write(master, b"\x00\xa5\x5a\xffnoise\x17" if self.mishap == "garbage" else answer)
        os.close(slave)
        os.close(master)


class Lcus(SerialBoard):
    def take(self, data: bytes) -> tuple[int, bytes]:
        if data[0] == 0xFF:
            return 1, bytes(self.states)
        if data[0] != 0xA0:
            return 1, b""
        if len(data) < 4:
            return 0, b""
        if sum(data[:3]) & 0xFF == data[3]:
            self.set(data[1], data[2] == 1)
        return 4, b""


class OurController(SerialBoard):
    """The controller's own logic, on lines in memory."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(bays=4)
        super().__init__(folder)
        self.settings |= {"lease_ms": 60000}

    def take(self, data: bytes) -> tuple[int, bytes]:
        for lines in self.bench.lines:
            lines.stuck = self.mishap == "stuck"
        self.bench.ms = time.monotonic_ns() // 1_000_000
        self.bench.step(0)
        self.bench.controller.receive(data, self.bench.ms)
        return len(data), self.bench.take()

    def relays(self) -> list[bool]:
        return [lines.on & wire.POWER == wire.POWER for lines in self.bench.lines]


class Kmtronic(SerialBoard):
    def take(self, data: bytes) -> tuple[int, bytes]:
        if data[0] != 0xFF:
            return 1, b""
        if len(data) < 3:
            return 0, b""
        if data[1:3] == b"\x09\x00":
            return 3, bytes(self.states) if self.slots > 2 else b""
        if data[2] == 3:
            return 3, bytes((0xFF, data[1], self.states[data[1] - 1])) if self.slots <= 2 else b""
        self.set(data[1], data[2] == 1)
        return 3, b""


class Rly16(SerialBoard):
    def __init__(self, folder: Path, slots: int = 8) -> None:
        super().__init__(folder, 8)

    def take(self, data: bytes) -> tuple[int, bytes]:
        number = data[0]
        if number == 0x5A:
            return 1, bytes((9, 3))
        if number == 0x5B:
            return 1, bytes((sum(on << bit for bit, on in enumerate(self.states)),))
        if 0x64 <= number <= 0x76:
            relay = number - (0x64 if number < 0x6E else 0x6E)
            for slot in range(1, 9) if relay == 0 else (relay,):
                self.set(slot, number < 0x6E)
        return 1, b""


class Modbus(SerialBoard):
    """pymodbus' own RTU server on a second pseudo-terminal; this one carries bytes between the two, or does not."""

    def __init__(self, folder: Path, slots: int = 8) -> None:
        self.slots = slots
        self._far, self._far_slave = pty.openpty()
        tty.setraw(self._far_slave)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._server: Any = None
        threading.Thread(target=self._run, daemon=True).start()
        assert self._ready.wait(SOON_S)
        super().__init__(folder, slots)

    def _run(self) -> None:
        from pymodbus.server import ModbusSerialServer
        from pymodbus.simulator import DataType, SimData, SimDevice

        coils = [SimData(0, values=[False] * self.slots, datatype=DataType.BITS)]
        unused = [SimData(0, values=False, datatype=DataType.BITS)]
        registers = [SimData(0, values=0, datatype=DataType.REGISTERS)]

        async def serve() -> None:
            board = SimDevice(id=1, simdata=(coils, unused, registers, registers))
            self._server = ModbusSerialServer(board, port=os.ttyname(self._far_slave), baudrate=9600)
            await self._server.serve_forever(background=True)
            self._ready.set()

        self._loop.run_until_complete(serve())
        self._loop.run_forever()

    def take(self, data: bytes) -> tuple[int, bytes]:
        """Not asked: bytes are carried through."""
        return len(data), b""

    def relays(self) -> list[bool]:
        done = asyncio.run_coroutine_threadsafe(self._server.async_getValues(1, 1, 0, self.slots), self._loop)
        return [bool(v) for v in done.result(5)]

    def _serve(self, master: int, slave: int, end: threading.Event) -> None:
        while not end.is_set():
            for ready in select.select([master, self._far], [], [], 0.02)[0]:
                data = os.read(ready, 256)
                if self.mishap == "dies" and ready == self._far:  # the answer was on its way
                    self._die()
                    end.set()
                    break
                if ready == master:
                    self.seen += data
                    if self.mishap == "stuck" and data[1:2] == b"\x05":
                        os.write(master, data)  # a board whose relay is welded answers as it should
                        continue
                if self.mishap != "silent":
                    noise = self.mishap == "garbage" and ready == self._far
                    os.write(self._far if ready == master else master, bytes(b ^ 0x15 for b in data) if noise else data)
        os.close(slave)
        os.close(master)

    def close(self) -> None:
        super().close()
        asyncio.run_coroutine_threadsafe(self._server.shutdown(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)


# I2C: a stand-in for smbus2.SMBus, since this machine's kernel has no i2c-stub. What stands at the library's border.


class I2cBoard(Counterpart):
    """One chip on bus 1. `log` holds every write, in order."""

    address = 0x20

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log: list[tuple[int | None, int]] = []
        self.settings = {"bus": 1, "address": self.address, "slots": self.slots}
        monkeypatch.setattr("drivers.docks._i2c.smbus2.SMBus", self._open)

    def _open(self, bus: int) -> I2cBoard:
        if self.mishap == "unplugged" or bus != 1:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"/dev/i2c-{bus}")
        return self

    def _transfer(self, address: int) -> None:
        if self.mishap == "dies" and self.log:
            self.mishap = "unplugged"
        if self.mishap == "silent":
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        if self.mishap == "unplugged" or address != self.address:
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))


class Mcp23017(I2cBoard):
    """BANK = 0; a relay closes where its pin is an output, and high."""

    slots = 16

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch)
        self.registers = {0x00: 0xFF, 0x01: 0xFF, 0x14: 0, 0x15: 0}

    def relays(self) -> list[bool]:
        if self.mishap == "stuck":
            return [False] * 16
        driven = [self.registers[0x14 + port] & ~self.registers[port] for port in (0, 1)]
        return [bool(driven[n // 8] >> n % 8 & 1) for n in range(16)]

    def read_byte_data(self, address: int, register: int) -> int:
        self._transfer(address)
        if self.mishap == "garbage":
            return 0xA5 if register < 2 else 0
        if register in (0x12, 0x13):
            pins = self.relays()[(register - 0x12) * 8 :][:8]
            return sum(on << bit for bit, on in enumerate(pins))
        return self.registers[register]

    def write_byte_data(self, address: int, register: int, value: int) -> None:
        self._transfer(address)
        self.log.append((register, value))
        self.registers[register] = value


class Pcf8574(I2cBoard):
    """Relays close at 0 V."""

    slots = 8

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch)
        self.pins = 0xFF

    def relays(self) -> list[bool]:
        return [not self.pins >> n & 1 for n in range(8)]

    def read_byte(self, address: int) -> int:
        self._transfer(address)
        return 0xFF if self.mishap == "garbage" else self.pins

    def write_byte(self, address: int, value: int) -> None:
        self._transfer(address)
        self.log.append((None, value))
        if self.mishap not in ("stuck", "garbage"):
            self.pins = value


# Programs: scripts that print what the real ones print, and keep their state in a folder.

PROGRAM = """#!{python} -SE
import json, os, sys, time
folder = {folder!r}
mishap = open(folder + "/mishap").read()
if mishap == "silent":
    time.sleep(60)
if mishap == "garbage":
    print("Segmentation fault, or something like it")
    sys.exit(0)
state = json.load(open(folder + "/state"))
def save():
    if mishap != "stuck":
        json.dump(state, open(folder + "/state.new", "w"))
        os.replace(folder + "/state.new", folder + "/state")
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
{body}
"""

UHUBCTL = """
if mishap == "unplugged" or words["-l"] != "1-1":
    sys.exit("No compatible devices detected at location " + words["-l"] + "!\\nRun with -h to get usage info.")
port = words["-p"]
def show(when):
    for hub, speed, on, off in (("1-1", "USB 2.10", "0103 power enable connect []", "0000 off"),
                                ("2-1", "USB 3.20", "0203 power 5gbps U0 enable connect []", "0080 off")):
        print(when + " status for hub " + hub + " [2109:2817 VIA Labs, Inc. Hub, " + speed + ", 4 ports, ppps]")
        print("  Port " + port + ": " + (on if state[port][hub] else off))
        here = folder + "/sysfs/" + hub + "." + port
        if state[port][hub]:
            open(here, "w").close()
        elif os.path.exists(here):
            os.unlink(here)
show("Current")
if "-a" in words:
    for hub in ("1-1", "2-1") if mishap != "one-side" else ("1-1",):
        state[port][hub] = words["-a"] == "on"
    save()
    print("Sent power " + words["-a"] + " request")
    if mishap == "stuck":
        state = json.load(open(folder + "/state"))
    show("New")
"""

SG_SES = """
if mishap == "unplugged" or sys.argv[-1] != folder + "/sg":
    sys.exit("open error: " + sys.argv[-1] + ": No such file or directory")
given = dict(w.lstrip("-").split("=", 1) for w in sys.argv[1:-1])
slot = state[given["index"]]
if "get" in given:
    print(slot[given["get"]])
for word, value in (("set", 1), ("clear", 0)):
    if word in given:
        slot[given[word]] = value
        save()
"""

LEDCTL = """
if "--version" in sys.argv:
    print("Intel(R) Enclosure LED Control Application 0.95")
    sys.exit(0)
pattern, _, drive = sys.argv[2].partition("=")
if sys.argv[1] != "--listed-only" or mishap == "unplugged":
    sys.exit("ledctl: " + drive + ": device not supported")
state[drive] = pattern
save()
"""


class Program(Counterpart):
    """A dock behind a program."""

    def __init__(self, folder: Path, name: str, body: str, state: object) -> None:
        import json

        self.folder = folder
        self.path = folder / name
        self.path.write_text(PROGRAM.format(python=os.path.realpath(sys.executable), folder=str(folder), body=body))
        self.path.chmod(stat.S_IRWXU)
        (folder / "state").write_text(json.dumps(state))
        self.settings = {"program": str(self.path)}
        self.mishap = "none"

    def state(self) -> Any:  # noqa: ANN401 - JSON
        """As the program left it."""
        import json

        return json.loads((self.folder / "state").read_text())

    def __setattr__(self, name: str, value: object) -> None:
        if name == "mishap":
            (self.folder / "mishap").write_text(str(value))
        super().__setattr__(name, value)


class Uhubctl(Program):
    slots = 4

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "uhubctl", UHUBCTL, {str(n): {"1-1": True, "2-1": True} for n in range(1, 5)})
        (folder / "sysfs").mkdir()
        self.settings |= {"location": "1-1", "sysfs": str(folder / "sysfs")}

    def relays(self) -> list[bool]:
        return [any(sides.values()) for sides in self.state().values()]


class Ses(Program):
    slots = 4

    def __init__(self, folder: Path) -> None:
        fields = {"devoff": 0, "ident": 0, "fault": 0}
        super().__init__(folder, "sg_ses", SG_SES, {str(n): fields for n in range(4)})
        self.settings |= {"device": str(folder / "sg"), "slots": 4}

    def relays(self) -> list[bool]:
        return [not slot["devoff"] for slot in self.state().values()]


class Ledctl(Program):
    slots = 4

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "ledctl", LEDCTL, {})
        for n in range(1, 5):
            (folder / f"port-{n}").touch()
        self.settings |= {"by_path": str(folder), "ports": [f"port-{n}" for n in range(1, 5)]}


class InMemory(Counterpart):
    """Drivers that need no device."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.slots = settings["slots"]


class Simulated(InMemory):
    """Told by its control file."""

    def __init__(self, folder: Path) -> None:
        self._control = folder / "control"
        super().__init__({"slots": 4, "control_file": str(self._control)})

    def __setattr__(self, name: str, value: object) -> None:
        if name == "mishap":
            words = {"unplugged": "gone", "garbage": "silent"}
            self._control.write_text(words.get(str(value), str(value)))
        super().__setattr__(name, value)


COUNTERPARTS: dict[str, Callable[[Path, pytest.MonkeyPatch], Counterpart]] = {
    "benchwipe_controller": lambda folder, _: OurController(folder),
    "devantech_rly16": lambda folder, _: Rly16(folder),
    "kmtronic": lambda folder, _: Kmtronic(folder),
    "lcus": lambda folder, _: Lcus(folder),
    "ledctl": lambda folder, _: Ledctl(folder),
    "mcp23017": lambda _, monkeypatch: Mcp23017(monkeypatch),
    "modbus_relay": lambda folder, _: Modbus(folder),
    "pcf8574": lambda _, monkeypatch: Pcf8574(monkeypatch),
    "plain": lambda _, __: InMemory({"slots": 3}),
    "ses": lambda folder, _: Ses(folder),
    "simulated": lambda folder, _: Simulated(folder),
    "uhubctl": lambda folder, _: Uhubctl(folder),
}
"""How each driver gets its other side. A new file in drivers/docks/ needs a row."""
