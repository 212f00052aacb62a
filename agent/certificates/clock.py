"""What time it is, and how far that can be trusted: a Raspberry Pi has no battery clock."""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from agent.certificates.record import Clock
from firmware_bridge.kernel_clock import ClockState, clock_state

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
SOCKET = "BENCHWIPE_CLOCK_SOCKET"
"""Names the helper unit's socket, where this process may not ask the kernel: the unit's filter forbids the call."""
PATIENCE_S = 2.0  # its process starts in 0.1 s, and on a busy Raspberry Pi in 1
LONGEST = 4096


def clock() -> Clock:
    """Ask the kernel for its word on its clock (adjtimex(2)), with what orders events even where the time jumps."""
    state = _state()
    return Clock(
        source=source_of(state),
        synchronised=state is not None and state.synchronised,
        boot_id=boot_id(),
        monotonic_ms=time.monotonic_ns() // 1_000_000,
    )


def _state() -> ClockState | None:
    """The kernel's word, or that of the helper unit's program. None: nothing vouches for the time."""
    helper = os.environ.get(SOCKET)
    try:
        return asked(Path(helper)) if helper else clock_state()
    except (OSError, ValueError):
        return None


def asked(path: Path) -> ClockState:
    """Ask benchwipe-clock.socket. Raise OSError where it does not answer in time, ValueError for another answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(str(path))
        return msgspec.json.decode(connection.recv(LONGEST), type=ClockState)


def source_of(state: ClockState | None) -> str:
    """Name what stands behind the clock.

    "ntp": a time service steers the clock; "kernel": the host or hardware does; else nobody vouches for it.
    """
    if state is None:
        return "unknown"
    if not state.synchronised:
        return "unsynchronised"
    return "ntp" if state.disciplined else "kernel"


def utc_now() -> str:
    """Tell the time as RFC 3339 in UTC with milliseconds: 2026-03-01T12:34:56.789Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def boot_id() -> str:
    """Read the UUID that the kernel draws at each boot; empty where it cannot be read."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
