"""`benchwipe-clock`: says on standard output how far the kernel trusts its clock, and ends.

The daemon's sandbox forbids the one call that reads the clock's state, because the same call sets it. systemd starts
this program for each connection to benchwipe-clock.socket, with the connection as its standard output.
"""

from __future__ import annotations

import contextlib
import os
import sys

import msgspec

from firmware_bridge.kernel_clock import clock_state


def main() -> int:
    """Write one line of JSON, and return the exit status."""
    try:
        state = clock_state()
    except OSError as error:
        print(f"benchwipe-clock: the kernel does not say: {error.strerror}", file=sys.stderr)
        return 1
    with contextlib.suppress(BrokenPipeError):  # whoever asked waits no longer: agent/certificates/clock.py, PATIENCE_S
        os.write(sys.stdout.fileno(), msgspec.json.encode(state) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
