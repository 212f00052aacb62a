"""How often one address may ask, within the memory of this process: a bucket that fills again by itself."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_ADDRESSES = 10_000


class Rate:
    """Allows `burst` questions at once from an address, and `per_minute` in the long run."""

    def __init__(self, burst: int, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_s, self._clock = burst, per_minute / 60, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def allows(self, address: str, cost: int = 1) -> bool:
        """Take from the bucket of an address; False where it does not hold as much."""
        now = self._clock()
        with self._lock:
            left, at = self._left.pop(address, (float(self._burst), now))
            left = min(float(self._burst), left + (now - at) * self._per_s)
            allowed = left >= cost
            self._left[address] = (left - cost if allowed else left, now)
            while len(self._left) > MOST_ADDRESSES:
                self._left.popitem(last=False)
        return allowed


def network_of(address: str) -> str:
    """Name whose bucket it is: an IPv4 address, or the /64 of an IPv6 one, which is one household's."""
    if ":" not in address or "." in address:
        return address
    try:
        return str(ipaddress.ip_network(f"{address.partition('%')[0]}/64", strict=False))
    except ValueError:
        return address
