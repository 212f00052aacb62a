"""The host's end of a modelled USB device, without a guest."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from tests.agent.mosquitto import wait_until
from tests.laboratory.models.ata import AtaDrive
from tests.laboratory.models.medium import Medium
from tests.laboratory.models.sat import SatTarget
from tests.laboratory.usb.redir import Port
from tests.laboratory.usb.storage import Dock


class Slow(Dock):
    """The thread that serves it ends late: not before the drive stands in another dock."""

    def __init__(self, target: SatTarget) -> None:
        super().__init__(target)
        self.serving, self.let_go = threading.Event(), threading.Event()

    def control(self, kind: int, request: int, value: int, index: int, length: int, data: bytes) -> bytes:
        self.serving.set()
        self.let_go.wait(20)
        return super().control(kind, request, value, index, length, data)


@pytest.fixture
def guest(tmp_path: Path) -> socket.socket:
    """QEMU's side of a port, listening."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "usb1"))
    listening.listen()
    return listening


def test_a_drive_that_stands_in_another_dock_by_then_keeps_its_power(guest: socket.socket, tmp_path: Path) -> None:
    """A dock takes the power along once, when it is pulled out: not again when its thread has noticed."""
    drive, port = AtaDrive(Medium(1 << 20)), Port(tmp_path / "usb1")
    first = Slow(SatTarget(drive))
    port.plug(first)
    asks, _ = guest.accept()
    asks.sendall(bytes.fromhex("00000000 44000000 00000000") + bytes(68))  # HELLO
    asks.sendall(bytes.fromhex("64000000 0a000000 0100000000000000  00 06 80 00 0001 0000 1200"))  # GET DESCRIPTOR
    assert first.serving.wait(20)
    (serving,) = [thread for thread in threading.enumerate() if thread.name == "usb"]
    port.unplug()
    assert not drive.powered
    port.plug(Dock(SatTarget(drive)))
    first.let_go.set()
    wait_until(lambda: not serving.is_alive(), "the first dock's thread ends", 20)
    assert drive.powered
    port.unplug()
    assert not drive.powered
