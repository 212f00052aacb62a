"""Frames of the dock controller as frozen values. Their bytes are made in controller/wire.py, as the firmware's are."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_bridge.controller import wire
from firmware_bridge.errors import BridgeError


class DamagedFrame(BridgeError):
    """Bytes between two delimiters that are no whole frame: noise, or a frame that lost something on its way."""

    code = "BW-F20"
    message = "{size} bytes from the dock controller are no frame: {why}"


@dataclass(frozen=True)
class Frame:
    """One message on its way. `kind` is its type byte; a reply's `session` and `seq` are its request's."""

    kind: int
    session: int
    seq: int
    body: bytes = b""
    flags: int = 0
    version: int = wire.VERSION

    def to_bytes(self) -> bytes:
        """Pack the frame as it goes over the line, with the 00 at its end.

        Raise ValueError for a body of more than 200 bytes.
        """
        return wire.pack(self.kind, self.session, self.seq, self.body, self.flags, self.version)

    @classmethod
    def from_bytes(cls, encoded: bytes) -> Frame:
        """Read one frame, with or without its 00. DamagedFrame if it is none."""
        try:
            version, kind, flags, session, seq, body = wire.unpack(encoded.removesuffix(b"\x00"))
        except ValueError as error:
            raise DamagedFrame(size=len(encoded), why=error) from None
        return cls(kind, session, seq, body, flags, version)
