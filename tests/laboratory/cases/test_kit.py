"""What a technician touches, on USB ports of a real kernel: scanner, keypad, label printer and relay dock are models
on the host; the nodes, links, drivers and the daemon are those of a station."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.printers.languages import zpl_reader
from drivers.printers.languages.marks import Qr, Text
from tests.agent.mosquitto import wait_until
from tests.laboratory.machine.control import Job
from tests.laboratory.machine.qemu import Image
from tests.laboratory.models.ata import AtaDrive
from tests.laboratory.models.medium import Medium
from tests.laboratory.models.sat import SatTarget
from tests.laboratory.rig import Rig
from tests.laboratory.station import Station
from tests.laboratory.usb.hid import NumberPad, Scanner
from tests.laboratory.usb.printer import ZplPrinter
from tests.laboratory.usb.serial import Rly16
from tests.laboratory.usb.storage import Dock

SCANNER = "/dev/input/by-id/usb-Bench_Bar_Code_Scanner_S-0001-event-kbd"
KEYPAD = "/dev/input/by-id/usb-Bench_Keypad_K-0001-event-kbd"
PRINTER, RELAYS = "/dev/benchwipe/printer-P-0001", "/dev/benchwipe/dock-00001234"
SCANNER_PORT, KEYPAD_PORT, PRINTER_PORT, RELAY_PORT = 5, 6, 7, 8
KIT = f"""
[scanning]
require = ["lot"]
[[customer]]
name = "Kolding Kommune"
[[lot]]
code = "LOT-2026-47"
customer = "Kolding Kommune"
policy = "asked"
[[policy]]
name = "asked"
confirm = true
[[input]]
name = "scanner"
driver = "hid"
settings = {{ path = "{SCANNER}", gap_ms = 1000 }}
[[input]]
name = "keypad"
driver = "hid"
settings = {{ path = "{KEYPAD}", kind = "keypad", bay = "BAY-U{{number}}" }}
[[printer]]
name = "labels"
driver = "raw"
settings = {{ path = "{PRINTER}" }}
[[dock]]
name = "relays"
driver = "devantech_rly16"
settings = {{ port = "{RELAYS}" }}
[[bay]]
name = "R1"
port = "pci-0000:00:00.0-usb-0:9:1.0-scsi-0:0:0:0"
dock = "relays"
slot = 3
"""
PRINT = """
from drivers import registry
from drivers.deadline import Deadline
from drivers.printers.languages import render
from drivers.printers.languages.label import Label, Media, Row, Shape
label = Label("ERASED", Shape.TICK, False, (Row("serial"),), "bench-1", "benchwipe:1")
printer = registry.load("printers", "raw", {settings!r}, where="printer")
print(printer.print(render(label, Media()), label_id="1", within=Deadline({seconds})))
"""
OPENED = """
import glob, os, time
held = False
while not held:
    time.sleep(0.1)
    node = os.path.realpath({path!r})
    for link in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            held = held or os.readlink(link) == node
        except FileNotFoundError:
            pass
"""
LISTEN = """
import errno, fcntl, os, select
other = os.open({path!r}, os.O_RDONLY | os.O_NONBLOCK)
try:
    fcntl.ioctl(other, 0x40044590, 1)
except OSError as error:
    print(errno.errorcode[error.errno], flush=True)
select.select([other], [], [])
print("it heard something")
"""


def test_a_label_printer_of_the_kernel_and_its_faults(rig: Rig) -> None:
    printer = ZplPrinter()
    rig.machine.ports[PRINTER_PORT].plug(printer)
    rig.machine.wait_there(PRINTER)
    assert "CMD:ZPL;" in rig.machine.sh("cat /sys/class/usbmisc/lp0/device/ieee1284_id").out

    def start(seconds: int = 30, **settings: object) -> Job:
        code = PRINT.format(settings={"path": PRINTER, **settings}, seconds=seconds)
        return rig.machine.control.start(code=code)

    def came_of(**how: object) -> str:
        return start(**how).wait().checked().out.split("(")[0] + str(len(printer.labels))  # type: ignore[arg-type]

    printer.empty_packets = 2
    assert came_of() == "Printed1"
    assert came_of(answers=False) == "Unknown2"  # whole, although nobody waits for its answer
    printer.loses = True
    assert came_of() == "Unknown2"
    printer.mend()
    printer.paper_out = True
    said = start().wait().out
    assert ("NotPrinted" in said, "paper out" in said) == (True, True)
    printer.mend()
    printer.takes = 100
    assert came_of(seconds=1) == "Unknown2"
    printer.mend()
    printer.takes = 100
    job = start()
    assert printer.stuck.wait(30)
    rig.machine.ports[PRINTER_PORT].unplug()
    assert "Unknown" in job.wait().checked().out
    assert "NotPrinted" in start().wait().checked().out


DRIVE_BYTES = 8 << 20


@pytest.fixture
def station(image: Image, tmp_path: Path) -> Iterator[Station]:
    """Its whole kit is plugged in, and its daemon runs."""
    with Station(image, tmp_path, mode="scan", more=KIT) as made:
        yield made


def wait_open(station: Station, path: str) -> None:
    """Until the daemon has this keyboard."""
    station.rig.machine.python(OPENED.format(path=path)).checked()


def hear(station: Station, path: str) -> Job:
    """Another program that wants to hear the keyboard that the daemon has."""
    wait_open(station, path)
    job = station.rig.machine.control.start(code=LISTEN.format(path=path))
    job.wait_for("EBUSY")
    return job


def texts(label: bytes) -> set[str]:
    """What can be read on it, by letters and by its QR code."""
    return {m.text if isinstance(m, Text) else m.data for m in zpl_reader.read(label).marks if isinstance(m, Text | Qr)}


def drive(station: Station, serial: str) -> AtaDrive:
    """One in bay U1."""
    model = AtaDrive(Medium(DRIVE_BYTES), serial=serial)
    station.rig.machine.ports[1].plug(Dock(SatTarget(model)))
    station.wait_bay("U1", "waiting")
    return model


def test_a_person_with_scanner_keypad_and_printer(station: Station) -> None:
    scanner, keypad, printer, relays = Scanner(), NumberPad(), ZplPrinter(), Rly16()
    ports = station.rig.machine.ports
    kit = {SCANNER_PORT: scanner, KEYPAD_PORT: keypad, PRINTER_PORT: printer, RELAY_PORT: relays}
    for port, device in kit.items():
        ports[port].plug(device)
    station.start()
    listener = hear(station, SCANNER)
    wait_open(station, KEYPAD)
    first = drive(station, "KIT-1")
    scanner.scan("LOT-2026-47")
    scanner.scan("KK-004711")
    wait_until(lambda: "KK-004711: now scan the bay" in station.status()["said"], "the tag was taken", 100)
    keypad.key("1")
    keypad.key("enter")
    wait_until(lambda: station.bay("U1")["asks"] == "confirm", "the bay asks for YES", 100)
    keypad.key("enter")
    row = station.wait_bay("U1", "finished")
    assert (row["outcome"], first.medium.secrets()) == ("erased", 0)
    listener.kill()
    assert listener.wait().out == "EBUSY\n"  # it heard nothing of what was scanned
    (record,) = station.arrived(1)
    (ident,) = station.collector.certificates
    wait_until(lambda: printer.labels, "the label came out", 60)
    told = texts(printer.labels[0])
    assert {record.number, "KK-004711"} <= told
    assert any(text.endswith(f" {ident}") for text in told)
    wait_until(lambda: relays.states == 0b100, "the bay behind the relays has power", 60)

    ports[1].unplug()
    station.wait_bay("U1", "empty")
    ports[SCANNER_PORT].unplug()
    station.wait_alarm("device-scanner", "scanner")
    printer.takes = 100
    drive(station, "KIT-2")
    ports[SCANNER_PORT].plug(scanner)
    wait_open(station, SCANNER)
    station.wait_alarm("device-scanner")
    scanner.scan("KK-004712")
    scanner.scan("BAY-U1")
    wait_until(lambda: station.bay("U1")["asks"] == "confirm", "the bay asks for YES", 100)
    keypad.key("+")
    assert printer.stuck.wait(100), station.said()
    ports[PRINTER_PORT].unplug()
    number = max(record.number for record in station.arrived(2))
    station.wait_alarm(f"label-{number}", "scan it if it came out")
    scanner.scan(f"benchwipe:{(set(station.collector.certificates) - {ident}).pop()}")
    station.wait_alarm(f"label-{number}")

    printer.mend()
    printer.paper_out = True
    ports[PRINTER_PORT].plug(printer)
    station.rig.machine.wait_there(PRINTER)
    scanner.scan("REPRINT")
    scanner.scan("BAY-U1")
    station.wait_alarm(f"label-{number}", "did not come out", "paper out")
    printer.mend()
    scanner.scan("REPRINT")
    scanner.scan("BAY-U1")
    wait_until(lambda: len(printer.labels) == 2, "the label came out", 60)
    assert {number, "KK-004712", "COPY 1"} <= texts(printer.labels[1])
    assert station.stop() == 0
