"""State folders as they are found: what cannot be used is one line and status 2, and the drive is not touched."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import serial

from agent.jobs.registrar import Registrar
from agent.settings import Settings
from tests.agent.commands.conftest import Call
from tests.agent.commands.test_erase import read_direct
from tests.drivers.docks.counterparts import Kmtronic
from tests.drivers.drives.conftest import MIB, Loops


def made(state: Path) -> None:
    registrar = Registrar(Settings(), state)
    registrar.close()


def a_key_open_to_others(state: Path) -> str:
    made(state)
    (state / "station.key").chmod(0o644)
    return "station.key: the signing key is open to others (-rw-r--r--); chmod 600 it"


def a_key_that_is_none(state: Path) -> str:
    made(state)
    (state / "station.key").write_text("-----BEGIN NOTHING-----\n")
    return "station.key: not a private key in PEM"


def a_ledger_of_a_newer_version(state: Path) -> str:
    made(state)
    with sqlite3.connect(state / "ledger.sqlite3") as db:
        db.execute("PRAGMA user_version = 999")
    return "made by a newer benchwipe (version 999)"


def a_ledger_that_is_none(state: Path) -> str:
    made(state)
    (state / "ledger.sqlite3").write_bytes(b"garbage" * 1000)
    return "ledger.sqlite3: file is not a database"


def a_ledger_open_to_others(state: Path) -> str:
    made(state)
    (state / "ledger.sqlite3").chmod(0o644)
    return "the ledger is open to others"


def a_folder_below_a_file(state: Path) -> str:
    state.parent.mkdir(exist_ok=True)
    state.write_text("")
    return f"{state} is a file; a folder is wanted"


def certificates_that_are_a_file(state: Path) -> str:
    made(state)
    (state / "certificates").rmdir()
    (state / "certificates").write_text("")
    return "certificates: File exists"


def a_folder_that_is_a_link_to_nowhere(state: Path) -> str:
    state.symlink_to("/nowhere/at/all")
    return "state"


@pytest.mark.parametrize(
    "prepare",
    [
        a_key_open_to_others,
        a_key_that_is_none,
        a_ledger_of_a_newer_version,
        a_ledger_that_is_none,
        a_ledger_open_to_others,
        a_folder_below_a_file,
        certificates_that_are_a_file,
        a_folder_that_is_a_link_to_nowhere,
    ],
)
def test_a_state_folder_that_cannot_be_used_touches_no_drive(
    call: Call, loops: Loops, tmp_path: Path, prepare: Callable[[Path], str]
) -> None:
    image = loops.image(MIB)
    before, device = image.read_bytes(), loops.attach(image)
    told = prepare(tmp_path / "state")
    done = call("erase", device, "--yes", "--json")
    assert done.status == 2
    assert told in done.complaint
    assert done.document == {"error": done.complaint.removeprefix("benchwipe: ")}
    assert read_direct(device) == before


@pytest.mark.parametrize("full", [False, True])
def test_a_state_folder_that_cannot_be_written_to_touches_no_drive(
    call: Call, loops: Loops, tmp_path: Path, full: bool
) -> None:
    image, state = loops.image(MIB), tmp_path / "state"
    before, device = image.read_bytes(), loops.attach(image)
    state.mkdir()
    options = "size=4k" if full else "ro"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(state)], check=True)
    try:
        done = call("erase", device, "--yes", "--json")
        assert done.status == 2
        assert (
            "No space left" if full else "Read-only file system"
        ) in done.complaint or "disk is full" in done.complaint
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)
    assert read_direct(device) == before


def test_a_disk_without_room_for_a_certificate_is_named(call: Call, loops: Loops, tmp_path: Path) -> None:
    device, copies = loops.attach(loops.image(MIB)), tmp_path / "copies"
    copies.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(copies)], check=True)
    try:
        done = call("erase", device, "--yes", "--certificate-dir", copies)
    finally:
        subprocess.run(["umount", "-l", str(copies)], check=True)
    assert done.status == 2
    assert done.complaint == f"benchwipe: {copies}: No space left on device"


def test_a_certificate_folder_that_cannot_be_used_touches_no_drive(call: Call, loops: Loops, tmp_path: Path) -> None:
    image = loops.image(MIB)
    before, device = image.read_bytes(), loops.attach(image)
    (tmp_path / "file").write_text("")
    full = tmp_path / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=1", "none", str(full)], check=True)
    try:
        for folder in (tmp_path / "file", tmp_path / "file" / "below", full):
            done = call("erase", device, "--yes", "--certificate-dir", folder)
            assert done.status == 2
            assert done.complaint
    finally:
        subprocess.run(["umount", str(full)], check=True)
    assert read_direct(device) == before


def test_a_certificate_folder_lost_on_the_way_costs_no_certificate(
    call: Call, loops: Loops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, folder = loops.attach(loops.image(MIB)), tmp_path / "stick"

    def pulled(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("agent.commands.work.erase.files", SimpleNamespace(write_once=pulled))
    done = call("erase", device, "--yes", "--json", "--certificate-dir", folder)
    assert (done.status, done.outcomes) == (0, ["erased"])
    path = Path(done.results[0]["certificate_file"])
    assert path.parent == tmp_path / "state" / "certificates"
    assert path.exists()


def test_the_key_is_made_once_and_for_its_owner_alone(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "state" / "station.key"
    first, second = call("key", "init"), call("key", "init")
    assert (first.status, second.status) == (0, 0)
    assert "made: " in first.err
    assert "there was one already" in second.err
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert first.document == second.document == call("key", "show").document
    assert {"kty", "crv", "x", "kid"} <= set(first.document)
    assert "d" not in first.document


@pytest.mark.parametrize(("bays", "digits", "well"), [(9, 1, True), (10, 1, False), (24, 1, False), (24, 2, True)])
def test_check_refuses_a_keypad_whose_numbers_are_too_short_for_a_bay(
    call: Call, tmp_path: Path, bays: int, digits: int, *, well: bool
) -> None:
    config = tmp_path / "station.toml"
    rows = "".join(f'[[bay]]\nname = "B{n:02}"\nport = "/dev/usb-{n}"\n' for n in range(1, bays + 1))
    pad = f'settings = {{ path = "/dev/input/pad", kind = "keypad", digits = {digits} }}\n'
    config.write_text(f'{rows}[[input]]\nname = "pad"\ndriver = "hid"\n{pad}')
    done = call("check", "--config", config)
    assert (done.status == 0) is well, done.err
    assert ("input[0].settings.digits: bay B10 has a longer number" in done.err) is not well


@pytest.mark.parametrize(
    ("names", "keys", "told"),
    [
        (("1", "2", "left"), "", "no number names bay left"),
        (("01", "02"), "", ""),
        (("1", "001"), "", "no number names bay 001"),
        (tuple(f"B{n}" for n in range(1, 10)), 'keys = { "9" = "REPRINT" }', "no number names bay B9"),
        (tuple(str(n) for n in range(99, 101)), "", "bay 100 has a longer number; allowed is digits = 3"),
    ],
)
def test_check_refuses_a_keypad_that_cannot_name_every_bay(
    call: Call, tmp_path: Path, names: tuple[str, ...], keys: str, told: str
) -> None:
    config = tmp_path / "station.toml"
    rows = "".join(f'[[bay]]\nname = "{name}"\nport = "/dev/usb-{n}"\n' for n, name in enumerate(names, start=1))
    pad = f'settings = {{ path = "/dev/input/pad", kind = "keypad"{", " if keys else ""}{keys} }}\n'
    config.write_text(f'{rows}[[input]]\nname = "pad"\ndriver = "hid"\n{pad}')
    done = call("check", "--config", config)
    assert (done.status == 0) is (told == ""), done.err
    assert told in done.err


def test_check_finds_every_problem_and_makes_nothing(call: Call, tmp_path: Path) -> None:
    config, state = tmp_path / "station.toml", tmp_path / "state"
    config.write_text('[[bay]]\nname = "A"\nport = "/dev/usb-1"\n')
    assert call("check", "--config", config).status == 0
    assert not state.exists()
    config.write_text('[station]\nid = "x x"\nlanguge = "da"\n[[printer]]\nname = "p"\ndriver = "nothing"\n')
    done = call("check", "--config", config)
    assert done.status == 2
    assert {line.split(":")[0] for line in done.err.splitlines()} == {"benchwipe", "note"}
    assert "no printers driver is called 'nothing'" in done.err  # in the same breath: there is one stage
    assert "station.id = 'x x'" in done.err
    assert "did you mean language?" in done.err
    made(state)
    (state / "station.key").chmod(0o640)
    config.write_text('[[bay]]\nname = "A"\nport = "/dev/usb-1"\n[[printer]]\nname = "p"\ndriver = "nothing"\n')
    done = call("check", "--config", config)
    assert done.status == 2
    assert "no printers driver is called 'nothing'" in done.err
    assert "open to others" in done.err


def test_commands_that_need_a_configuration_say_so(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("agent.commands.options.DEFAULT_CONFIG", tmp_path / "absent.toml")
    for words in (("run",), ("check",), ("bays", "udev-rules")):
        done = call(*words)
        assert done.status == 2
        assert "name a configuration with --config FILE" in done.complaint
    assert call("drives").status == 0


def test_check_asks_each_dock_and_switches_nothing(call: Call, tmp_path: Path) -> None:
    board = Kmtronic(tmp_path, slots=4)
    config = tmp_path / "station.toml"
    dock = f'[[dock]]\nname = "k"\ndriver = "kmtronic"\nsettings = {{ port = "{board.settings["port"]}", slots = 4 }}\n'
    bay = '[[bay]]\nname = "A1"\nport = "/dev/x"\ndock = "k"\nslot = '
    try:
        config.write_text(dock + bay + "4\n")
        assert call("check", "--config", config).status == 0
        config.write_text(dock + bay + "5\n")
        done = call("check", "--config", config)
        assert "bay[0].slot = 5: allowed in dock k is 1 to 4\n" in done.err
        config.write_text(dock.replace("slots = 4", "slots = 8") + bay + "1\n")
        assert "BW-D05" in call("check", "--config", config).err  # half an answer
        with serial.Serial(board.settings["port"], exclusive=True):
            assert "is in use by another program" in call("check", "--config", config).err
        board.unplug()
        done = call("check", "--config", config)
        assert (done.status, "BW-D04" in done.err) == (2, True)
        assert board.relays() == [False] * 4
        assert set(board.seen) <= {0xFF, 0x09, 0x00}  # questions only
    finally:
        board.close()
