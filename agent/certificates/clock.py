"""What time it is, and how far that can be trusted: a Raspberry Pi has no battery clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from agent.certificates.record import Clock
from firmware_bridge.kernel_clock import ClockState, clock_state

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def clock() -> Clock:
    """Ask the kernel for its word on its clock (adjtimex(2)), with what orders events even where the time jumps."""
    try:
        state = clock_state()
    except OSError:  # a sandbox that forbids the call: then nothing vouches for the time
        state = None
    return Clock(
        source=source_of(state),
        synchronised=state is not None and state.synchronised,
        boot_id=boot_id(),
        monotonic_ms=time.monotonic_ns() // 1_000_000,
    )


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
