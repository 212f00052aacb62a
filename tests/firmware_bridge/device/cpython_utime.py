"""MicroPython's `utime` under CPython."""

import time


def ticks_ms() -> int:
    """Milliseconds, which begin anew after 2**30 as on the board."""
    return time.monotonic_ns() // 1_000_000 & 0x3FFFFFFF


def ticks_diff(later: int, earlier: int) -> int:
    """The way from one to the other, over the beginning anew."""
    return (later - earlier + 0x20000000 & 0x3FFFFFFF) - 0x20000000


def sleep_ms(milliseconds: int) -> None:
    """Wait."""
    time.sleep(milliseconds / 1000)
