"""What people may see who may only look: the view folder beside the state folder, with public key and view socket.

The folder is the installer's (tmpfiles.d), and belongs to the group that may look; without it there is nothing to see.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates import keys
from agent.devices.control import VIEW_NAME, VIEW_STEPS, ControlSocket
from agent.state_folder import view_folder

log = logging.getLogger("benchwipe.view")

FRESH_S = 0.25  # as old may an answer be: the bench is looked at once, however many ask


class View:
    """Answers "status" and nothing else, from a thread of its own."""

    def __init__(self, state_dir: Path, key: Ed25519PublicKey, status: Callable[[], dict[str, Any]]) -> None:
        self._status = status
        self._answer: dict[str, Any] = {}
        self._until = 0.0
        self._socket = self._open(view_folder(state_dir), state_dir, key)

    def _open(self, folder: Path, state_dir: Path, key: Ed25519PublicKey) -> ControlSocket | None:
        if not folder.is_dir():
            return None
        try:
            keys.publish(state_dir, key)
            return ControlSocket(folder, self._told, name=VIEW_NAME, steps_per_s=VIEW_STEPS)
        except OSError as error:  # nobody can look; the station works
            log.warning("nobody but root can look at this station: %s: %s", folder, error.strerror or error)
            return None

    def start(self) -> None:
        """Begin to answer, where there is somewhere to answer."""
        if self._socket:
            self._socket.start()

    def close(self) -> None:
        """Stop, and take the socket away."""
        if self._socket:
            self._socket.close()

    def _told(self, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("ask") != "status":
            return {"error": "this socket is for looking: it knows status, and nothing else"}
        if time.monotonic() >= self._until:
            self._answer, self._until = self._status(), time.monotonic() + FRESH_S
        return self._answer
