"""`host` under CPython: the serial line and the test's line are descriptors, both non-blocking."""

import os

SERIAL, CONTROL = (int(os.environ[name]) for name in ("SERIAL_FD", "CONTROL_FD"))


def _read(descriptor: int) -> bytes | None:
    """None at the end."""
    try:
        return os.read(descriptor, 4096) or None
    except BlockingIOError:
        return b""
    except OSError:
        return None


def serial_read() -> str:
    """What has come, as hexadecimal digits."""
    return (_read(SERIAL) or b"").hex()


def serial_write(digits: str) -> None:
    """Into the line; what does not fit is lost, as on a real one."""
    try:
        os.write(SERIAL, bytes.fromhex(digits))
    except OSError:
        return


def control_read() -> str:
    """Lines from the test; "quit" when it has hung up."""
    data = _read(CONTROL)
    return "quit\n" if data is None else data.decode()


def control_write(text: str) -> None:
    """A line to the test."""
    os.write(CONTROL, text.encode())
