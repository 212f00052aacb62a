"""How far the kernel trusts its clock: adjtimex(2), through libc and ctypes as in passthrough.py."""

from __future__ import annotations

import ctypes
import os

import msgspec

_libc = ctypes.CDLL(None, use_errno=True)


class _Timex(ctypes.Structure):
    """struct timex (include/uapi/linux/timex.h)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", ctypes.c_long * 2),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),
    )


STA_PLL = 0x0001
STA_UNSYNC = 0x0040
TIME_ERROR = 5


class ClockState(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernel says of its clock; errors in microseconds."""

    synchronised: bool
    disciplined: bool
    maximum_error_us: int
    estimated_error_us: int


def clock_state() -> ClockState:
    """Ask adjtimex(2) with no mode set: it reads, changes nothing, needs no right."""
    timex = _Timex()
    state = _libc.adjtimex(ctypes.byref(timex))
    if state < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return ClockState(
        synchronised=state != TIME_ERROR and not timex.status & STA_UNSYNC,
        disciplined=bool(timex.status & STA_PLL),
        maximum_error_us=timex.maxerror,
        estimated_error_us=timex.esterror,
    )
