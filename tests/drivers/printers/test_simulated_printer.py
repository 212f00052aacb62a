"""The simulated printer prints what the bytes say, and fails in every way that a real one does."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from drivers import registry
from drivers.deadline import Deadline
from drivers.printers.base import NotPrinted, Printed, Printer, Unknown
from drivers.printers.languages import render
from drivers.printers.languages.label import Media
from drivers.printers.languages.preview import preview
from tests.drivers.printers.labels import FAILED, QR

DATA = render(FAILED, Media())


def made(folder: Path, **settings: object) -> Printer:
    return registry.load("printers", "simulated", {"folder": str(folder), **settings}, where="printer")


def test_the_bytes_and_their_picture_come_out(tmp_path: Path) -> None:
    printer = made(tmp_path / "labels")
    assert printer.print(DATA, label_id="bench-01-000123", within=Deadline(5)) == Printed("bench-01-000123")
    assert sorted(p.name for p in (tmp_path / "labels").iterdir()) == ["bench-01-000123.png", "bench-01-000123.zpl"]
    assert (tmp_path / "labels" / "bench-01-000123.zpl").read_bytes() == DATA
    picture = (tmp_path / "labels" / "bench-01-000123.png").read_bytes()
    assert zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))[0].text == QR
    assert picture == preview(FAILED, Media())


@pytest.mark.parametrize("name", ["tspl", "epl", "escpos", "brother-ql"])
def test_it_reads_every_language_and_prints_no_other(name: str, tmp_path: Path) -> None:
    printer = made(tmp_path, language=name)
    assert printer.print(render(FAILED, printer.media), label_id="1", within=Deadline(5)) == Printed("1")
    assert zxingcpp.read_barcodes(Image.open(tmp_path / "1.png"))[0].text == QR
    assert (tmp_path / f"1.{name}").exists()
    result = printer.print(DATA, label_id="2", within=Deadline(5))
    assert isinstance(result, NotPrinted)
    assert "no label in these bytes" in result.reason
    assert not (tmp_path / "2.png").exists()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("paper-out", "printer: paper out"), ("head-open", "printer: head open"), ("gone", "printer: it is not there")],
)
def test_a_printer_that_cannot_print_says_why_and_nothing_comes_out(fault: str, reason: str, tmp_path: Path) -> None:
    control = tmp_path / "control"
    control.write_text(fault)
    printer = made(tmp_path / "labels", control_file=str(control))
    assert printer.print(DATA, label_id="1", within=Deadline(5)) == NotPrinted("1", reason)
    assert printer.status(within=Deadline(5)).ready is False
    assert not (tmp_path / "labels").exists()
    control.write_text("none")
    assert printer.print(DATA, label_id="1", within=Deadline(5)) == Printed("1")


@pytest.mark.parametrize("fault", ["dies", "mute"])
def test_what_nobody_saw_printed_is_unknown(fault: str, tmp_path: Path) -> None:
    printer = made(tmp_path, fault=fault)
    assert isinstance(printer.print(DATA, label_id="1", within=Deadline(5)), Unknown)
    assert (tmp_path / "1.zpl").exists() is (fault == "mute")


def test_a_label_id_cannot_leave_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    assert isinstance(made(folder).print(DATA, label_id="../../x/é", within=Deadline(5)), Printed)
    assert not list(tmp_path.glob("*.zpl"))
    assert len(list(folder.glob("*.zpl"))) == 1


def test_bytes_that_no_printer_could_read_are_not_printed(tmp_path: Path) -> None:
    result = made(tmp_path).print(b"hello", label_id="1", within=Deadline(5))
    assert isinstance(result, NotPrinted)
    assert not list(tmp_path.glob("*.png"))
