"""Every file in drivers/printers/ keeps the contract of base.py where its printer is absent: a word, never an error."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drivers import registry
from drivers.deadline import Deadline
from drivers.printers.base import NotPrinted, Printer, PrinterSettings
from drivers.printers.languages import render
from tests.drivers.printers.labels import ERASED


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


ABSENT: dict[str, Callable[[Path], dict[str, Any]]] = {
    "raw": lambda folder: {"path": str(folder / "lp0")},
    "serial": lambda folder: {"port": str(folder / "ttyUSB0")},
    "tcp": lambda _: {"host": "127.0.0.1", "port": _closed_port()},
    "cups": lambda folder: {"queue": "nosuch", "server": str(folder / "socket")},
    "simulated": lambda folder: {"folder": str(folder / "labels"), "fault": "gone"},
}


@pytest.fixture(params=registry.known("printers"))
def printer(request: pytest.FixtureRequest, tmp_path: Path) -> Printer:
    """KeyError: a new driver needs a row above."""
    return registry.load("printers", request.param, ABSENT[request.param](tmp_path), where="printer.one")


def test_a_printer_that_is_not_there_has_printed_nothing_and_says_so(printer: Printer, tmp_path: Path) -> None:
    data = render(ERASED, printer.media)
    result = printer.print(data, label_id="bench-01-000001", within=Deadline(5))
    assert isinstance(result, NotPrinted)
    assert result.label_id == "bench-01-000001"
    assert "printer.one" in result.reason
    assert printer.status(within=Deadline(5)).ready is False
    assert list(tmp_path.iterdir()) == []
    printer.close()
    printer.close()


def test_no_time_left_is_no_print(printer: Printer) -> None:
    over = Deadline(0)
    time.sleep(0.001)
    assert isinstance(printer.print(b"^XA^XZ", label_id="1", within=over), NotPrinted)


def test_it_prints_on_the_label_that_its_settings_name(printer: Printer) -> None:
    assert printer.media == PrinterSettings().media()
