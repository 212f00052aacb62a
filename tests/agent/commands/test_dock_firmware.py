"""New firmware for a controller: the file is checked first, a busy bay refuses, and the copy arrives whole."""

from __future__ import annotations

import struct
import threading
import time
from pathlib import Path

import pytest

from agent.cli import main
from drivers.deadline import Deadline
from drivers.docks import _uf2
from firmware_bridge.controller import wire
from tests.drivers.docks.counterparts import OurController
from tests.patience import SOON_S


def uf2(blocks: int = 3, *, family: int = _uf2.RP2040_FAMILY, last: int = 0x0AB16F30) -> bytes:
    """As tools write them."""
    return b"".join(
        struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + 256 * n, 256, n, blocks, family)
        + bytes([n]) * 256
        + bytes(220)
        + struct.pack("<I", last)
        for n in range(blocks)
    )


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "length"),
        (uf2()[:-1], "length"),
        (uf2()[:-512], "not whole"),
        (uf2(family=0xE48BFF59), "another chip"),
        (uf2(last=0), "no UF2 block"),
        (bytes(1024), "no UF2 block"),
    ],
)
def test_what_is_no_whole_uf2_for_this_chip_is_refused(data: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "f.uf2").write_bytes(data)
    with pytest.raises(_uf2.NoFirmware, match=problem):
        _uf2.check(tmp_path / "f.uf2")


def test_no_drive_is_said_and_nothing_else_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "f.uf2").write_bytes(uf2())
    (tmp_path / "stick").mkdir()
    with pytest.raises(_uf2.NoBootDrive):
        _uf2.copy(tmp_path / "f.uf2", tmp_path / "stick", within=Deadline(0.01))
    assert list((tmp_path / "stick").iterdir()) == []


@pytest.fixture
def station(tmp_path: Path) -> Path:
    """A configuration with a controller and a plain dock; firmware and the boot loader's drive beside it."""
    (tmp_path / "firmware.uf2").write_bytes(uf2())
    (tmp_path / "station.toml").write_text(
        '[[dock]]\nname = "ours"\ndriver = "benchwipe_controller"\n'
        f'settings = {{ port = "{tmp_path}/board", slots = 4 }}\n'
        '[[dock]]\nname = "cradle"\ndriver = "plain"\n'
    )
    return tmp_path


def run(station: Path, dock: str = "ours", *options: str) -> int:
    words = ["dock-firmware", dock, str(station / "firmware.uf2"), *options, "--config", str(station / "station.toml")]
    with pytest.raises(SystemExit) as end:
        main(words)
    return int(end.value.code or 0)


def test_the_file_is_copied_to_the_drive_that_appears(station: Path) -> None:
    board = OurController(station)
    drive = station / "RPI-RP2"

    def boots() -> None:
        end = time.monotonic() + SOON_S
        while not board.bench.controller.boot_asked and time.monotonic() < end:
            time.sleep(0.01)
        drive.mkdir()
        (drive / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n")

    thread = threading.Thread(target=boots)
    thread.start()
    try:
        assert run(station, "ours", "--drive", str(drive)) == 0
    finally:
        thread.join()
        board.close()
    assert (drive / "firmware.uf2").read_bytes() == uf2()


def test_a_busy_bay_refuses(station: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = OurController(station)
    board.bench.controller.bays[1].set(wire.BUSY | wire.POWER, wire.BUSY | wire.POWER)
    assert run(station) == 2
    board.close()
    assert "a bay is busy" in capsys.readouterr().err
    assert board.relays()[1]
    assert not board.bench.controller.boot_asked


def test_a_bad_file_asks_the_controller_for_nothing(station: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (station / "firmware.uf2").write_bytes(b"nonsense")
    assert run(station) == 2  # there is no controller, and nobody looked for it
    assert "BW-D35" in capsys.readouterr().err


@pytest.mark.parametrize(("dock", "said"), [("cradle", "no firmware of ours"), ("other", "known: ours, cradle")])
def test_another_dock_is_a_wrong_word(station: Path, dock: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(station, dock) == 2
    assert said in capsys.readouterr().err
