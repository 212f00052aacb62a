"""Who uses a device: what only root may ask of loop devices, other mount namespaces and other people's processes.

Root asks by itself. Anybody else asks the helper unit (drivers/drives/uses_helper.py) through its socket, which the
service's group alone may open; it is one question, one answer. What neither can tell is said, never taken for nothing.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec

from drivers.deadline import Deadline
from drivers.drives import _loops, _mounts, _sysfs, _writers
from drivers.drives._loops import Backing
from drivers.drives._mounts import Elsewhere
from drivers.drives._paths import paths_of
from drivers.drives._writers import Look

SOCKET = Path("/run/benchwipe/uses.sock")
UNIT = "benchwipe-uses.socket"
PATIENCE_S = 10.0
LONGEST_QUESTION, LONGEST_ANSWER = 256, 1 << 20
NUMBER = re.compile(r"\d{1,4}:\d{1,7}")


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The one question: who uses the device with this major:minor?"""

    device: str


class Testimony(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen. `unasked`: loop devices that did not answer, and why; `look`: at whoever may write to it."""

    loops: dict[str, Backing] = {}
    elsewhere: tuple[Elsewhere, ...] = ()
    unasked: dict[str, str] = {}
    look: Look = Look()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What goes over the socket: a testimony, or why there is none."""

    seen: Testimony | None = None
    error: str = ""


def who_uses(number: str, root: Path = _sysfs.ROOT) -> Testimony:
    """Find who uses it, as far as this process or the helper unit can see. Never raises."""
    if root != _sysfs.ROOT:
        return Testimony(elsewhere=_mounts.elsewhere(root))
    if os.geteuid() == 0:
        return see(number, excepted=os.getpid())
    try:
        return _of_ours(ask(number), root)
    except (OSError, ValueError) as error:
        return _alone(see(number, excepted=os.getpid()), error)


def see(number: str, *, excepted: int, everywhere: bool = False) -> Testimony:
    """Look at what this process itself can see.

    `excepted`: who asks is no user of the drive, nor are its children. `everywhere`: mounts of our own namespace and of
    the first process are told too, for somebody who sees another namespace, and no other process.
    """
    loops = _loops.ask_loops()
    return Testimony(
        loops=dict(loops.backing),
        elsewhere=_mounts.elsewhere(everywhere=everywhere),
        unasked=dict(loops.unasked),
        look=_writers.look(_nodes(number, loops.backing), excepted=excepted),
    )


def ask(number: str, path: Path = SOCKET) -> Testimony:
    """Ask the helper unit. Raise OSError where it does not answer in time, ValueError where it could not tell."""
    within = Deadline(PATIENCE_S)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(str(path))
        connection.sendall(msgspec.json.encode(Question(number)) + b"\n")
        answer = msgspec.json.decode(read_line(connection, LONGEST_ANSWER, within), type=Answer)
    if answer.seen is None:
        raise ValueError(answer.error or "it gave no answer")
    return answer.seen


def silence(path: Path) -> str:
    """Say why the helper unit gives no answer now; empty where it does."""
    try:
        ask("0:0", path)
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def read_line(connection: socket.socket, longest: int, within: Deadline) -> bytes:
    """Read one line, or raise ValueError: it ended early, is too long, or did not come in time."""
    data = bytearray()
    while not data.endswith(b"\n"):
        connection.settimeout(max(0.01, within.left()))
        chunk = connection.recv(65536)
        data += chunk
        if not chunk or within.passed or len(data) > longest:
            raise ValueError("what came is no whole line in time")
    return bytes(data)


def _of_ours(seen: Testimony, root: Path) -> Testimony:
    """The same without the mounts that stand in our own list."""
    ours = {(mount.number, _mounts.shown(mount.target)) for mount in _mounts.own_mounts(root)}
    rest = tuple(mount for mount in seen.elsewhere if (mount.number, mount.target) not in ours)
    return msgspec.structs.replace(seen, elsewhere=rest)


def _nodes(number: str, loops: Mapping[str, Backing]) -> frozenset[str]:
    return frozenset(node for path in paths_of(number, loops=loops) for node in _writers.nodes_of(path))


def _alone(seen: Testimony, error: Exception) -> Testimony:
    """The same with the helper's silence: it is what must be mended."""
    silence = f"{UNIT} does not answer: {getattr(error, 'strerror', None) or error}"
    unseen = f"{seen.look.unseen or 'this user sees not all of them'}; {silence}"
    return msgspec.structs.replace(
        seen,
        unasked={loop: f"{what}; {silence}" for loop, what in seen.unasked.items()},
        look=msgspec.structs.replace(seen.look, unseen=unseen),
    )
