"""The bench of the shift (tests/shift) in a guest: scanner, printer, docks and drives on the USB of a real kernel."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agent.certificates.certificate import Certificate, read_unverified, verify
from agent.certificates.jws import public_key_from_jwk, thumbprint
from tests.agent.mosquitto import Mosquitto, wait_until
from tests.agent.uplink.fake_collector import FakeCollector
from tests.laboratory.machine.control import JOB_TIMEOUT_S, Job
from tests.laboratory.machine.qemu import USB_PORTS, Disks, Image
from tests.laboratory.models.ata import AtaDrive
from tests.laboratory.models.medium import Medium
from tests.laboratory.models.sat import SatTarget
from tests.laboratory.rig import STATE, Rig
from tests.laboratory.usb.device import Device
from tests.laboratory.usb.hid import Scanner
from tests.laboratory.usb.i2c import I2cTinyUsb, Mcp23017
from tests.laboratory.usb.printer import ZplPrinter
from tests.laboratory.usb.serial import Rly16
from tests.laboratory.usb.storage import Dock
from tests.shift.account import Found, medium_is, secret
from tests.shift.bench import Shown
from tests.shift.scans import serial_of
from tests.shift.settings import PEOPLE
from tests.shift.table import Row

CONFIG = "/tmp/station.toml"
SCANNER, PRINTER, RELAYS, EXPANDER = 1, 2, 3, 4
BAYS = {f"U{port}": port for port in range(5, USB_PORTS + 1)}
RELAY_BAYS = tuple(BAYS)[: len(BAYS) // 2]
SIZE, HELD_SIZE, HELD_AFTER = (
    1 << 20,
    2 << 20,
    5,
)  # writes of 120 KiB: a held drive has some of them, and is far from its end
EXPANDER_ADDRESS = 0x21
HEAD = """
[station]
id = "shift"
language = "en"
mode = "scan"
countdown_s = 0

[mqtt]
host = "10.0.2.2"
port = {broker}
keepalive_s = 5

[[input]]
name = "scanner"
driver = "hid"
settings = {{ path = "/dev/input/by-id/usb-Bench_Bar_Code_Scanner_S-0001-event-kbd", gap_ms = 1000 }}

[[printer]]
name = "labels"
driver = "raw"
settings = {{ path = "/dev/usb/lp0", language = "zpl" }}

[[dock]]
name = "relays"
driver = "devantech_rly16"
spin_up_s = 0.1
settings = {{ port = "/dev/ttyACM0" }}

[[dock]]
name = "expander"
driver = "mcp23017"
spin_up_s = 0.1
settings = {{ bus = {bus}, address = {address} }}
"""
BAY = '\n[[bay]]\nname = "{name}"\nport = "{port}"\ndock = "{dock}"\nslot = {slot}\n'


class GuestBench:
    """What stands in which bay is known here, so that it can be plugged in again after a power cut."""

    def __init__(self, image: Image, folder: Path, rows: Sequence[Row]) -> None:
        self.rig = Rig(image, Disks())
        self.broker = Mosquitto(folder / "broker")
        self.scanner, self.printer = Scanner(), ZplPrinter()
        self.relays, self.chip = Rly16(), Mcp23017()
        self.targets = {row.number: _target(row) for row in rows}
        self._standing: dict[str, int] = {}
        self._held: set[int] = set()
        self._cabled = True
        self._before = ""
        self._job: Job | None = None
        self._read: dict[str, Certificate] = {}

    def __enter__(self) -> Self:
        self.broker.start()
        self.collector = FakeCollector(self.broker.port)
        self.collector.ready()
        self.collector.presence("bench", online=True)
        self.rig.__enter__()
        self._switch_on()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rig.__exit__(kind, error, trace)
        self.collector.close()
        self.broker.kill()

    def _switch_on(self) -> None:
        """Everything but the drives is plugged in, then the daemon is started, until it answers."""
        machine = self.rig.machine
        machine.sh("modprobe -a i2c-dev usblp usbhid hid-generic evdev cdc-acm i2c-tiny-usb").checked()
        kit: dict[int, tuple[Device, str]] = {
            SCANNER: (self.scanner, "/dev/input/by-id/*Scanner*-event-kbd"),
            PRINTER: (self.printer, "/dev/usb/lp0"),
            EXPANDER: (I2cTinyUsb({EXPANDER_ADDRESS: self.chip}), "/dev/i2c-*"),
        }
        if self._cabled:
            kit[RELAYS] = (self.relays, "/dev/ttyACM0")
        for port, (device, _) in kit.items():
            machine.ports[port].plug(device)
        for _, node in kit.values():
            machine.wait_there(node)
        name = machine.sh("grep -l tiny-usb /sys/class/i2c-dev/*/name").checked().out.split("/")[4]
        self._configure(int(name.removeprefix("i2c-")))
        self._job = machine.start("run", "--config", CONFIG, "--state-dir", STATE)
        self._job.wait_for("station shift runs")
        assert self.scanner.wanted_interrupts.wait(JOB_TIMEOUT_S), "nobody reads the scanner"

    def _configure(self, bus: int) -> None:
        machine = self.rig.machine
        text = HEAD.format(broker=self.broker.port, bus=bus, address=EXPANDER_ADDRESS)
        for name, port in BAYS.items():
            dock = "relays" if name in RELAY_BAYS else "expander"
            text += BAY.format(
                name=name, port=self.rig.usb_path(port), dock=dock, slot=list(BAYS).index(name) % len(RELAY_BAYS) + 1
            )
        command = ["sh", "-c", f"cat >{CONFIG}"]
        machine.control.start(argv=command, stdin=(text + PEOPLE).encode()).wait().checked()

    # --- hands -------------------------------------------------------------------------------------------------

    def put_in(self, number: int, bay: str, *, held: bool) -> None:
        """Into a dock of its own, and that into the port."""
        if held:
            self._held.add(number)
            self.targets[number].pauses_after = HELD_AFTER
        self._standing[bay] = number
        self.rig.machine.ports[BAYS[bay]].plug(Dock(self.targets[number]))

    def pull(self, bay: str) -> None:
        """Out of the port."""
        self.rig.machine.ports[BAYS[bay]].unplug()
        del self._standing[bay]

    def let_go(self, number: int) -> None:
        """It answers again."""
        self._held.discard(number)
        self.targets[number].pauses_after = None
        self.targets[number].running.set()

    def spoil(self, number: int) -> None:
        """Three blocks in the middle can be neither written nor read."""
        faults = self.targets[number].medium.faults
        faults.bad_reads = faults.bad_writes = set(range(1000, 1003))

    def at_work(self, number: int) -> bool:
        """It has stopped in the middle."""
        return self.targets[number].paused.is_set()

    def scan(self, code: str) -> None:
        """Typed, as such scanners do."""
        self.scanner.scan(code)

    def paper(self, *, there: bool) -> None:
        """The roll."""
        if there:
            self.printer.mend()
        else:
            self.printer.paper_out = True

    def cable(self, *, plugged: bool) -> None:
        """Of the relays."""
        port, self._cabled = self.rig.machine.ports[RELAYS], plugged
        if plugged:
            port.plug(self.relays)
        else:
            port.unplug()

    def cut_power(self) -> None:
        """Of the whole station, and of the drives with it. What stood in the bays stands there again.

        A cable that somebody pulled out stays where it is.
        """
        self._before = self.said()
        self.rig.cut_power()
        self.collector.seen.clear()
        for number in self._standing.values():
            self.targets[number].power_cycle()
            self.targets[number].paused.clear()
        self.rig.power_on()
        self._switch_on()
        for bay, number in self._standing.items():
            self.put_in(number, bay, held=number in self._held)

    # --- eyes --------------------------------------------------------------------------------------------------

    def said(self) -> str:
        """The daemon's log has every sentence."""
        assert self._job is not None
        self._job.hear()
        return self._before + self._job.text("err")

    def shown(self) -> Mapping[str, Shown]:
        """As the broker shows it; of a finished bay the outcome, by the certificate of its job."""
        return {bay: self._shown(bay) for bay in BAYS}

    def _shown(self, bay: str) -> Shown:
        last = self.collector.last(f"er/1/shift/bay/{bay}/state")
        if last is None:
            return Shown("empty")
        if last["state"] != "finished":
            return Shown(last["state"])
        own = next((c.record for c in self._certificates() if c.record.job == last["job"]), None)
        return Shown("finished", own.outcome) if own else Shown("certifying")

    def _certificates(self) -> list[Certificate]:
        for name, compact in list(self.collector.certificates.items()):
            if name not in self._read:
                self._read[name] = read_unverified(compact)
        return list(self._read.values())

    def alarms(self) -> list[str]:
        """Their texts."""
        return list(self._status()["alarms"].values())

    def open_labels(self) -> list[str]:
        """Their numbers."""
        return [label["number"] for label in self._status()["labels"]]

    def came_out(self, *words: str) -> bool:
        """On paper."""
        return any(all(word.encode() in label for word in words) for label in list(self.printer.labels))

    def _status(self) -> dict[str, Any]:
        done = self.rig.machine.benchwipe("status", "--json", "--config", CONFIG, "--state-dir", STATE)
        answer: dict[str, Any] = json.loads(done.checked().out)
        return answer

    # --- afterwards --------------------------------------------------------------------------------------------

    def found(self, rows: Sequence[Row]) -> Found:
        """What is there when the outbox is empty and the daemon has stopped."""
        wait_until(lambda: self._status()["uplink"]["outbox_depth"] == 0, "the collector has everything", 60)
        assert self._job is not None
        self._job.kill(15)
        assert self._job.wait().rc == 0, self.said()
        machine = self.rig.machine
        key = public_key_from_jwk(json.loads(machine.benchwipe("key", "show", "--state-dir", STATE).checked().out))
        files = machine.sh(f"for file in {STATE}/certificates/*.jws; do cat $file; echo; done").checked().out.split()
        return Found(
            certificates=[verify(compact.encode(), {thumbprint(key): key}) for compact in files],
            media={row.number: medium_is(row.number, bytes(self.targets[row.number].medium.data)) for row in rows},
            labels=self.printer.labels,
            collected=list(self.collector.certificates),
        )


def _target(row: Row) -> SatTarget:
    """A drive full of what nobody else has."""
    size = HELD_SIZE if "begun" in row.story else SIZE
    medium = Medium(size)
    own = secret(row.number)
    medium.data[:] = own * (size // len(own))
    return SatTarget(AtaDrive(medium, serial=serial_of(row.number)))
