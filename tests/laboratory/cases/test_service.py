"""The shipped unit in the guest: drives of every kind are erased under its sandbox, with all that a bench has."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.mosquitto import wait_until
from tests.laboratory.cases.test_kit import (
    KEYPAD,
    KEYPAD_PORT,
    PRINTER,
    PRINTER_PORT,
    RELAY_PORT,
    RELAYS,
    SCANNER,
    SCANNER_PORT,
)
from tests.laboratory.guest.root import REPOSITORY
from tests.laboratory.machine.qemu import Image
from tests.laboratory.models.ata import AtaDrive
from tests.laboratory.models.medium import SECRET, Medium
from tests.laboratory.models.nvme import NvmeDrive
from tests.laboratory.models.sas import SasDrive
from tests.laboratory.models.sat import SatTarget
from tests.laboratory.rig import secret_file
from tests.laboratory.service import UNIT, UNITS, Service
from tests.laboratory.usb.hid import NumberPad, Scanner
from tests.laboratory.usb.i2c import I2cTinyUsb, Mcp23017
from tests.laboratory.usb.printer import ZplPrinter
from tests.laboratory.usb.serial import Rly16
from tests.laboratory.usb.storage import Dock
from tests.patience import SOON_S

SIZE, SMALL = 1 << 20, 8 << 10  # overwritten; and by the drive itself, of which 2,002 places are looked at one by one
BUS_PORT, ADDRESS = 9, 0x21
BENCH = f"""
[station]
id = "bench-vm"
language = "en"
mode = "automatic"
countdown_s = 0
policy = "best"

[mqtt]
host = "10.0.2.2"
port = {{broker}}

[[policy]]
name = "best"
method = "nist-purge"
fallback = "nist-clear"

[[input]]
name = "scanner"
driver = "hid"
settings = {{{{ path = "{SCANNER}", gap_ms = 1000 }}}}

[[input]]
name = "keypad"
driver = "hid"
settings = {{{{ path = "{KEYPAD}", kind = "keypad", bay = "BAY-U{{{{number}}}}" }}}}

[[printer]]
name = "labels"
driver = "raw"
settings = {{{{ path = "{PRINTER}" }}}}

[[dock]]
name = "relays"
driver = "devantech_rly16"
spin_up_s = 0
settings = {{{{ port = "{RELAYS}" }}}}

[[dock]]
name = "expander"
driver = "mcp23017"
spin_up_s = 0
settings = {{{{ bus = {{bus}}, address = {ADDRESS} }}}}
"""
BAY = '\n[[bay]]\nname = "{name}"\nport = "{port}"\n'
# The same unit again, but for what it runs: `mount` is one of the calls that it must not make.
FORBIDDEN = """
[Service]
Type=oneshot
SystemCallErrorNumber=kill
Restart=no
ExecStartPre=
ExecStart=
ExecStart=/usr/bin/mount -t tmpfs none /tmp
"""
JOIN = """
import errno, os
with open("/sys/fs/cgroup/system.slice/benchwipe.service/cgroup.procs", "w") as group:
    group.write(str(os.getpid()))
for path in ("/dev/vda", "/dev/vdb", "/dev/sda", "/dev/nvme0n1"):
    try:
        os.close(os.open(path, os.O_RDONLY))
        print(path, "opens")
    except OSError as error:
        print(path, errno.errorcode[error.errno])
"""
MAY_OPEN = "/dev/vda EPERM\n/dev/vdb EPERM\n/dev/sda opens\n/dev/nvme0n1 opens\n"
CAPABILITIES = 1 << 17 | 1 << 21  # CAP_SYS_RAWIO, CAP_SYS_ADMIN: capability.h


class Kit:
    """What stands on the bench beside the drives, and its ports."""

    def __init__(self, service: Service) -> None:
        self.scanner, self.printer = Scanner(), ZplPrinter()
        self.relays, self.chip = Rly16(), Mcp23017()
        self._machine = service.rig.machine
        kit = {
            SCANNER_PORT: (self.scanner, SCANNER),
            KEYPAD_PORT: (NumberPad(), KEYPAD),
            PRINTER_PORT: (self.printer, PRINTER),
            RELAY_PORT: (self.relays, RELAYS),
            BUS_PORT: (I2cTinyUsb({ADDRESS: self.chip}), "/dev/i2c-*"),
        }
        for port, (device, _) in kit.items():
            self._machine.ports[port].plug(device)
        for _, node in kit.values():
            self._machine.wait_there(node)

    def wait_labels(self, count: int) -> None:
        """Until so many came out."""
        wait_until(lambda: len(self.printer.labels) == count, f"{count} labels came out", SOON_S)

    def bus(self) -> int:
        """The number that the kernel gave to the I2C bus."""
        found = self._machine.sh("grep -l tiny-usb /sys/class/i2c-dev/*/name").checked().out.split("/")[4]
        return int(found.removeprefix("i2c-"))


class Drives:
    """One of each kind that the guest can have, in bays: its port, and what is done to it."""

    def __init__(self, service: Service) -> None:
        self._rig = service.rig
        self.sata = service.rig.machine.sata[0]
        self.plain = SatTarget(AtaDrive(Medium(SIZE), serial="UNIT-USB-1", features=frozenset()))
        self.usb = SatTarget(AtaDrive(Medium(SMALL), serial="UNIT-USB-2"))
        self.sas = SasDrive(Medium(SMALL), serial="UNIT-SAS")
        self.bare = NvmeDrive(Medium(SIZE), serial="BENCH-NVME-1", sanicap=0, oacs=0)
        self.nvme = NvmeDrive(Medium(SMALL), serial="BENCH-NVME-2")
        device = service.rig.sata(0)
        found = service.rig.machine.sh(f"udevadm info --query=property {device}").checked().out.splitlines()
        path = next(line.removeprefix("ID_PATH=") for line in found if line.startswith("ID_PATH="))
        self.ports = {"A1": path, "U1": service.rig.usb_path(1), "U2": service.rig.usb_path(2), "S1": "bench-sas"}
        self.ports |= {f"N{n}": f"BENCH-NVME-{n}" for n in (1, 2)}
        self.techniques = {
            "QEMU-SATA-0": "overwrite",
            "UNIT-USB-1": "overwrite",
            "UNIT-USB-2": "ata-sanitize-block",
            "UNIT-SAS": "scsi-sanitize-overwrite",
            "BENCH-NVME-1": "overwrite",
            "BENCH-NVME-2": "nvme-sanitize-block",
        }

    def plug_in_turn(self) -> Iterator[tuple[str, ...]]:
        """Bays whose drives stand there now. Six at once, on one emulated processor, run into the program's limits."""
        self._rig.machine.ports[1].plug(Dock(self.plain))
        self._rig.nvme(self.bare)
        yield "A1", "U1", "N1"
        self._rig.machine.ports[2].plug(Dock(self.usb, serial="000000000002"))
        yield ("U2",)
        self._rig.sas("bay", self.sas)
        yield ("S1",)
        self._rig.nvme(self.nvme)
        yield ("N2",)

    def secrets(self) -> int:
        """Blocks of the modelled drives that hold what they held."""
        models = (self.plain, self.usb, self.sas, self.bare, self.nvme)
        return sum(model.medium.secrets() for model in models)


@pytest.fixture
def service(image: Image, tmp_path: Path) -> Iterator[Service]:
    with Service(image, tmp_path) as made:
        yield made


def test_drives_of_every_kind_are_erased_under_the_units_sandbox(service: Service) -> None:
    disk = service.rig.machine.sata[0]
    secret_file(disk, disk.stat().st_size)
    kit, drives = Kit(service), Drives(service)
    docks = {"U1": 'dock = "relays"\nslot = 1\n', "U2": 'dock = "expander"\nslot = 1\n'}
    bays = "".join(BAY.format(name=bay, port=port) + docks.get(bay, "") for bay, port in drives.ports.items())
    service.start(BENCH.format(broker=service.broker.port, bus=kit.bus()) + bays)
    for those in drives.plug_in_turn():
        service.wait_finished(*those)
    answer = service.status()
    assert {bay["bay"]: bay["outcome"] for bay in answer["bays"]} == dict.fromkeys(drives.ports, "erased")
    done = {serial: record.sanitization.technique for serial, record in service.certificates().items()}
    assert done == drives.techniques
    assert (drives.secrets(), SECRET[:64] in disk.read_bytes()) == (0, False)
    assert (answer["alarms"], answer["uplink"]["connected"]) == ({}, True)

    assert kit.relays.states == 1
    assert kit.chip.registers[0] & 1 == 0, "the first pin of the expander is an output"
    kit.wait_labels(len(drives.ports))
    kit.scanner.scan("REPRINT")
    kit.scanner.scan("BAY-U1")
    kit.wait_labels(len(drives.ports) + 1)
    held_by_its_sandbox(service)
    service.systemctl("stop", UNIT).checked()
    assert service.shown(UNIT, "Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}


def held_by_its_sandbox(service: Service) -> None:
    """The kernel of the guest does what the unit asks of it: filter, capabilities, file systems, devices."""
    told = service.process(service.shown(UNIT, "MainPID")["MainPID"])
    assert (told["NoNewPrivs"], told["Seccomp"]) == ("1", "2")
    assert {int(told[name], 16) for name in ("CapEff", "CapBnd", "CapAmb")} == {CAPABILITIES}
    assert service.rig.machine.python(JOIN).checked().out == MAY_OPEN
    text = (REPOSITORY / "systemd" / UNIT).read_text()
    service.write({f"{UNITS}/probe.service": text, f"{UNITS}/probe.service.d/probe.conf": FORBIDDEN})
    service.systemctl("daemon-reload").checked()
    assert service.systemctl("start", "probe.service").rc != 0
    shown = service.shown("probe.service", "Result", "ExecMainStatus")
    assert shown == {"Result": "signal", "ExecMainStatus": str(int(signal.SIGSYS))}
