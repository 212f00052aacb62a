"""The dock controller's bytes: one module for both ends, plain enough for MicroPython (docs/controller.md).

A frame is `COBS(version u8 | type u8 | flags u8 | session u16 | seq u16 | body <= 200 | CRC-32) 00`, little-endian; the
CRC is zlib's, over all that stands before it.
"""

import struct
from binascii import crc32

VERSION = 1

HELLO, OPEN_SESSION, HEARTBEAT = 0x01, 0x02, 0x03
SET_BAY, GET_ALL, PULSE, DIM = 0x10, 0x11, 0x12, 0x13
ENTER_BOOT = 0x7E
EVENT, ERROR = 0xA0, 0xFF
REPLY = 0x80  # a reply's type is its request's, with this bit

# Outputs of a bay. BUSY is no line: it says that a drive is at work, and that a lost lease must not cut its power.
V12, V5, LOCK, FAN = 0x01, 0x02, 0x04, 0x08
LED_1, LED_2, LED_3 = 0x10, 0x20, 0x40
BUSY = 0x80
POWER = V12 | V5
LINES = 0x7F

# Inputs of a bay. The two latches are set by the controller's own limits.
PRESENT, DOOR, BUTTON = 0x01, 0x02, 0x04
OVERCURRENT, OVERTEMPERATURE = 0x08, 0x10

NO_MILLI, NO_TEMPERATURE = 0xFFFF, -0x8000  # "there is no such sensor, or it does not answer"
WHOLE_DOCK = 0xFF  # the bay of an event that is not about one

# What an EVENT is about.
SAW_PRESENCE, SAW_DOOR, SAW_BUTTON, SAW_OVERCURRENT, SAW_OVERTEMPERATURE, SAW_LEASE_EXPIRED = 1, 2, 3, 4, 5, 6

# Codes of an ERROR.
E_VERSION, E_TYPE, E_BODY, E_SESSION, E_OLD_SEQ, E_BAY, E_REV = 1, 2, 3, 4, 5, 6, 7
E_TRIPPED, E_SPIN_UP, E_BUSY, E_UID, E_SESSION_USED, E_HARDWARE = 8, 9, 10, 11, 12, 13

# Faults in a HEARTBEAT's reply.
FAULT_SENSOR, FAULT_OUTPUT, FAULT_OVERCURRENT, FAULT_OVERTEMPERATURE = 0x01, 0x02, 0x04, 0x08

RESET_UNKNOWN, RESET_POWER_ON, RESET_WATCHDOG = 0, 1, 2

# Capabilities in an INFO: the outputs' bits below, the inputs' and sensors' above.
CAN_PRESENCE, CAN_DOOR, CAN_BUTTON = 0x0100, 0x0200, 0x0400
CAN_CURRENT, CAN_TEMPERATURE, CAN_BOOT, CAN_DIM = 0x0800, 0x1000, 0x2000, 0x4000

BOOT_MAGIC = 0x544F4F42  # "BOOT"
MAX_PULSE_MS = 2000
DEFAULT_LEASE_MS = 2000
MIN_LEASE_MS = 100

# Layouts of the bodies, as struct reads them.
INFO_BODY = "<BBBBBH12sBHB"  # protocol min, max, firmware major, minor, patch, hardware, uid, bays, capabilities, reset
OPEN_BODY = "<HHHHh"  # session, lease ms, busy hold s, limit mA, limit 0.1 C; the end may be left out
OPENED_BODY = "<HHHHh"  # the same, as they are in force
BEAT_BODY = "<IHH"  # uptime s, faults, number of the last event
SET_BAY_BODY = "<BBBH"  # bay, mask, value, expected rev
REV_BODY = "<H"
BAY_BODY = "<BBHHhH"  # outputs, inputs, mA, mV, 0.1 C, rev; one for each bay
PULSE_BODY = "<BBH"  # bay, number of the output (0 to 6), ms
DIM_BODY = "<B"  # how bright the lamps are, in percent
EVENT_BODY = "<HBBh"  # number, what, bay, value
BOOT_BODY = "<I12s"  # magic, uid
ERROR_BODY = "<BH"  # code, seq of the request

MAX_BODY = 200
_HEAD = "<BBBHH"
_HEAD_SIZE, _CRC_SIZE = 7, 4
MAX_ENCODED = 2 + _HEAD_SIZE + MAX_BODY + _CRC_SIZE  # without the 00 at its end


def cobs_encode(data: bytes) -> bytes:
    """Encode by Consistent Overhead Byte Stuffing (Cheshire and Baker, 1997): no byte of it is 00.

    Without the delimiter.
    """
    out = bytearray()
    ends_whole = False
    for run in data.split(b"\x00"):
        full = len(run) // 254 * 254
        for at in range(0, full, 254):
            out += b"\xff" + run[at : at + 254]
        out += bytes([len(run) - full + 1]) + run[full:]
        ends_whole = full > 0 and full == len(run)
    return bytes(out[:-1] if ends_whole else out)  # a full block needs nothing after it at the very end


def cobs_decode(data: bytes) -> bytes:
    """Decode what was encoded. Raise ValueError if this is no COBS."""
    out = bytearray()
    at = 0
    while at < len(data):
        code = data[at]
        run = data[at + 1 : at + code]
        if code == 0 or len(run) != code - 1 or b"\x00" in run:
            raise ValueError("no COBS")
        out += run
        at += code
        if code != 0xFF and at < len(data):
            out += b"\x00"
    return bytes(out)


def pack(kind: int, session: int, seq: int, body: bytes = b"", flags: int = 0, version: int = VERSION) -> bytes:
    """Pack a frame as it goes over the line, with the 00 at its end. Raise ValueError if the body is too long."""
    if len(body) > MAX_BODY:
        raise ValueError("body too long")
    plain = struct.pack(_HEAD, version, kind, flags, session, seq) + body
    return cobs_encode(plain + struct.pack("<I", crc32(plain))) + b"\x00"


def unpack(encoded: bytes) -> tuple[int, int, int, int, int, bytes]:
    """Unpack (version, type, flags, session, seq, body) of a frame without its 00.

    Raise ValueError if it is damaged.
    """
    plain = cobs_decode(encoded)
    end = len(plain) - _CRC_SIZE
    if not _HEAD_SIZE <= end <= _HEAD_SIZE + MAX_BODY:
        raise ValueError("no frame")
    if struct.unpack("<I", plain[end:])[0] != crc32(plain[:end]):
        raise ValueError("damaged")
    version, kind, flags, session, seq = struct.unpack(_HEAD, plain[:_HEAD_SIZE])
    return version, kind, flags, session, seq, plain[_HEAD_SIZE:end]


class Splitter:
    """Bytes as they come -> encoded frames without their 00. Holds no more than one frame's worth."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> list[bytes]:
        """Split off the frames that these bytes complete.

        What is longer than any frame is dropped up to its end.
        """
        done = []
        parts = data.split(b"\x00")
        for part in parts[:-1]:
            self._hold(part)
            if self._held and not self._too_long:
                done.append(bytes(self._held))
            self._held = bytearray()
            self._too_long = False
        self._hold(parts[-1])
        return done

    def _hold(self, part: bytes) -> None:
        self._too_long = self._too_long or len(self._held) + len(part) > MAX_ENCODED
        self._held = bytearray() if self._too_long else self._held + part


def newer(seq: int, than: int) -> bool:
    """Say whether `seq` comes after `than`, as numbers of 16 bits that begin anew after 65535."""
    return 0 < (seq - than) & 0xFFFF < 0x8000
