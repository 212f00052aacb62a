"""The running daemon's answer to `benchwipe status`: a socket in the state folder, JSON lines, one request each.

Requests: {"ask": "status"} and {"ask": "cancel", "bay": NAME}. Whoever can reach the socket (mode 0660) may ask.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.errors import AgentError

log = logging.getLogger("benchwipe.control")

FILE_NAME = "control.sock"
LONGEST_REQUEST = 4096
PATIENCE_S = 2.0

Answer = Callable[[dict[str, Any]], dict[str, Any]]


class NotRunning(AgentError):
    """No daemon listens in this state folder."""

    code = "BW-A10"
    message = "no benchwipe daemon runs on {state_dir}"
    hint = "Start it with `benchwipe run`, or name its state folder with --state-dir."


class ControlSocket:
    """Listens, and answers from its own thread; `answer` must be quick and thread-safe."""

    def __init__(self, state_dir: Path, answer: Answer) -> None:
        self._answer = answer
        self._folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._path = _short(self._folder)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._socket.bind(self._path)
        os.chmod(self._path, 0o660)
        self._socket.listen(8)
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and take the socket away."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        os.close(self._folder)

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(PATIENCE_S)
                with contextlib.suppress(OSError):
                    connection.sendall(json.dumps(self._reply(_read_line(connection))).encode() + b"\n")

    def _reply(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            return {"error": "a request is one JSON object on one line"}
        return self._answer(request)


def ask(state_dir: Path, request: dict[str, Any]) -> dict[str, Any]:
    """The running daemon's answer. NotRunning when nobody listens, or answers in time."""
    try:
        folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        raise NotRunning(state_dir=state_dir) from None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
            connection.settimeout(PATIENCE_S)
            connection.connect(_short(folder))
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(_read_line(connection, longest=1 << 20))
    except (OSError, ValueError):
        raise NotRunning(state_dir=state_dir) from None
    finally:
        os.close(folder)
    if not isinstance(answer, dict):
        raise NotRunning(state_dir=state_dir)
    return answer


def _short(folder: int) -> str:
    """A socket's path holds 107 bytes at most, a state folder's may be longer: go through its descriptor."""
    return f"/proc/self/fd/{folder}/{FILE_NAME}"


def _read_line(connection: socket.socket, longest: int = LONGEST_REQUEST) -> bytes:
    data = bytearray()
    while not data.endswith(b"\n") and len(data) < longest:
        chunk = connection.recv(65536)
        if not chunk:
            break
        data += chunk
    return bytes(data)
