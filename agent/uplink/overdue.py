"""What has had no receipt for too long, and why that may be. Pure: the caller brings facts and times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.uplink.size_limit import Bound

OVERDUE_HINT = "They are kept, and sent again until a receipt comes."


@dataclass(frozen=True)
class Signs:
    """What was seen of broker and collector. `unheard`: the broker has no subscriber for them (MQTT 5)."""

    station: str
    protocol: str
    connected: bool
    last_error: str
    denied: frozenset[str] = field(default_factory=frozenset)
    deaf: bool = False
    unheard: bool = False
    receipts_ignored: int = 0
    collector_seen: bool = False
    bound: Bound | None = None
    clock_synchronised: bool = True


def likely_causes(signs: Signs) -> Iterator[str]:
    """List the likely causes, what is known first; what is only possible where nothing is known."""
    known = list(_known(signs))
    yield from known
    if signs.connected and not known:
        yield from _possible(signs)
    if not signs.clock_synchronised:
        yield "this station's clock is not synchronised (a TLS certificate is judged by it)"


def _known(signs: Signs) -> Iterator[str]:
    if not signs.connected:
        yield signs.last_error or "no connection to the broker yet"
    for topic in sorted(signs.denied & {"cert", "statement"}):
        yield f"the broker's access list does not let it write er/1/{signs.station}/{topic}/+"
    if signs.deaf:
        yield f"the broker's access list does not let it read er/1/{signs.station}/receipt/+"
    if signs.bound is not None:
        yield f"the broker takes no message of more than {signs.bound.most:,} bytes"
    if signs.unheard:
        yield "nobody at this broker takes them: the collector is down, or at another broker"
    if signs.receipts_ignored:
        yield "receipts came that no collector of mqtt.collector_keys signed: another collector, or it has a new key"


def _possible(signs: Signs) -> Iterator[str]:
    if signs.protocol != "5":
        yield "the broker drops them (MQTT 3.1.1 has no word for it): its access list, its limit of a message's size"
    if signs.collector_seen:
        yield "the collector cannot store them: see its log, its database and its disk"
    else:
        yield "no collector has said at this broker that it is there: it is down, at another broker, or not ours"
    yield "this station is not enrolled there"


class Owing:
    """Since when receipts are owed. Times are monotonic: a station's clock may leap."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._since: float | None = None

    def look(self, owed: int, now: float) -> None:
        """Note how many rows wait for a receipt."""
        self._since = None if not owed else now if self._since is None else self._since

    def answered(self, now: float) -> None:
        """Note that a receipt came: whoever is silent for good, it is not the way there."""
        self._since = None if self._since is None else now

    def overdue(self, oldest_sent: float | None, now: float) -> bool:
        """Say whether nothing was answered, or one row was not, for longer than one has patience."""
        moments = [m for m in (self._since, oldest_sent) if m is not None]
        return bool(moments) and now - min(moments) >= self._patience_s
