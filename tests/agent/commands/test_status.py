"""`benchwipe status` and `cancel` against a daemon's socket, and against what only looks like one."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.devices.control import FILE_NAME, ControlSocket
from tests.agent.commands.conftest import Call, finish, start
from tests.patience import SOON_S

BAY = {
    "bay": "A\x1b[2J",
    "state": "erasing",
    "rev": 3,
    "drive": {"model": "M", "serial": "S", "capacity_bytes": 1000},
    "job": "j",
    "asset": None,
    "countdown_s": None,
    "phase": "pass",
    "bytes_done": 500,
    "bytes_total": 1000,
    "mb_per_s": 12.0,
    "outcome": None,
    "certificate": None,
    "reason": None,
}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def daemon(state: Path) -> Iterator[list[dict[str, Any]]]:
    """The requests that it got."""
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request)
        if request["ask"] == "cancel":
            return {} if request["bay"] == "A" else {"error": "no bay is called that; known: A"}
        return {"bays": [BAY], "uplink": None, "alarms": {"x": "the disk is nearly full"}}

    control = ControlSocket(state, answer)
    control.start()
    yield asked
    control.close()


def test_status_shows_bays_uplink_and_alarms(call: Call, daemon: list[dict[str, Any]]) -> None:
    done = call("status")
    assert done.status == 0
    assert "50 % 12 MB/s" in done.out
    assert "uplink: none is configured" in done.out
    assert "! the disk is nearly full" in done.out
    assert "\x1b" not in done.out
    assert call("status", "--json").document["bays"] == [BAY]


def test_watching_shows_only_changes_and_ends_with_130(state: Path, daemon: list[dict[str, Any]]) -> None:
    process = start("status", "--watch", "--json", "--state-dir", state)
    assert process.stdout is not None
    first = process.stdout.readline()
    while len(daemon) < 3:
        threading.Event().wait(0.05)
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert json.loads(first)["bays"] == [BAY]
    assert done.status == 130
    assert json.loads(done.out) == {"error": "interrupted"}


def test_cancel_asks_for_the_bay_and_tells_what_the_daemon_refused(call: Call, daemon: list[dict[str, Any]]) -> None:
    assert call("cancel", "A").status == 0
    assert daemon == [{"ask": "cancel", "bay": "A"}]
    done = call("cancel", "B")
    assert done.status == 2
    assert "no bay is called that; known: A" in done.complaint


@pytest.mark.parametrize("reply", [b"", b"[]\n", b"garbage\n", b'{"bays": '])
def test_a_socket_that_answers_nonsense_is_no_daemon(call: Call, state: Path, reply: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(state / FILE_NAME))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        done = call("status")
        thread.join(SOON_S)
    assert done.status == 2
    assert "no benchwipe daemon runs on" in done.complaint
