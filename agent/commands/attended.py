"""Runs a command that touches drives in a child process, so that whoever waits for the command gets its end.

A request that hangs in the kernel (state D) keeps its thread, and a process is not gone before its last thread is: with
its result told it stays, and the shell, the script or the service manager waits for it for hours. No thread can be left
behind, a child can. The child holds descriptors and locks as before, so that nobody takes the drive while the kernel
may still write to it; this process waits for it, and goes when only the kernel is waited for.

Signals are passed on, but for those of a terminal's keys, which are sent to both. The child dies with this process,
whatever kills it, and this process dies of what killed the child.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

STAYS = "BW-A72"
WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
TICK_S = 0.25
HELD_S = 2.0  # in the kernel, after all was said: what only takes its time is waited for
SI_KERNEL = 0x80  # siginfo's si_code of what a terminal's key or its end sends (sigaction(2))

_command: list[int] = []


def command_process() -> int:
    """Return the number of the process that whoever called the command knows."""
    return (*_command, os.getpid())[0]


def attend(work: Callable[[], int]) -> int:
    """Do the work in a child. Return its exit status, once it is gone, or once only the kernel keeps it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # closed: as without a child
            stream.flush()
    _command[:] = [os.getpid()]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    told, tell = os.pipe()
    life, alive = os.pipe()  # `alive` is open as long as this process lives: nobody writes to it
    child = os.fork()
    if child == 0:
        os.close(alive)
        threading.Thread(target=_die_with, args=(life,), name="with-command", daemon=True).start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _leave(work(), tell)
    os.close(tell)
    os.close(life)
    os.set_blocking(told, False)
    return _wait_for(child, told)


def _die_with(life: int) -> None:
    """Wait for the command's end, whichever way it comes: nobody could stop its work then."""
    os.read(life, 1)
    os.kill(os.getpid(), signal.SIGKILL)


def _leave(status: int, tell: int) -> None:
    """Tell the status, let go of what others may wait on, and end.

    A thread that hangs keeps the descriptors open: whoever reads the command's output would wait for it.
    """
    os.write(tell, b"%d" % status)
    silence = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2, tell):
        os.dup2(silence, standard)
    os._exit(status)


def _wait_for(child: int, told: int) -> int:
    held_since: float | None = None
    said: int | None = None
    while True:
        received = signal.sigtimedwait(WATCHED, TICK_S)
        if received is not None and not _child_knows(received):
            os.kill(child, received.si_signo)
        gone, status = os.waitpid(child, os.WNOHANG)
        if gone:
            return _as(status)
        if said is None:
            said = _said(told)
        if said is None or not _in_kernel(child):
            held_since = None
            continue
        now = time.monotonic()
        held_since = now if held_since is None else held_since
        if now - held_since >= HELD_S:
            return _left_behind(child, said)


def _child_knows(received: signal.struct_siginfo) -> bool:
    """Whether it needs not be passed on. A terminal's key is sent to both; its end to the session's leader alone.

    That is this process where no shell stands between (`ssh -t`, a container, a terminal window's own command).
    """
    by_key = received.si_code == SI_KERNEL and received.si_signo != signal.SIGHUP
    return by_key or received.si_signo == signal.SIGCHLD


def _said(told: int) -> int | None:
    """The status that the child told; None while it has not."""
    try:
        text = os.read(told, 16)
    except BlockingIOError:
        return None
    return int(text) if text else None


def _as(status: int) -> int:
    """Return the child's exit status, or die of the signal that it died of."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with contextlib.suppress(OSError, ValueError):  # SIGKILL has no handler
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (number,))
        os.kill(os.getpid(), number)
    return os.waitstatus_to_exitcode(status) & 0xFF


def _left_behind(child: int, status: int) -> int:
    """Say that the child stays, and where one sees when it is gone."""
    text = (
        f"process {child} stays until the kernel gives its request to the drive back; the drive stays locked until then"
    )
    with contextlib.suppress(OSError, ValueError):
        print(f"benchwipe: {STAYS}: {text}", file=sys.stderr, flush=True)
    return status


def _in_kernel(process: int) -> bool:
    """Whether a thread of it sleeps in the kernel and cannot be killed (proc(5), stat: state D)."""
    for path in Path(f"/proc/{process}/task").glob("*/stat"):
        with contextlib.suppress(OSError, IndexError):
            if path.read_text().rpartition(")")[2].split()[0] == "D":
                return True
    return False
