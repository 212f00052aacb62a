"""The view socket: who may look sees everything, changes nothing, and cannot wear the daemon out."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.devices.control import LONGEST_REQUEST, MOST, VIEW_NAME, ControlSocket
from agent.state_folder import view_folder
from tests.agent.daemon_bench import Daemon
from tests.agent.mosquitto import wait_until

HOSTILE = (
    b"\n",
    b"[" * 4000 + b"\n",
    b"\xff\xfe\n",
    b'{"ask": ["status"]}\n',
    b'{"ask": "cancel", "bay": "A1"}\n',
    b'{"ask": "reprint", "label": "1"}\n',
    b'{"ask": null}\n',
    b"x" * (2 * LONGEST_REQUEST),
)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """One whose drive waits out a countdown that a cancellation would end."""
    made = Daemon(tmp_path, countdown=3600)
    view_folder(made.state).mkdir()
    made.make("D1", port="p1")
    made.start()
    yield made
    made.close()


def say(folder: Path, data: bytes) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        descriptor = os.open(folder, os.O_PATH)
        try:
            connection.connect(f"/proc/self/fd/{descriptor}/{VIEW_NAME}")
        finally:
            os.close(descriptor)
        connection.sendall(data)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        answer: dict[str, Any] = json.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
        return answer


def test_the_view_socket_answers_status_cancels_nothing_and_outlives_whatever_is_sent(daemon: Daemon) -> None:
    folder = view_folder(daemon.state)
    wait_until(lambda: say(folder, b'{"ask": "status"}\n')["bays"][0]["state"] == "countdown", "it counts down")
    for data in HOSTILE * 5:
        assert "error" in say(folder, data), data
    idle = [socket.socket(socket.AF_UNIX) for _ in range(2 * MOST)]  # nobody who says nothing keeps others out
    descriptor = os.open(folder, os.O_PATH)
    for connection in idle:
        connection.connect(f"/proc/self/fd/{descriptor}/{VIEW_NAME}")
    assert say(folder, b'{"ask": "status"}\n')["bays"][0]["state"] == "countdown"
    assert daemon.status()["bays"][0]["state"] == "countdown"
    assert daemon.status()["alarms"] == {}
    os.close(descriptor)
    for connection in idle:
        connection.close()


def test_the_public_key_stands_there_for_anybody_and_the_socket_for_its_group(daemon: Daemon) -> None:
    folder = view_folder(daemon.state)
    assert json.loads((folder / "station.jwk").read_text())["crv"] == "Ed25519"
    assert (folder / "station.jwk").stat().st_mode & 0o777 == 0o644
    assert (folder / VIEW_NAME).stat().st_mode & 0o777 == 0o660
    assert {path.name for path in folder.iterdir()} == {"station.jwk", VIEW_NAME}
    daemon.terminate()
    assert {path.name for path in folder.iterdir()} == {"station.jwk"}


def test_whoever_floods_it_gets_so_many_answers_a_second_and_no_more(tmp_path: Path) -> None:
    """A slower machine gives fewer; the bound is on what a flood may cost."""
    view = ControlSocket(tmp_path, lambda request: {"asked": len(request)}, name=VIEW_NAME, steps_per_s=30)
    view.start()
    answers, began = 0, time.monotonic()
    while time.monotonic() < began + 3:
        answers += "asked" in say(tmp_path, b'{"ask": "status"}\n')
    seconds = time.monotonic() - began
    view.close()
    assert 0 < answers <= (seconds + 1) * 30 / 3  # an answer is three steps: let in, read, written
