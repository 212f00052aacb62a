"""A keyboard that the kernel makes (/dev/uinput, Documentation/input/uinput.rst), for tests as root."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from drivers.inputs._keys import EVENT, KeyEvent
from tests.patience import SOON_S

UI_DEV_CREATE, UI_DEV_DESTROY = 0x5501, 0x5502
UI_SET_EVBIT, UI_SET_KEYBIT = 0x40045564, 0x40045565
UI_DEV_SETUP = 0x405C5503  # struct uinput_setup: input_id, name[80], ff_effects_max


@contextlib.contextmanager
def keyboard(name: str) -> Iterator[tuple[str, Callable[[Sequence[KeyEvent]], None]]]:
    """(its event device, a way to type); the kernel stamps the events with its own time."""
    fd = os.open("/dev/uinput", os.O_WRONLY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, UI_SET_EVBIT, 1)
        for code in range(1, 128):
            fcntl.ioctl(fd, UI_SET_KEYBIT, code)
        fcntl.ioctl(fd, UI_DEV_SETUP, struct.pack("@HHHH80sI", 3, 0x1234, 0x5678, 1, name.encode(), 0))
        fcntl.ioctl(fd, UI_DEV_CREATE)

        def typed(events: Sequence[KeyEvent]) -> None:
            for event in events:
                os.write(fd, EVENT.pack(0, 0, 1, event.code, event.value) + EVENT.pack(0, 0, 0, 0, 0))

        yield _event_device(name), typed
        fcntl.ioctl(fd, UI_DEV_DESTROY)
    finally:
        os.close(fd)


def _event_device(name: str) -> str:
    until = time.monotonic() + SOON_S
    while time.monotonic() < until:
        for device in Path("/sys/class/input").glob("event*"):
            path = Path("/dev/input") / device.name
            if (device / "device" / "name").read_text().strip() == name and path.exists():
                return str(path)
        time.sleep(0.05)
    raise AssertionError("the kernel made no event device")
