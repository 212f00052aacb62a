"""On a terminal: a question before anything dies, and progress. Off one: neither."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.commands.conftest import COMMAND, REPOSITORY, finish, held_back, start
from tests.agent.commands.test_erase import read_direct
from tests.drivers.drives.conftest import MIB, Loops
from tests.patience import SOON_S


class Terminal:
    """A command with a terminal for its input and standard error; standard output is a pipe, as with `| jq`."""

    def __init__(self, *words: str | Path, command: list[str]) -> None:
        self._master, end = pty.openpty()
        self.process = subprocess.Popen(
            [*command, *map(str, words)],
            cwd=REPOSITORY,
            stdin=end,
            stdout=subprocess.PIPE,
            stderr=end,
            text=True,
            start_new_session=True,
        )
        os.close(end)
        self.seen = ""

    def read_until(self, text: str, within: float = SOON_S) -> None:
        """Wait for it on the terminal."""
        until = time.monotonic() + within
        while text not in self.seen:
            ready, _, _ = select.select([self._master], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"{text!r} did not come: {self.seen!r}"
            try:
                self.seen += os.read(self._master, 65536).decode()
            except OSError:  # EIO: it has ended
                raise AssertionError(f"{text!r} never came: {self.seen!r}") from None

    def type(self, text: str) -> None:
        """As a person would."""
        os.write(self._master, text.encode())

    def hang_up(self) -> None:
        """The window is closed."""
        os.close(self._master)
        self._master = -1

    def end(self, within: float = SOON_S) -> int:
        """Read to the end; the exit status."""
        until = time.monotonic() + within
        with contextlib.suppress(OSError):  # EIO: nobody holds the other end any more
            while self._master >= 0 and select.select([self._master], [], [], max(0.0, until - time.monotonic()))[0]:
                self.seen += os.read(self._master, 65536).decode()
        status = self.process.wait(timeout=within)
        assert "Traceback" not in self.seen, self.seen
        return status

    @property
    def document(self) -> object:
        """What was piped away."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.read())

    def close(self) -> None:
        """Nothing of it stays."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        if self._master >= 0:
            os.close(self._master)


@contextlib.contextmanager
def terminal(*words: str | Path, command: list[str] = COMMAND) -> Iterator[Terminal]:
    made = Terminal(*words, command=command)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("answer", ["yes\n", "y\n", "\n", "YES please\n", "\x04", "\xff\n"])
def test_any_other_answer_than_yes_leaves_the_drive_untouched(loops: Loops, tmp_path: Path, answer: str) -> None:
    image = loops.image(MIB)
    before, device = image.read_bytes(), loops.attach(image)
    with terminal("erase", device, "--state-dir", tmp_path / "state") as screen:
        screen.read_until("Type YES to erase them: ")
        screen.type(answer)
        assert screen.end() == 2
        assert f"{device}: loop " in screen.seen
        assert "ERASE with zero, verify full (clear)" in screen.seen
        assert "nothing was touched: the answer was not YES" in screen.seen
    assert read_direct(device) == before
    assert not (tmp_path / "state").exists()


def test_yes_erases_with_progress_on_the_terminal_and_the_document_in_the_pipe(loops: Loops, tmp_path: Path) -> None:
    device = loops.attach(loops.image(16 * MIB))
    words = ("erase", device, "--json", "--state-dir", tmp_path / "state")
    with terminal(*words, command=held_back(tmp_path / "gate")) as screen:
        screen.read_until("Type YES to erase them: ")
        screen.type("YES\n")
        screen.read_until("MB/s")
        (tmp_path / "gate").touch()
        assert screen.end() == 0
        assert re.search(rf"\x1b\[2K{device}: pass 1/1 +\[#* *\] +\d+ %, \d+ MB/s", screen.seen)
        assert re.search(rf"{device}: erased, certificate \S+\.jws", screen.seen)
        document = screen.document
    assert isinstance(document, dict)
    assert [row["outcome"] for row in document["results"]] == ["erased"]
    assert read_direct(device) == bytes(16 * MIB)


def test_ctrl_c_at_the_question_is_130_and_touches_nothing(loops: Loops, tmp_path: Path) -> None:
    image = loops.image(MIB)
    before, device = image.read_bytes(), loops.attach(image)
    with terminal("erase", device, "--json", "--state-dir", tmp_path / "state") as screen:
        screen.read_until("Type YES to erase them: ")
        screen.process.send_signal(signal.SIGINT)
        assert screen.end() == 130
        assert screen.document == {"error": "interrupted"}
    assert read_direct(device) == before


def test_a_closed_window_aborts_with_a_certificate(loops: Loops, tmp_path: Path) -> None:
    device, state = loops.attach(loops.image(16 * MIB)), tmp_path / "state"
    with terminal(
        "erase", device, "--yes", "--json", "--state-dir", state, command=held_back(tmp_path / "gate")
    ) as screen:
        screen.read_until("pass 1/1")
        screen.hang_up()
        screen.process.send_signal(signal.SIGHUP)
        assert screen.end() == 130
        document = screen.document
    assert isinstance(document, dict)
    assert [row["outcome"] for row in document["results"]] == ["aborted"]
    assert len(list((state / "certificates").glob("*.jws"))) == 1


LEADER = [
    sys.executable,
    "-c",
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])",
]
"""Makes the terminal that of the command, with no shell between: as `ssh -t` does, and a container."""


def test_a_closed_window_of_the_commands_own_aborts_with_a_certificate(loops: Loops, tmp_path: Path) -> None:
    """The kernel tells it to the session's leader alone: that is the process that waits, not the one that erases."""
    device, state = loops.attach(loops.image(16 * MIB)), tmp_path / "state"
    command = [*LEADER, *held_back(tmp_path / "gate")]
    with terminal("erase", device, "--yes", "--json", "--state-dir", state, command=command) as screen:
        screen.read_until("pass 1/1")
        screen.hang_up()
        assert screen.end() == 130
    assert len(list((state / "certificates").glob("*.jws"))) == 1


def test_a_closed_window_ends_a_station_that_ran_in_it(tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text('[station]\nid = "b"\n[[bay]]\nname = "A1"\nport = "/dev/loop250"\n')
    words = ("run", "--config", config, "--state-dir", tmp_path / "state")
    with terminal(*words, command=[*LEADER, *COMMAND]) as screen:
        screen.read_until("runs with 1 bays")
        screen.hang_up()
        assert screen.end() == 0, "it took its leave, and was not killed"


def test_off_a_terminal_there_is_no_progress_and_no_question(loops: Loops, tmp_path: Path) -> None:
    image = loops.image(8 * MIB)
    before, device = image.read_bytes(), loops.attach(image)
    done = finish(start("erase", device, "--state-dir", tmp_path / "state"))
    assert (done.status, done.out) == (2, "")
    assert done.err.splitlines()[0].startswith(f"{device}: loop ")
    assert "ERASE with zero" in done.err
    assert "there is no terminal to ask on" in done.err.splitlines()[-1]
    assert read_direct(device) == before
    done = finish(start("erase", device, "--yes", "--state-dir", tmp_path / "state"))
    assert (done.status, done.out) == (0, "")
    assert re.fullmatch(rf"{device}: erased, certificate \S+\.jws\n", done.err), done.err
