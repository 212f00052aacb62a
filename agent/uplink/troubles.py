"""Tells a person what keeps certificates from the collector: a broker that takes none so large, receipts that are owed.

The courier's thread alone calls it; times are monotonic seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from agent.certificates.jws import MAX_BYTES
from agent.jobs.ledger import Ledger
from agent.messages import station_topic
from agent.uplink.overdue import OVERDUE_HINT, Owing, Signs, likely_causes
from agent.uplink.size_limit import Bound, SizeLimit, body_bytes, packet_bytes
from agent.uplink.values import Pace, Sender

TOO_LARGE = "BW-U30"
OVERDUE = "BW-U31"
AGAIN_S = 900.0  # until an alarm that stands is said in other words: each attempt may fail for another reason

log = logging.getLogger("benchwipe.uplink")


@dataclass(frozen=True)
class DeliverySigns:
    """What deliveries have shown: see Signs."""

    denied: frozenset[str]
    unheard: bool
    receipts_ignored: int
    collector_seen: bool
    oldest_sent: float | None


class Troubles:
    """The two alarms, and what they are judged by."""

    def __init__(self, station: Sender, pace: Pace, protocol: str, limit: SizeLimit) -> None:
        self.limit = limit
        self.deaf = False
        """Whether the broker refuses to let us hear receipts."""
        self._owing = Owing(pace.overdue_s)
        self._patience_s = pace.overdue_s
        self._station, self._protocol = station, protocol
        self._prefix = station_topic(station.id, "")
        self._stands: dict[str, tuple[str, float]] = {}
        self._named: int | None = None

    @property
    def overdue(self) -> bool:
        """Whether the alarm of owed receipts stands."""
        return OVERDUE in self._stands

    def most_bytes(self, now: float) -> int | None:
        """Return how many bytes a row's topic and payload may have now; None: any."""
        most = self.limit.most(now)
        return None if most is None else body_bytes(most, self._prefix)

    def answered(self, now: float) -> None:
        """Note that a receipt came."""
        self._owing.answered(now)

    def look(
        self, ledger: Ledger, seen: Callable[[], DeliverySigns], now: float, *, connected: bool, last_error: str
    ) -> None:
        """Raise what is to be raised, and take back what is over."""
        bound = self.limit.bound
        self._look_at_sizes(ledger, bound, now)
        owed, first = ledger.outbox.owed()
        self._owing.look(owed, now)
        facts = seen()
        if not owed or not self._owing.overdue(facts.oldest_sent, now):
            self._tell("uplink-receipts", now, OVERDUE, None)
            return
        signs = Signs(
            station=self._station.id,
            protocol=self._protocol,
            connected=connected,
            last_error=last_error,
            denied=facts.denied,
            deaf=self.deaf,
            unheard=facts.unheard,
            receipts_ignored=facts.receipts_ignored,
            collector_seen=facts.collector_seen,
            bound=bound,
            clock_synchronised=bool(self._station.birth(owed).clock.get("synchronised", True)),
        )
        causes = "; ".join(likely_causes(signs))
        what = f"No receipt for {_duration(self._patience_s)}: {owed} wait, {first} first. Likely: {causes}."
        self._tell("uplink-receipts", now, OVERDUE, f"{what} {OVERDUE_HINT}")

    def _look_at_sizes(self, ledger: Ledger, bound: Bound | None, now: float) -> None:
        most = None if bound is None else bound.most
        if bound is not None and most != self._named and bound.most < self._largest_packet():
            log.warning("the broker takes no message of more than %s bytes: %s", f"{bound.most:,}", bound.known)
        self._named = most
        count, largest = (0, 0) if bound is None else ledger.outbox.larger(body_bytes(bound.most, self._prefix))
        if bound is None or not count:
            self._tell("uplink-size", now, TOO_LARGE, None)
            return
        limit = f"The broker takes no message of more than {bound.most:,} bytes: {bound.known}"
        text = f"{limit}. {count} wait that are larger, the largest certificate or statement of {largest:,} bytes."
        self._tell("uplink-size", now, TOO_LARGE, f"{text} Allow {self._largest_packet():,} bytes at the broker.")

    def _largest_packet(self) -> int:
        """What a broker must take, so that every certificate reaches it."""
        return packet_bytes(f"{self._prefix}statement/{'0' * 64}", bytes(MAX_BYTES), five=True)

    def _tell(self, name: str, now: float, code: str, text: str | None) -> None:
        said, at = self._stands.get(code, (None, float("-inf")))
        if text == said or (text is not None and now - at < AGAIN_S):
            return
        if text is None:
            del self._stands[code]
        else:
            self._stands[code] = (text, now)
        self._station.on_trouble(name, code, text)


def _duration(seconds: float) -> str:
    return "an hour" if seconds == 3600 else f"{seconds:g} s"
