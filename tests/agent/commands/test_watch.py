"""`benchwipe status --watch` on a real pseudo-terminal, read by another project's terminal (pyte)."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyte
import pytest

from agent.devices.control import ControlSocket
from tests.agent.commands.conftest import COMMAND, REPOSITORY
from tests.agent.views.test_screen import answer, bay
from tests.patience import SOON_S


class Screen:
    """The command on a terminal of 80 x 24."""

    def __init__(self, state: Path, *words: str, **environment: str) -> None:
        self.screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.master, end = pty.openpty()
        self.resize(80, 24)
        self.before = termios.tcgetattr(end)
        environment = {"TERM": "xterm", "PYTHONUTF8": "1", **environment}
        self.process = subprocess.Popen(
            [*COMMAND, "status", "--watch", *words, "--state-dir", str(state)],
            cwd=REPOSITORY,
            stdin=end,
            stdout=end,
            stderr=end,
            env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, **environment},
            start_new_session=True,
        )
        self.end = end

    def resize(self, columns: int, rows: int) -> None:
        """The window is dragged."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def until(self, shown: Callable[[str], bool], within: float = SOON_S) -> str:
        """Read until the screen is so."""
        limit = time.monotonic() + within
        while not shown(text := "\n".join(self.screen.display)):
            ready, _, _ = select.select([self.master], [], [], max(0.0, limit - time.monotonic()))
            assert ready, f"it did not come:\n{text}"
            data = os.read(self.master, 65536)
            self.raw += data
            self._stream.feed(data)
        return text

    def ends(self, number: int) -> int:
        """The exit status after a signal, everything read."""
        self.process.send_signal(number)
        limit = time.monotonic() + SOON_S
        while self.process.poll() is None:
            assert time.monotonic() < limit
            if select.select([self.master], [], [], 0.05)[0]:
                self.raw += os.read(self.master, 65536)
        while select.select([self.master], [], [], 0)[0]:
            self.raw += os.read(self.master, 65536)
        return self.process.wait()

    def close(self) -> None:
        """Nothing runs on."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.end)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def told() -> dict[str, Any]:
    """What the daemon says; the test changes it."""
    return answer(
        bay("1", "erasing", bytes_done=45, bytes_total=100, mb_per_s=1e-6),
        bay("2", "finished", outcome="failed", reason="Parts", reason_code="BW-E02"),
        language="da",
    )


@pytest.fixture
def open_screen(state: Path) -> Iterator[Callable[..., Screen]]:
    made: list[Screen] = []

    def start(*words: str, **environment: str) -> Screen:
        made.append(Screen(state, *words, **environment))
        return made[-1]

    yield start
    for screen in made:
        screen.close()


def daemon(state: Path, told: dict[str, Any]) -> ControlSocket:
    control = ControlSocket(state, lambda _: told)
    control.start()
    return control


def test_the_whole_screen_follows_the_daemon_and_the_terminal_is_as_it_was(
    state: Path, told: dict[str, Any], open_screen: Callable[..., Screen]
) -> None:
    control = daemon(state, told)
    screen = open_screen()
    text = screen.until(lambda text: "45 %" in text and "DESTRUER" in text)
    assert "sletter" in text
    told["bays"][0] = bay("1", "finished", outcome="erased", certificate="bench-01-000009")
    screen.until(lambda text: "SLETTET" in text and "bench-01-000009" in text and "45 %" not in text)
    row = next(n for n, line in enumerate(screen.screen.display) if "SLETTET" in line)
    assert screen.screen.buffer[row][0].fg == "green"
    screen.resize(40, 12)
    screen.until(lambda text: "DESTRUER" in text and len(text.split("\n")[0]) == 40)
    assert not termios.tcgetattr(screen.end)[3] & termios.ECHO
    control.close()
    screen.until(lambda text: "Stationen svarer ikke. Prøver igen." in text and "DESTRUER" not in text)
    control = daemon(state, told)
    screen.until(lambda text: "DESTRUER" in text)
    assert screen.ends(signal.SIGINT) == 130
    control.close()
    assert b"\x1b[?25h" in screen.raw
    assert screen.raw.rindex(b"\x1b[?1049l") > screen.raw.rindex(b"\x1b[?1049h")
    assert termios.tcgetattr(screen.end)[3] == screen.before[3]


@pytest.mark.parametrize("sound", [False, True])
def test_the_bell_rings_once_for_what_is_new_and_only_where_sound_is_on(
    state: Path, told: dict[str, Any], open_screen: Callable[..., Screen], sound: bool
) -> None:
    told["sound"] = sound
    control = daemon(state, told)
    screen = open_screen()
    screen.until(lambda text: "45 %" in text and "DESTRUER" in text)
    told["bays"][0] = bay("1", "finished", outcome="erased", certificate="bench-01-000009")
    screen.until(lambda text: "SLETTET" in text)
    told["bays"][0] = bay("1", "empty")
    screen.until(lambda text: "SLETTET" not in text)
    assert screen.ends(signal.SIGTERM) == 0
    control.close()
    assert screen.raw.count(b"\a") == (1 if sound else 0)


@pytest.mark.parametrize("how", ["option", "environment"])
def test_without_colour_and_without_a_daemon(
    state: Path, told: dict[str, Any], open_screen: Callable[..., Screen], how: str
) -> None:
    screen = open_screen("--no-color") if how == "option" else open_screen(NO_COLOR="1")
    screen.until(lambda text: "Prøver igen" in text)
    control = daemon(state, told)
    screen.until(lambda text: "DESTRUER" in text)
    assert {cell.fg for row in screen.screen.buffer.values() for cell in row.values()} == {"default"}
    assert screen.ends(signal.SIGTERM) == 0
    control.close()
