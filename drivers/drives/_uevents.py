"""Waits for the kernel's word that block devices changed: by udev where it runs, so that its links are made already."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path
from typing import Any

log = logging.getLogger("benchwipe.uevents")

MOST_AT_ONCE = 1000  # a disk with partitions is a dozen events: one look is enough for all of them


class Uevents:
    """Belongs to one thread. Without libudev, or where its socket fails, it only waits the time."""

    def __init__(self) -> None:
        self._monitor: Any = None
        self._tried = False

    def wait(self, seconds: float) -> None:
        """Wait until something changed, at the latest until so many seconds have passed."""
        if not self._tried:
            self._tried, self._monitor = True, _monitor()
        if self._monitor is None:
            time.sleep(seconds)
            return
        try:
            heard = self._monitor.poll(seconds)
            for _ in range(MOST_AT_ONCE):
                if heard is None:
                    break
                heard = self._monitor.poll(0)
        except (OSError, ValueError) as error:
            # ENOBUFS, or a name that is no text: events were lost, so whoever waits must look; the next begins anew.
            log.warning("events of the kernel were lost: %s", error)
            self._tried, self._monitor = False, None
            time.sleep(min(seconds, 0.1))


def _monitor() -> Any:  # noqa: ANN401 - pyudev has no types
    try:
        import pyudev
    except ImportError:
        return None
    with contextlib.suppress(OSError, ImportError):
        monitor = pyudev.Monitor.from_netlink(
            pyudev.Context(), "udev" if Path("/run/udev/control").exists() else "kernel"
        )
        monitor.filter_by("block")
        monitor.start()
        return monitor
    return None
