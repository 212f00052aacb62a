"""Inputs on real FIFOs, files, pseudo-terminals and pipes: they survive unplugging, and stop within half a second."""

from __future__ import annotations

import os
import pty
import queue
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.errors import DeviceGone
from drivers.inputs._readings import Reading, Scan, Unreadable
from drivers.inputs.base import Input
from drivers.inputs.serial import Driver as SerialInput
from drivers.inputs.serial import Settings as SerialSettings
from drivers.inputs.simulated import Driver as SimulatedInput
from drivers.inputs.simulated import Settings as SimulatedSettings
from tests.patience import PROGRAM_S, SOON_S


class Reader:
    """An input read in a thread of its own, as the station does it."""

    def __init__(self, device: Input) -> None:
        self.device = device
        self.stop = threading.Event()
        self.found: queue.Queue[Reading] = queue.Queue()
        self.gone: list[DeviceGone | None] = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        for reading in self.device.readings(self.stop, self.gone.append):
            self.found.put(reading)

    def next(self) -> Reading:
        return self.found.get(timeout=SOON_S)

    def end(self) -> float:
        """Seconds that it took to stop."""
        began = time.monotonic()
        self.stop.set()
        self.thread.join(SOON_S)
        assert not self.thread.is_alive()
        return time.monotonic() - began


@pytest.fixture
def readers() -> Iterator[list[Reader]]:
    made: list[Reader] = []
    yield made
    for reader in made:
        reader.stop.set()
    for reader in made:
        reader.thread.join(SOON_S)


def read(device: Input, readers: list[Reader]) -> Reader:
    readers.append(Reader(device))
    return readers[-1]


def wait_for(true: object) -> None:
    assert callable(true)
    until = time.monotonic() + SOON_S
    while not true():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.01)


def test_lines_written_into_a_fifo_are_scans(tmp_path: Path, readers: list[Reader]) -> None:
    fifo = tmp_path / "scans"
    os.mkfifo(fifo)
    reader = read(SimulatedInput("scanner", SimulatedSettings(path=str(fifo))), readers)
    for code in ("BADGE-1", "KK-004711"):  # opened and closed for each, as `echo > scans` does
        fifo.write_text(code + "\n")
    assert [reader.next(), reader.next()] == [Scan("BADGE-1"), Scan("KK-004711")]
    assert reader.end() < 0.5


def test_only_what_is_appended_to_a_file_after_the_start_is_a_scan(tmp_path: Path, readers: list[Reader]) -> None:
    file = tmp_path / "scans"
    file.write_text("KK-000001\n")
    device = SimulatedInput("scanner", SimulatedSettings(path=str(file)))
    reader = read(device, readers)
    wait_for(lambda: device._fd is not None)
    with file.open("a") as scans:
        scans.write("KK-000002\r\nKK-000003\n")
    assert [reader.next(), reader.next()] == [Scan("KK-000002"), Scan("KK-000003")]
    assert reader.end() < 0.5


def test_a_file_that_comes_later_or_is_replaced_is_read_from_its_beginning(
    tmp_path: Path, readers: list[Reader]
) -> None:
    file = tmp_path / "scans"
    reader = read(SimulatedInput("scanner", SimulatedSettings(path=str(file))), readers)
    wait_for(lambda: reader.device.fault() is None)
    time.sleep(0.1)  # the first look must have found nothing, so that the file comes later
    file.write_text("KK-000001\n")
    assert reader.next() == Scan("KK-000001")
    new = tmp_path / "new"
    new.write_text("KK-000002\n")
    os.replace(new, file)
    assert reader.next() == Scan("KK-000002")


@pytest.fixture
def scanner() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal: the scanner's end, and the port's path."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    os.close(slave)
    yield master, path
    os.close(master)


def test_a_serial_scanner_is_read_and_stops_quickly(scanner: tuple[int, str], readers: list[Reader]) -> None:
    master, path = scanner
    device = SerialInput("scanner", SerialSettings(port=path))
    reader = read(device, readers)
    wait_for(lambda: device._port is not None and device._port.is_open)
    time.sleep(0.1)  # what arrives before the port is flushed is thrown away, on purpose
    os.write(master, b"]C0KK-0047")
    os.write(master, b"11\r\n\r\n")
    assert reader.next() == Scan("KK-004711", "code-128")
    assert reader.end() < 0.5


def test_a_scan_without_end_is_told_and_does_not_stick_to_the_next(
    scanner: tuple[int, str], readers: list[Reader]
) -> None:
    master, path = scanner
    device = SerialInput("scanner", SerialSettings(port=path))
    reader = read(device, readers)
    wait_for(lambda: device._port is not None and device._port.is_open)
    time.sleep(0.1)
    os.write(master, b"KK-00")
    assert isinstance(reader.next(), Unreadable)
    os.write(master, b"KK-004711\r")
    assert reader.next() == Scan("KK-004711")


def test_a_scanner_that_is_unplugged_and_plugged_in_again_goes_on(tmp_path: Path, readers: list[Reader]) -> None:
    link = tmp_path / "scanner"
    first, port = pty.openpty()
    tty.setraw(port)
    link.symlink_to(os.ttyname(port))
    os.close(port)
    device = SerialInput("scanner", SerialSettings(port=str(link)))
    reader = read(device, readers)
    wait_for(lambda: device._port is not None and device._port.is_open)
    time.sleep(0.1)
    os.write(first, b"KK-1\rKK-half")
    assert reader.next() == Scan("KK-1")
    link.unlink()
    os.close(first)
    wait_for(lambda: device.fault() is not None)
    assert "scanner" in str(device.fault())
    second, port = pty.openpty()
    tty.setraw(port)
    link.symlink_to(os.ttyname(port))
    os.close(port)
    wait_for(lambda: device.fault() is None)
    time.sleep(0.1)
    os.write(second, b"KK-2\r")
    assert reader.next() == Scan("KK-2")
    assert [type(gone) for gone in reader.gone] == [DeviceGone, type(None)], "told once of each"
    os.close(second)


def test_a_port_that_is_not_there_is_a_fault_and_no_crash(tmp_path: Path, readers: list[Reader]) -> None:
    device = SerialInput("scanner", SerialSettings(port=str(tmp_path / "none")))
    reader = read(device, readers)
    wait_for(lambda: device.fault() is not None)
    assert "BW-D04" in str(device.fault())
    assert reader.end() < 0.5


def test_standard_input_ends_with_its_pipe() -> None:
    program = (
        "import threading; from drivers.inputs.stdin import Driver, Settings\n"
        "for r in Driver('keys', Settings()).readings(threading.Event()): print(r.text, flush=True)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        input="KK-1\nKK-2\n",
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=True,
    )
    assert run.stdout.split() == ["KK-1", "KK-2"]
