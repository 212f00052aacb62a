"""QEMU's monitor protocol (docs/interop/qmp-spec): one command at a time, events kept until somebody waits for them."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any


class QmpError(Exception):
    """QEMU refused a command, or hung up."""


class Qmp:
    """A connection that has been greeted."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._stream = connection.makefile("rwb")
        self._lock = threading.Lock()
        self._events: list[dict[str, Any]] = []
        self._receive()
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: Any) -> Any:  # noqa: ANN401  whatever the command answers
        """What the command returns."""
        with self._lock:
            self._stream.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
            self._stream.flush()
            while "return" not in (message := self._receive()):
                if "error" in message:
                    raise QmpError(f"{command}: {message['error']['desc']}")
                self._events.append(message)
            return message["return"]

    def wait_event(self, name: str, *, device: str, timeout: float) -> None:
        """Return once QEMU has told of this event; TimeoutError."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            for event in self._events:
                if event["event"] == name and event["data"].get("device") == device:
                    self._events.remove(event)
                    return
            self.execute("query-status")  # events come before the answer
            time.sleep(0.02)
        raise TimeoutError(f"QEMU did not tell {name} of {device} within {timeout:.0f} s")

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self._socket.close()

    def _receive(self) -> dict[str, Any]:
        line = self._stream.readline()
        if not line:
            raise QmpError("QEMU hung up")
        message: dict[str, Any] = json.loads(line)
        return message


def connected(path: Path, alive: Any, timeout: float) -> socket.socket:  # noqa: ANN401
    """A connection to a socket of a program that is just starting; QmpError where it ends meanwhile."""
    end = time.monotonic() + timeout
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
        except OSError as error:
            connection.close()
            if not alive():
                raise QmpError("QEMU ended") from error
            if time.monotonic() > end:
                raise TimeoutError(f"nobody listens on {path}") from error
            time.sleep(0.01)
        else:
            return connection
