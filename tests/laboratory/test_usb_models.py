"""The keyboard and the printer on the host, without a guest: what they say to a port, and their faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.printers.languages import render
from drivers.printers.languages.label import Media
from drivers.printers.languages.zpl import parse_host_status
from tests.drivers.printers.labels import ERASED
from tests.laboratory.usb.device import Stalled, Status, Transfer
from tests.laboratory.usb.hid import REPORT_DESCRIPTOR, NumberPad, Scanner
from tests.laboratory.usb.printer import GET_DEVICE_ID, GET_PORT_STATUS, IN, OUT, SOFT_RESET, ZplPrinter
from tests.laboratory.usb.redir import Port

LABEL = render(ERASED, Media())
CLASS_IN = 0xA1


class Listener(Port):
    """A port that writes down what a device says to it."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self.reports: list[bytes] = []
        self.done: list[tuple[int, bytes, Status]] = []

    def bulk_done(self, transfer: Transfer, data: bytes = b"", status: Status = Status.DONE) -> None:
        self.done.append((transfer.ident, data, status))

    def interrupt(self, endpoint: int, ident: int, data: bytes) -> None:
        self.reports.append(data)


def printer() -> tuple[ZplPrinter, Listener]:
    model, port = ZplPrinter(), Listener()
    model.attach(port)
    return model, port


def write(model: ZplPrinter, data: bytes, ident: int = 1) -> None:
    model.bulk_out(Transfer(OUT, ident, len(data)), data)


def asked(model: ZplPrinter, port: Listener) -> bytes:
    """What it answers to ~HS; nothing where it is silent."""
    port.done.clear()
    model.bulk_in(Transfer(IN, 9, 1024))
    write(model, b"~HS")
    answer = b"".join(data for ident, data, _ in port.done if ident == 9)
    model.cancel(9)
    return answer


def test_a_scanner_types_keys_down_and_up_with_shift_and_enter() -> None:
    scanner, port = Scanner(), Listener()
    scanner.attach(port)
    scanner.scan("K-0")
    assert [report for report in port.reports if report[2]] == [
        bytes([2, 0, 0x0E, 0, 0, 0, 0, 0]),
        bytes([0, 0, 0x2D, 0, 0, 0, 0, 0]),
        bytes([0, 0, 0x27, 0, 0, 0, 0, 0]),
        bytes([0, 0, 0x28, 0, 0, 0, 0, 0]),
    ]
    assert port.reports[1::2] == [bytes(8)] * 4


def test_a_keyboard_describes_its_reports_and_takes_its_lamps() -> None:
    pad = NumberPad()
    assert pad.control(0x81, 6, 0x2200, 0, 255, b"") == REPORT_DESCRIPTOR
    assert pad.control(0x80, 6, 0x0200, 0, 255, b"")[25:27] == len(REPORT_DESCRIPTOR).to_bytes(2, "little")
    pad.control(0x21, 0x09, 0x0200, 0, 1, b"\x01")
    assert pad.lamps == 1
    with pytest.raises(Stalled):
        pad.control(0xA1, 0x77, 0, 0, 1, b"")


def test_a_label_in_pieces_is_printed_whole_and_then_nothing_waits() -> None:
    model, port = printer()
    for at in range(0, len(LABEL), 100):
        write(model, LABEL[at : at + 100])
    assert model.labels == [LABEL.strip()]
    status = parse_host_status(asked(model, port))
    assert status is not None
    assert (status.ready, status.waiting) == (True, 0)


def test_a_printer_says_who_it_is_and_how_its_port_is() -> None:
    model, _ = printer()
    told = model.control(CLASS_IN, GET_DEVICE_ID, 0, 0, 1023, b"")
    assert (len(told), b"CMD:ZPL;" in told) == (int.from_bytes(told[:2], "big"), True)
    assert model.control(CLASS_IN, GET_PORT_STATUS, 0, 0, 1, b"") == b"\x18"
    model.paper_out = True
    assert model.control(CLASS_IN, GET_PORT_STATUS, 0, 0, 1, b"") == b"\x30"


def test_a_roll_that_ends_keeps_the_label_until_there_is_paper_or_a_reset() -> None:
    model, port = printer()
    model.left = 1
    write(model, LABEL * 2)
    assert (len(model.labels), model.paper_out, asked(model, port)) == (1, True, b"")
    model.mend()
    assert len(model.labels) == 2
    model.paper_out = True
    write(model, LABEL)
    model.control(0x21, SOFT_RESET, 0, 0, 0, b"")
    model.mend()
    assert len(model.labels) == 2


def test_a_stuck_printer_keeps_a_write_waiting_until_it_is_mended_or_given_up() -> None:
    model, port = printer()
    model.takes = 100
    write(model, LABEL, 1)
    assert (port.done, model.labels, model.stuck.is_set()) == ([], [], True)
    model.cancel(1)
    assert port.done == [(1, b"", Status.CANCELLED)]
    model.reset()
    model.takes = 100
    write(model, LABEL, 2)
    model.mend()
    assert (port.done[-1], model.labels) == ((2, b"", Status.DONE), [LABEL.strip()])
