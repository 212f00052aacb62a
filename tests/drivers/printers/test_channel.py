"""Printers behind TCP, serial lines and device files: sent is not printed, and nothing waits past its deadline."""

from __future__ import annotations

import os
import pty
import socket
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers import registry
from drivers.deadline import Deadline
from drivers.printers import _channel
from drivers.printers.base import NotPrinted, Printed, Printer, Unknown
from drivers.printers.languages import render
from drivers.printers.languages.label import Media
from drivers.printers.languages.zpl import parse_host_status
from firmware_bridge import passthrough
from tests.drivers.printers.labels import ERASED
from tests.patience import SOON_S

DATA = render(ERASED, Media())


class Zebra(threading.Thread):
    """A printer's end of a line: collects formats, answers ~HS. `paper` False: it falls silent, as the real one does.

    `hangs_up_after` closes the line after so many bytes; `prints` False leaves the label waiting for ever.
    """

    def __init__(
        self, fd: int, *, paper: bool = True, prints: bool = True, head: bool = False, hangs_up_after: int = 0
    ) -> None:
        super().__init__(daemon=True)
        self.fd, self.paper, self.prints, self.head, self.hangs_up_after = fd, paper, prints, head, hangs_up_after
        self.got = b""
        self.start()

    def run(self) -> None:
        seen = 0
        while True:
            try:
                data = os.read(self.fd, 512)
            except OSError:
                return
            if not data:
                return
            seen += len(data)
            self.got += data.replace(b"~HS", b"")
            if self.hangs_up_after and seen >= self.hangs_up_after:
                os.close(self.fd)
                return
            if b"~HS" in data and self.paper:
                os.write(self.fd, self.answer())

    def answer(self) -> bytes:
        waiting = 0 if self.prints else self.got.count(b"^XA")
        strings = (
            f"030,0,0,0256,{waiting:03},0,0,0,000,0,0,0",
            f"000,0,{self.head:d},0,0,2,4,0,00000000,1,000",
            "1234,0",
        )
        return b"".join(b"\x02" + s.encode() + b"\x03\r\n" for s in strings)


class Network:
    """A listening socket that gives each connection to a Zebra."""

    def __init__(self, **how: object) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.how = how
        self.zebras: list[Zebra] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.zebras.append(Zebra(connection.detach(), **self.how))  # type: ignore[arg-type]

    @property
    def got(self) -> bytes:
        return b"".join(z.got for z in self.zebras)


@pytest.fixture
def networks() -> Iterator[list[Network]]:
    made: list[Network] = []
    yield made
    for network in made:
        network.listener.close()


def tcp(networks: list[Network], *, answers: bool = True, **how: object) -> Printer:
    networks.append(Network(**how))
    settings = {"host": "127.0.0.1", "port": networks[-1].port, "answers": answers}
    return registry.load("printers", "tcp", settings, where="printer")


def test_a_label_is_printed_when_the_printer_says_so(networks: list[Network]) -> None:
    printer = tcp(networks)
    assert printer.print(DATA, label_id="bench-01-000123", within=Deadline(10)) == Printed("bench-01-000123")
    assert networks[-1].got == DATA
    assert printer.status(within=Deadline(5)).ready is True


def test_a_silent_printer_gets_nothing_because_it_has_no_paper(
    networks: list[Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_channel, "ANSWER_SECONDS", 0.3)
    printer = tcp(networks, paper=False)
    result = printer.print(DATA, label_id="1", within=Deadline(10))
    assert isinstance(result, NotPrinted)
    assert "out of paper or ribbon, head open" in result.reason
    assert networks[-1].got == b""


def test_an_open_head_is_named_and_nothing_is_sent(networks: list[Network]) -> None:
    result = tcp(networks, head=True).print(DATA, label_id="1", within=Deadline(10))
    assert result == NotPrinted("1", "printer: head open")
    assert networks[-1].got == b""


def test_a_label_that_keeps_waiting_is_unknown_when_the_deadline_is_over(networks: list[Network]) -> None:
    began = time.monotonic()
    result = tcp(networks, prints=False).print(DATA, label_id="1", within=Deadline(1.0))
    assert isinstance(result, Unknown)
    assert time.monotonic() - began < SOON_S


def test_power_lost_in_the_middle_is_unknown(networks: list[Network]) -> None:
    result = tcp(networks, hangs_up_after=600).print(DATA * 40, label_id="1", within=Deadline(5))
    assert isinstance(result, Unknown)


def test_a_printer_that_cannot_be_asked_leaves_it_unknown(networks: list[Network]) -> None:
    result = tcp(networks, answers=False).print(DATA, label_id="1", within=Deadline(5))
    assert isinstance(result, Unknown)
    until = time.monotonic() + SOON_S
    while networks[-1].got != DATA and time.monotonic() < until:
        time.sleep(0.01)
    assert networks[-1].got == DATA


def test_nobody_listening_means_that_certainly_nothing_was_printed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    printer = registry.load("printers", "tcp", {"host": "127.0.0.1", "port": port}, where="printer")
    result = printer.print(DATA, label_id="1", within=Deadline(5))
    assert isinstance(result, NotPrinted)
    assert f"127.0.0.1:{port}: Connection refused" in result.reason
    assert printer.status(within=Deadline(5)).ready is False


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal: the printer's end, and the port's path."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)


@pytest.mark.parametrize("driver", ["serial", "raw"])
def test_a_label_goes_over_a_serial_line_or_a_device_file(driver: str, line: tuple[int, str]) -> None:
    master, path = line
    zebra = Zebra(master)
    settings = {"port": path} if driver == "serial" else {"path": path}
    printer = registry.load("printers", driver, settings, where="printer")
    assert printer.print(DATA, label_id="1", within=Deadline(10)) == Printed("1")
    assert zebra.got == DATA


def test_a_device_that_takes_nothing_more_does_not_block_past_the_deadline(line: tuple[int, str]) -> None:
    _, path = line
    printer = registry.load("printers", "raw", {"path": path, "answers": False}, where="printer")
    began = time.monotonic()
    result = printer.print(DATA * 200, label_id="1", within=Deadline(0.5))
    assert isinstance(result, Unknown)
    assert "takes nothing more after" in result.reason
    assert time.monotonic() - began < SOON_S


@pytest.mark.parametrize(("driver", "key"), [("raw", "path"), ("serial", "port")])
def test_a_missing_device_is_not_printed_and_nothing_is_created(driver: str, key: str, tmp_path: Path) -> None:
    path = tmp_path / "lp0"
    printer = registry.load("printers", driver, {key: str(path)}, where="printer")
    result = printer.print(DATA, label_id="1", within=Deadline(2))
    assert isinstance(result, NotPrinted)
    assert "No such file or directory" in result.reason
    assert not path.exists()


def test_paper_that_is_out_in_the_kernels_words_is_told_in_ours() -> None:
    printer = registry.load("printers", "raw", {"path": "/dev/full", "answers": False}, where="printer")
    result = printer.print(DATA, label_id="1", within=Deadline(5))
    assert result == NotPrinted("1", f"printer: paper out after 0 of {len(DATA)} bytes")


def test_a_printer_of_the_kernel_is_told_to_give_up_at_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(passthrough, "ioctl", lambda fd, request, value: asked.append((request, value)))
    printer = registry.load("printers", "raw", {"path": "/dev/null", "answers": False}, where="printer")
    assert isinstance(printer.print(DATA, label_id="1", within=Deadline(5)), Unknown)
    assert asked == [(0x0604, 1)]


def test_a_usb_printer_that_takes_nothing_more_does_not_block_past_the_deadline() -> None:
    reader, writer = os.pipe()  # it blocks, as usblp does
    began = time.monotonic()
    sent, problem = _channel._send(_channel.Opened(writer, packets=True), DATA * 200, Deadline(0.5))
    assert (sent > 0, problem) == (True, "it takes nothing more")
    assert time.monotonic() - began < SOON_S
    os.close(reader)
    os.close(writer)


def test_a_format_without_its_end_keeps_a_label_from_being_printed() -> None:
    answer = (
        b"\x02030,0,0,0245,000,0,0,1,000,0,0,0\x03\r\n\x02000,0,0,0,0,2,4,0,00000000,1,000\x03\r\n\x021234,0\x03\r\n"
    )
    status = parse_host_status(answer)
    assert status is not None
    assert (status.ready, status.waiting) == (True, 1)
