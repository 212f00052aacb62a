"""The control socket against whoever can reach it: every line gets an answer, and none ends the thread that answers."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.devices.control import FILE_NAME, LONGEST_REQUEST, MOST, ControlSocket, ask
from tests.agent.daemon_bench import Daemon

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """As the station's: takes what it knows, and has its defects."""
    if request.get("ask") == "break":
        raise KeyError("a defect of ours")
    if request.get("ask") == "much":
        return {"much": "x" * 900_000}
    return {"asked": repr(request)}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A state folder with somebody who answers."""
    control = ControlSocket(tmp_path, answer)
    control.start()
    yield tmp_path
    control.close()


def connect(folder: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        while connection.connect_ex(f"/proc/self/fd/{descriptor}/{FILE_NAME}") == errno.EAGAIN:
            time.sleep(0.01)  # its queue is full for the moment
    finally:
        os.close(descriptor)
    return connection


def say(folder: Path, data: bytes, *, end: bool = True) -> dict[str, Any]:
    """Send any bytes, and no more after them; the one answer."""
    with connect(folder) as connection:
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(data)
            if end:
                connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as heard:
            return dict(json.loads(heard.readline()))


def is_alive(folder: Path) -> bool:
    return ask(folder, {"ask": "status"}) == {"asked": "{'ask': 'status'}"}


WRONG = {
    "opening brackets": b"[" * 4000 + b"\n",
    "opening braces": b'{"a":' * 800 + b"\n",
    "random bytes": b"\xff\xfe\x00\n",
    "half a character": b'{"ask":"\xc3"}\n',
    "NUL": b"\0\n",
    "nothing": b"",
    "an empty line": b"\n",
    "half a line": b'{"ask":"sta',
    "a list": b'["status"]\n',
    "a number of 4,000 digits": b"9" * 4000 + b"\n",
    "too long a line": b'{"ask":"' + b"x" * 200_000 + b'"}\n',
    "a line without an end": b"x" * 200_000,
    "a defect of ours": b'{"ask":"break"}\n',
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_is_no_request_is_answered_with_an_error_and_the_next_with_its_answer(folder: Path, data: bytes) -> None:
    assert list(say(folder, data)) == ["error"]
    assert is_alive(folder)


def test_a_request_in_pieces_or_without_its_end_of_line_is_one(folder: Path) -> None:
    with connect(folder) as connection:
        for piece in (b'{"as', b'k": "sta', b'tus"}\nand more'):
            connection.sendall(piece)
            time.sleep(0.02)
        assert json.loads(connection.recv(4096)) == {"asked": "{'ask': 'status'}"}
    assert say(folder, b'{"ask": "status"}') == {"asked": "{'ask': 'status'}"}
    assert len(b'{"ask": "status"}') < LONGEST_REQUEST


def test_who_says_nothing_and_who_reads_nothing_keep_nobody_waiting(folder: Path) -> None:
    with contextlib.ExitStack() as held:
        for number in range(6):
            slow = held.enter_context(connect(folder))
            slow.sendall(b'{"ask":"much"}\n' if number % 2 else b"{")
        assert is_alive(folder), "one after the other they would take two seconds each, which is all that `ask` waits"


def test_a_silent_connection_is_hung_up(folder: Path) -> None:
    with connect(folder) as slow:
        assert slow.recv(1) == b""


def test_any_number_of_connections_leaves_room_for_one_more_and_no_descriptor_behind(folder: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with contextlib.ExitStack() as held:
        for _ in range(5 * MOST):
            held.enter_context(connect(folder))
        assert is_alive(folder)
        assert len(os.listdir("/proc/self/fd")) <= before + 5 * MOST + MOST + 2
    assert is_alive(folder)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode() + b"\n"))
def test_no_bytes_end_it(folder: Path, data: bytes) -> None:
    assert len(say(folder, data)) == 1
    assert is_alive(folder)


@pytest.mark.parametrize(
    "request_",
    [
        b'{"ask":"cancel","bay":["x"]}',
        b'{"ask":"cancel","bay":{"A1":1}}',
        b'{"ask":"cancel"}',
        b'{"ask":"reprint","label":"\\ud800"}',
        b'{"ask":"reprint","label":[[]]}',
        b'{"ask":["status"]}',
        b"[" * 4000,
    ],
)
def test_the_daemon_answers_any_request_and_goes_on(daemon: Daemon, request_: bytes) -> None:
    assert list(say(daemon.state, request_ + b"\n")) == ["error"]
    assert daemon.command("status").returncode == 0
    assert "Traceback" not in daemon.log.read_text()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One for all of these: it must outlive each."""
    made = Daemon(tmp_path_factory.mktemp("daemon"))
    made.start()
    yield made
    made.close()
