"""The running daemon's answer to `benchwipe status`: a socket in the state folder, JSON lines, one request each.

Requests: {"ask": "status"}, {"ask": "cancel", "bay": NAME} and {"ask": "reprint", "label": NAME}. Whoever can reach the
socket (mode 0660) may ask, and send anything: every line gets an answer, and nobody who is slow keeps others waiting.

A second one stands in the view folder, for people who may only look: it knows {"ask": "status"} and nothing else, and
takes so many steps a second and no more.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.errors import AgentError, NotYours, NoViewer
from agent.state_folder import view_folder
from drivers.deadline import Deadline
from drivers.lasting import lasting

log = logging.getLogger("benchwipe.control")

FILE_NAME = "control.sock"
VIEW_NAME = "view.sock"
VIEW_STEPS = 1000  # of the view socket's thread in a second, each some 20 us: whoever floods it has 2 % of a processor
LONGEST_REQUEST = 4096
PATIENCE_S = 2.0  # for a whole conversation
MOST = 32  # conversations at once; the oldest makes room
QUEUED = 128  # who waits to be let in; beyond it the kernel turns a caller away at once
AGAIN_S = 0.02
CHUNK = 65536

Answer = Callable[[dict[str, Any]], dict[str, Any]]


class NotRunning(AgentError):
    """No daemon listens in this state folder."""

    code = "BW-A10"
    message = "no benchwipe daemon runs on {state_dir}"
    hint = "Start it with `benchwipe run`, or name its state folder with --state-dir."


@dataclass(eq=False)
class _Talk:
    """One connection: what it has said, then what is left to answer it. Nothing waits longer than its deadline."""

    connection: socket.socket
    within: Deadline = field(default_factory=lambda: Deadline(PATIENCE_S))
    heard: bytearray = field(default_factory=bytearray)
    answer: bytes = b""


class ControlSocket:
    """Listens, and answers from its own thread; `answer` must be quick and thread-safe."""

    def __init__(self, state_dir: Path, answer: Answer, *, name: str = FILE_NAME, steps_per_s: int = 0) -> None:
        """`steps_per_s`: as many readings, writings and callers let in within a second; 0: as many as come."""
        self._answer = answer
        self._steps_per_s, self._steps, self._second = steps_per_s, 0, Deadline(1.0)
        self._folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._path = _short(self._folder, name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._socket.bind(self._path)
        os.chmod(self._path, 0o660)
        self._socket.setblocking(False)
        self._socket.listen(QUEUED)
        self._closing = threading.Event()
        self._talks: list[_Talk] = []
        self._thread = lasting(name.removesuffix(".sock"), self._run, over=self._closing.is_set)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and take the socket away."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        os.close(self._folder)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            try:
                while not self._closing.is_set():
                    for key, _ in selector.select(self._patience()):
                        self._pace()
                        if isinstance(key.data, _Talk):
                            self._go_on(key.data, selector)
                        else:
                            self._accept(selector)
                    for talk in [talk for talk in self._talks if talk.within.passed]:
                        self._end(talk, selector)
            finally:
                for talk in list(self._talks):
                    self._end(talk, selector)

    def _pace(self) -> None:
        """Rest until the second is over, once it has had its steps."""
        if self._second.passed:
            self._steps, self._second = 0, Deadline(1.0)
        self._steps += 1
        if self._steps_per_s and self._steps > self._steps_per_s:
            self._closing.wait(self._second.left())

    def _patience(self) -> float | None:
        """Seconds until the next deadline; None: nobody is there."""
        return min((talk.within.left() for talk in self._talks), default=None)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        try:
            connection, _ = self._socket.accept()
        except BlockingIOError:
            return
        except OSError as error:  # no descriptor left, for instance: whoever asks next may have more luck
            if not self._closing.wait(0.1):
                log.warning("a request could not be taken: %s", error.strerror or error)
            return
        connection.setblocking(False)
        if len(self._talks) >= MOST:
            self._end(self._talks[0], selector)
        talk = _Talk(connection)
        self._talks.append(talk)
        selector.register(connection, selectors.EVENT_READ, talk)

    def _end(self, talk: _Talk, selector: selectors.BaseSelector) -> None:
        if talk in self._talks:
            self._talks.remove(talk)
            selector.unregister(talk.connection)
            talk.connection.close()

    def _go_on(self, talk: _Talk, selector: selectors.BaseSelector) -> None:
        """Read what is there, or write what fits."""
        if talk not in self._talks:
            return  # it made room a moment ago
        try:
            if talk.answer:
                talk.answer = talk.answer[talk.connection.send(talk.answer) :]
            elif (line := _heard(talk)) is not None:
                talk.answer = self._reply(line)
                selector.modify(talk.connection, selectors.EVENT_WRITE, talk)
            else:
                return
        except BlockingIOError:
            return
        except OSError:  # whoever asked is gone
            talk.answer = b""
        if not talk.answer:
            self._end(talk, selector)

    def _reply(self, line: bytes) -> bytes:
        """Answer any line, whatever stands in it."""
        try:
            told = self._answered(line)
            return json.dumps(told).encode() + b"\n"
        except Exception:  # the thread's edge: a defect of ours costs this answer, and nobody else's
            log.exception("a request could not be answered")
            return b'{"error": "the daemon met a defect; its log says which"}\n'

    def _answered(self, line: bytes) -> dict[str, Any]:
        if len(line) > LONGEST_REQUEST:
            return {"error": f"a request has at most {LONGEST_REQUEST} bytes"}
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):  # RecursionError: 4,000 times "["
            request = None
        if not isinstance(request, dict):
            return {"error": "a request is one JSON object on one line"}
        return self._answer(request)


def ask(state_dir: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the running daemon for its answer. NotRunning when nobody listens, or answers in time.

    NotYours or NoViewer where this user may not ask. Who may only look asks the view socket, for "status" alone.
    """
    try:
        return _conversation(state_dir, FILE_NAME, request)
    except PermissionError:
        if request.get("ask") != "status":
            raise NotYours(problem="this is for root and the service's own user") from None
    except (OSError, ValueError):
        raise NotRunning(state_dir=state_dir) from None
    try:
        return _conversation(view_folder(state_dir), VIEW_NAME, request)
    except PermissionError:
        raise NoViewer from None
    except (OSError, ValueError):
        raise NotRunning(state_dir=state_dir) from None


def _conversation(place: Path, name: str, request: dict[str, Any]) -> dict[str, Any]:
    """One request and its answer. OSError or ValueError where there is none."""
    folder = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
            connection.settimeout(PATIENCE_S)
            _connect(connection, _short(folder, name))
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(_read_line(connection, longest=1 << 20))
    finally:
        os.close(folder)
    if not isinstance(answer, dict):
        raise ValueError("the answer is no JSON object")  # noqa: TRY004 - the caller gathers them
    return answer


def _connect(connection: socket.socket, path: str) -> None:
    """OSError when nobody lets us in in time. A queue that is full is no daemon that does not run."""
    within = Deadline(PATIENCE_S)
    while True:
        try:
            connection.connect(path)
        except BlockingIOError:
            if within.passed:
                raise
            time.sleep(AGAIN_S)
        else:
            return


def _short(folder: int, name: str) -> str:
    """A socket's path holds 107 bytes at most, a state folder's may be longer: go through its descriptor."""
    return f"/proc/self/fd/{folder}/{name}"


def _heard(talk: _Talk) -> bytes | None:
    """The request, once its line is whole, its sender has no more to say, or it is too long; None: not yet."""
    chunk = talk.connection.recv(CHUNK)
    talk.heard += chunk
    line, end, _ = talk.heard.partition(b"\n")
    return bytes(line) if end or not chunk or len(line) > LONGEST_REQUEST else None


def _read_line(connection: socket.socket, longest: int) -> bytes:
    data = bytearray()
    while not data.endswith(b"\n") and len(data) < longest:
        chunk = connection.recv(CHUNK)
        if not chunk:
            break
        data += chunk
    return bytes(data)
