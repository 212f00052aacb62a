"""`bays learn` on a terminal: a drive in each bay, and the map in the file. Simulated ports, and real loop devices."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.commands.conftest import COMMAND, Call, finish, start
from tests.agent.commands.test_terminal import Terminal
from tests.drivers.drives.conftest import MIB, Loops

HEAD = """\
# The bench by the window.
[station]
language = "en"   # mine

[[source]]
name = "bench"
driver = "simulated"
settings = { folder = "bench" }
"""
BAY = '\n[[bay]]\nname = "{name}"\nport = "{port}"   # {name}\nsource = "bench"\n'


class Bench:
    """A folder with a configuration and a simulated source; drives are plugged by links."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "station.toml"
        self.state = folder / "state"
        (folder / "bench/ports").mkdir(parents=True)

    def write(self, *bays: tuple[str, str]) -> str:
        """The configuration with these bays."""
        text = HEAD + "".join(BAY.format(name=name, port=port) for name, port in bays)
        self.config.write_text(text)
        return text

    def plug(self, port: str, serial: str, ports: str = "ports") -> None:
        """A drive comes to a port, at once as a whole."""
        drive = self.folder / "bench/drives" / serial
        if not drive.exists():
            drive.mkdir(parents=True)
            (drive / "image").write_bytes(bytes(4096))
            (drive / "drive.toml").write_text(f'serial = "{serial}"\nmodel = "M-{serial}"\n')
        (self.folder / "bench" / ports / port).symlink_to(drive)

    def ports(self) -> dict[str, str]:
        """Name -> port, as the file says now."""
        return {bay["name"]: bay["port"] for bay in tomllib.loads(self.config.read_text())["bay"]}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def learning(bench: Bench) -> Iterator[Callable[..., Terminal]]:
    """Start the command on a terminal; killed at the end if it still runs."""
    begun: list[Terminal] = []

    def run(*words: str) -> Terminal:
        terminal = Terminal(
            "bays", "learn", "--config", bench.config, "--state-dir", bench.state, *words, command=COMMAND
        )
        begun.append(terminal)
        return terminal

    yield run
    for terminal in begun:
        if terminal.process.poll() is None:
            terminal.process.kill()


def test_a_drive_in_each_bay_makes_the_map(bench: Bench, learning: Callable[..., Terminal]) -> None:
    text = bench.write(("A1", "old-1"), ("A2", "old-2"), ("A3", "old-3"))
    bench.config.chmod(0o640)
    bench.plug("elsewhere", "OTHER")
    terminal = learning()
    terminal.read_until("Bay A1: put a drive in")
    bench.plug("p1", "S1")
    terminal.read_until("Bay A1: Simulated M-S1 S1 4.1 kB.")
    terminal.read_until("Bay A2: put a drive in")
    terminal.type("what\n")
    terminal.read_until("Type skip, again or done")
    terminal.type("skip\n")
    terminal.read_until("Bay A3: put a drive in")
    bench.plug("p3", "S3")
    terminal.read_until("toml: 2.")
    assert terminal.end() == 0
    assert bench.config.read_text() == text.replace("old-1", "p1").replace("old-3", "p3")
    backup = bench.config.with_name("station.toml~")
    assert backup.read_text() == text
    assert {stat.S_IMODE(p.stat().st_mode) for p in (bench.config, backup)} == {0o640}
    assert not bench.state.exists()
    assert (bench.folder / "bench/drives/S1/image").read_bytes() == bytes(4096)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("exit 0", 0, "toml: 1."),
        (
            "echo 'Job failed.' >&2; exit 1",
            2,
            "benchwipe.service could not be started: Job failed. The ports are written.",
        ),
        (None, 2, "benchwipe.service could not be started: there is no systemctl here. The ports are written."),
    ],
)
def test_start_starts_the_service_once_the_ports_are_written(
    bench: Bench,
    learning: Callable[..., Terminal],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: str | None,
    status: int,
    said: str,
) -> None:
    bench.write(("A1", "old-1"), ("A2", "old-2"))
    programs = tmp_path / "programs"
    programs.mkdir()
    if body is not None:
        (programs / "systemctl").write_text(
            f'#!/bin/sh\necho "$@" >{tmp_path}/asked\ngrep -c p1 {bench.config} >>{tmp_path}/asked\n{body}\n'
        )
        (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.defpath}" if body is not None else str(programs))
    terminal = learning("--start")
    terminal.read_until("Bay A1: put a drive in")
    bench.plug("p1", "S1")
    terminal.read_until("Bay A2: put a drive in")
    assert not (tmp_path / "asked").exists()
    terminal.type("done\n")
    assert terminal.end() == status
    assert said in terminal.seen
    assert bench.ports() == {"A1": "p1", "A2": "old-2"}
    if body is not None:
        assert (tmp_path / "asked").read_text() == "enable --now benchwipe.service\n1\n"


def test_again_asks_the_bay_before_and_done_is_enough(bench: Bench, learning: Callable[..., Terminal]) -> None:
    bench.write(("A1", "old-1"), ("A2", "old-2"))
    terminal = learning()
    terminal.read_until("Bay A1: put a drive in")
    bench.plug("wrong", "S1")
    terminal.read_until("Bay A2: put a drive in")
    terminal.seen = ""
    terminal.type("again\n")
    terminal.read_until("Bay A1: put a drive in")
    bench.plug("right", "S2")
    terminal.read_until("Bay A2: put a drive in")
    terminal.type("done\n")
    terminal.read_until("toml: 1.")
    assert terminal.end() == 0
    assert bench.ports() == {"A1": "right", "A2": "old-2"}


def test_a_port_that_another_bay_has_is_refused(bench: Bench, learning: Callable[..., Terminal]) -> None:
    bench.write(("A1", "p1"), ("A2", "p2"))
    terminal = learning()
    terminal.read_until("Bay A1: put a drive in")
    bench.plug("p2", "S1")
    terminal.read_until("That is the port of bay A2 already")
    bench.plug("p3", "S2")
    terminal.read_until("Bay A2: put a drive in")
    bench.plug("p1", "S3")  # A1 gave it up
    terminal.read_until("toml: 2.")
    assert terminal.end() == 0
    assert bench.ports() == {"A1": "p3", "A2": "p1"}


def test_fresh_bays_may_exchange_their_ports(bench: Bench, learning: Callable[..., Terminal]) -> None:
    bench.write(("A1", "p1"), ("A2", "p2"))
    terminal = learning("--fresh")
    terminal.read_until("Bay A1: put a drive in")
    bench.plug("p2", "S1")
    terminal.read_until("Bay A2: put a drive in")
    bench.plug("p1", "S2")
    assert terminal.end() == 0
    assert bench.ports() == {"A1": "p2", "A2": "p1"}


def test_two_drives_at_once_are_no_answer(bench: Bench, learning: Callable[..., Terminal]) -> None:
    bench.write(("A1", "old"))
    terminal = learning()
    terminal.read_until("Bay A1: put a drive in")
    (bench.folder / "bench/both").mkdir()
    bench.plug("p1", "S1", "both")
    bench.plug("p2", "S2", "both")
    (bench.folder / "bench/both").rename(bench.folder / "bench/ports")
    terminal.read_until("Several drives came at once")
    bench.plug("p3", "S3")
    assert terminal.end() == 0
    assert bench.ports() == {"A1": "p3"}


def test_without_bays_it_asks_for_their_names(bench: Bench, learning: Callable[..., Terminal]) -> None:
    text = bench.write()
    terminal = learning()
    terminal.read_until("Enter for A1, or done")
    terminal.type("\n")
    terminal.read_until("Bay A1: put a drive in")
    bench.plug("p1", "S1")
    terminal.read_until("Enter for A2, or done")
    terminal.type("no such name\n")
    terminal.read_until("cannot be the name")
    terminal.type("left\n")
    terminal.read_until("Bay left: put a drive in")
    bench.plug("p2", "S2")
    terminal.read_until("Enter for A3, or done")
    terminal.type("done\n")
    assert terminal.end() == 0
    assert bench.ports() == {"A1": "p1", "left": "p2"}
    assert bench.config.read_text().startswith(text)


def test_ctrl_c_and_the_end_of_input_leave_the_file_alone(bench: Bench, learning: Callable[..., Terminal]) -> None:
    text = bench.write(("A1", "old-1"), ("A2", "old-2"))
    for end in ("interrupt", "\x04"):
        terminal = learning()
        terminal.read_until("Bay A1: put a drive in")
        bench.plug(f"p{ord(end[0])}", f"S{ord(end[0])}")
        terminal.read_until("Bay A2: put a drive in")
        if end == "interrupt":
            terminal.process.send_signal(signal.SIGINT)
        else:
            terminal.type(end)
        assert terminal.end() == 130
        assert "Traceback" not in terminal.seen
        assert bench.config.read_text() == text
        assert sorted(path.name for path in bench.folder.iterdir()) == ["bench", "station.toml"]


def test_danish_is_asked_and_understood(bench: Bench, learning: Callable[..., Terminal]) -> None:
    bench.write(("A1", "old-1"), ("A2", "old-2"))
    bench.config.write_text(bench.config.read_text().replace('"en"', '"da"'))
    terminal = learning()
    terminal.read_until("Bås A1: sæt et drev i")
    terminal.type("spring\n")
    terminal.read_until("Bås A2: sæt et drev i")
    terminal.type("færdig\n")
    terminal.read_until("Intet blev lært")
    assert terminal.end() == 0


def test_off_a_terminal_it_is_refused_in_one_line(bench: Bench, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    text = bench.write(("A1", "old-1"))
    done = finish(start("bays", "learn", "--config", bench.config, "--state-dir", bench.state))
    assert done.status == 2
    assert "needs a terminal" in done.complaint
    assert bench.config.read_text() == text


def test_beside_a_running_daemon_it_is_refused(bench: Bench, learning: Callable[..., Terminal]) -> None:
    bench.write(("A1", "old-1"))
    bench.state.mkdir()
    with (bench.state / "daemon.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        terminal = learning()
        terminal.read_until("BW-A19")
        assert terminal.end() == 2


def test_real_devices_a_used_one_is_refused_and_nothing_is_written_to_any(
    bench: Bench, learning: Callable[..., Terminal], loops: Loops
) -> None:
    by_path = bench.folder / "by-path"
    by_path.mkdir()
    settings: Any = f'{{ by_path = "{by_path}" }}'
    bench.config.write_text(
        f'[station]\nlanguage = "en"\n[[source]]\nname = "block"\ndriver = "block"\nsettings = {settings}\n'
        '[[bay]]\nname = "A1"\nport = "usb-1-scsi-0:0:0:0"\n[[bay]]\nname = "A2"\nport = "none"\n'
    )
    images = [loops.image(MIB) for _ in range(2)]
    used, free = (loops.attach(image) for image in images)
    subprocess.run(["mke2fs", "-q", "-F", used], check=True)
    mount = bench.folder / "mnt"
    mount.mkdir()
    subprocess.run(["mount", "-o", "ro", used, str(mount)], check=True)
    before = [image.read_bytes() for image in images]
    try:
        terminal = learning()
        terminal.read_until("Bay A1: put a drive in")
        (by_path / "usb-9").symlink_to(used)
        terminal.read_until("This machine uses that drive")
        (by_path / "usb-1-scsi-0:0:0:1").symlink_to(free)  # the second slot of one bridge
        terminal.read_until("Bay A2: put a drive in")
        terminal.type("done\n")
        assert terminal.end() == 0
    finally:
        subprocess.run(["umount", str(mount)], check=True)
    assert bench.ports() == {"A1": "usb-1-scsi-0:0:0:1", "A2": "none"}
    os.sync()
    assert [image.read_bytes() for image in images] == before
