"""`benchwipe-uses serve`: the helper unit of root. It answers one question, who uses device M:N, and changes nothing.

systemd makes the socket, lets the group benchwipe alone connect, and hands it over (sd_listen_fds(3)). One line in, one
line out, one connection after the other; whoever sends nothing has a second. No input ends it.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Sequence

import msgspec

from drivers.deadline import Deadline
from drivers.drives import _witness
from drivers.drives._witness import LONGEST_ANSWER, LONGEST_QUESTION, NUMBER, Answer, Question

FIRST_FD = 3  # SD_LISTEN_FDS_START
QUESTION_S = 1.0
ANSWER_S = 5.0
IDLE_S = 60.0
MOST_FAILURES = 100


def main(words: Sequence[str] | None = None) -> int:
    """Serve the socket that systemd hands over; ends by itself when nobody asked for a minute."""
    if list(sys.argv[1:] if words is None else words) != ["serve"]:
        return _wrong("usage: benchwipe-uses serve (started by benchwipe-uses.socket)")
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return _wrong("benchwipe-uses: systemd hands it its socket; start benchwipe-uses.socket")
    with socket.socket(fileno=FIRST_FD) as listening:
        return serve(listening)


def serve(listening: socket.socket, *, idle_s: float = IDLE_S) -> int:
    """Answer until nobody asks any more; 1 where the socket itself fails again and again."""
    failures = 0
    listening.settimeout(idle_s)
    while failures < MOST_FAILURES:
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            return 0
        except OSError as error:
            failures += 1
            print(f"benchwipe-uses: {error}", file=sys.stderr, flush=True)
            continue
        with connection:
            try:
                _answer(connection)
            except Exception as error:  # noqa: BLE001 - no input, and nobody who goes away, ends it
                print(f"benchwipe-uses: no answer: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    return 1


def _answer(connection: socket.socket) -> None:
    try:
        line = _witness.read_line(connection, LONGEST_QUESTION, Deadline(QUESTION_S))
        asked = msgspec.json.decode(line, type=Question)
        if not NUMBER.fullmatch(asked.device):
            raise ValueError("device: allowed is major:minor, such as 8:16")
    except (ValueError, RecursionError) as error:
        answer = Answer(error=f'a question is one line {{"device": "8:16"}}: {error}')
    else:
        answer = Answer(seen=_witness.see(asked.device, excepted=_asker(connection), everywhere=True))
    encoded = msgspec.json.encode(answer) + b"\n"
    if len(encoded) > LONGEST_ANSWER:
        encoded = msgspec.json.encode(Answer(error="there are more mounts and loops than one answer can hold")) + b"\n"
    connection.settimeout(ANSWER_S)
    connection.sendall(encoded)


def _asker(connection: socket.socket) -> int:
    """The process that asks (SO_PEERCRED); 0 where it is in another process namespace, and is no exception then."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", raw)[0]
    return pid


def _wrong(problem: str) -> int:
    print(problem, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
