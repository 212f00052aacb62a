"""A serial port as the dock controller's line: exclusive, without touching DTR, and every read with a deadline."""

from __future__ import annotations

import contextlib
import select
import termios
from collections.abc import Iterator

import serial


class SerialLine:
    """8N1. OSError when the port is not there, is somebody else's, or goes away."""

    def __init__(self, port: str, baud: int, *, dtr: bool) -> None:
        """`dtr`: Arduino-class boards reset when it rises, so it stays low; a board's own USB port may need it."""
        line = serial.Serial()
        line.port, line.baudrate, line.exclusive = port, baud, True
        line.timeout, line.write_timeout = 0, 0.2
        line.dtr = dtr
        try:
            line.open()
            line.reset_input_buffer()
        except (ValueError, termios.error) as error:
            raise OSError(f"{port}: {error}") from error
        self._line = line
        self._keep_dtr_at_close()

    def write(self, data: bytes) -> None:
        """Hand over to the kernel. What a stopped device does not take is dropped: the reply that is missing tells."""
        with self._as_os_error():
            try:
                self._line.write(data)
            except serial.SerialTimeoutException:
                self._line.reset_output_buffer()

    def read(self, seconds: float) -> bytes:
        """Read the first byte within `seconds`, and then whatever else is there."""
        with self._as_os_error():
            self._line.timeout = max(0.0, seconds)
            first: bytes = self._line.read(1)
            return first + bytes(self._line.read(self._line.in_waiting)) if first else b""

    def wait(self, seconds: float) -> bool:
        """Wait for a byte to come within `seconds`, and say whether it did; takes nothing.

        Raise OSError or ValueError when the port is gone.
        """
        return bool(select.select([self._line.fileno()], [], [], seconds)[0])

    def close(self) -> None:
        """Let go of the port; calling it twice is harmless."""
        with contextlib.suppress(OSError):
            self._line.close()

    def _keep_dtr_at_close(self) -> None:
        """Clear HUPCL: the kernel would drop DTR at the last close, and some boards reset when it comes back."""
        with contextlib.suppress(termios.error):
            attributes = termios.tcgetattr(self._line.fileno())
            attributes[2] &= ~termios.HUPCL
            termios.tcsetattr(self._line.fileno(), termios.TCSANOW, attributes)

    @staticmethod
    @contextlib.contextmanager
    def _as_os_error() -> Iterator[None]:
        try:
            yield
        except (ValueError, TypeError, termios.error) as error:  # pyserial 3.5, when the port goes in mid-read
            raise OSError(str(error)) from error
