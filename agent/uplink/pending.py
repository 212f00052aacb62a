"""Which outbox rows are under way, and when each is due again. Pure: the caller brings the time (monotonic seconds).

Keyed by the row's id (a certificate's hash), never by MQTT's message id: those are reused, and mean nothing on the next
connection. A row holds one of the window's places until it is answered or one base interval is over; it then waits,
without a place, for its next turn, so that a row that nobody answers never stops the others.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

WINDOW = 16  # uploads without an answer; paho resends all of them at once, whatever Receive Maximum says
MOST_REMEMBERED = 512  # rows in hand; a bound on memory while a collector is silent


@dataclass(frozen=True)
class Upload:
    """One row: how often it was sent, when first and last, when it is due again, and whether it still holds a place.

    `owed`: it waits for a receipt; an event does not.
    """

    id: str
    tries: int
    first_at: float
    sent_at: float
    due: float
    under_way: bool
    acknowledged: bool = False
    owed: bool = True


class Pending:
    """Every row that was sent and not answered."""

    def __init__(self, base_s: float, longest_s: float, *, jitter: Callable[[], float] = random.random) -> None:
        self._base, self._longest, self._jitter = base_s, longest_s, jitter
        self._uploads: dict[str, Upload] = {}
        self.last_answer = float("-inf")

    def __contains__(self, row_id: str) -> bool:
        return row_id in self._uploads

    def room(self) -> int:
        """Count how many rows may be sent now."""
        places = WINDOW - sum(u.under_way for u in self._uploads.values())
        return max(0, places)

    def not_now(self, now: float) -> frozenset[str]:
        """List the rows in hand whose turn has not come."""
        return frozenset(u.id for u in self._uploads.values() if u.under_way or u.due > now)

    def may_send(self, row_id: str, *, last: bool = False) -> bool:
        """Say whether there is memory for this row: a known one always, a new one below the bound.

        `last` are those that come after all others, and leave half of it to them.
        """
        bound = MOST_REMEMBERED // 2 if last else MOST_REMEMBERED
        return row_id in self._uploads or len(self._uploads) < bound

    def sent(self, row_id: str, now: float, *, owed: bool = True) -> None:
        """Note that a row went out. `owed`: a receipt is to come for it."""
        tries, first = self.tries(row_id) + 1, self._uploads[row_id].first_at if row_id in self._uploads else now
        due = now + self._wait(tries)
        self._uploads[row_id] = Upload(row_id, tries, first, now, due, under_way=True, owed=owed)

    def oldest(self) -> float | None:
        """Tell when the row was first sent that waits longest for its receipt."""
        return min((u.first_at for u in self._uploads.values() if u.owed), default=None)

    def tries(self, row_id: str) -> int:
        """Count how often it was sent since this station started."""
        return self._uploads[row_id].tries if row_id in self._uploads else 0

    def acknowledged(self, row_id: str) -> None:
        """Note that the broker has it: not yet an answer."""
        self._change((row_id,), acknowledged=True)

    def refused(self, row_id: str, now: float) -> None:
        """Note that the broker did not take it: its place is free, its turn comes again."""
        if row_id in self._uploads:
            self._change((row_id,), under_way=False, due=now + self._wait(self.tries(row_id)))

    def answered(self, row_id: str, now: float) -> None:
        """Take a receipt: the row is done, and what went out unanswered since the last receipt is worth a try now."""
        self._uploads.pop(row_id, None)
        silent = [u.id for u in self._uploads.values() if not u.under_way and u.sent_at > self.last_answer]
        self._change(silent, due=now)
        self.last_answer = now

    def forget(self, row_id: str) -> None:
        """Forget a row that is done without a receipt."""
        self._uploads.pop(row_id, None)

    def collector_came(self, now: float) -> None:
        """Hear from a collector that it is there.

        Whatever waits is due, spread over a tenth of the base interval.
        """
        for upload in [u for u in self._uploads.values() if not u.under_way]:
            self._change((upload.id,), due=min(upload.due, now + self._jitter() * self._base / 10))

    def connection_lost(self, now: float) -> None:
        """Note that nothing is under way any more.

        What the broker never acknowledged is due at once, the rest before long.
        """
        for upload in list(self._uploads.values()):
            due = min(upload.due, now + self._base) if upload.acknowledged else now
            self._change((upload.id,), under_way=False, due=due)

    def release_places(self, now: float) -> bool:
        """Take the place of every row that had none answered within the base interval; whether there was one."""
        late = [u.id for u in self._uploads.values() if u.under_way and now >= u.sent_at + self._base]
        self._change(late, under_way=False)
        return bool(late)

    def due(self, now: float) -> bool:
        """Say whether a row's next turn has come."""
        return any(not u.under_way and u.due <= now for u in self._uploads.values())

    def forget_all_but(self, row_ids: Iterable[str], now: float) -> None:
        """Forget every row that is due but these.

        The outbox was asked for every row that is due, and had only these: the others are done, by whomever.
        """
        gone = {u.id for u in self._uploads.values() if not u.under_way and u.due <= now} - set(row_ids)
        for row_id in gone:
            del self._uploads[row_id]

    def next_moment(self) -> float | None:
        """Tell when something here changes by itself.

        A place falls free, or (if there is a place) a row is due.
        """
        places = [u.sent_at + self._base for u in self._uploads.values() if u.under_way]
        turns = [u.due for u in self._uploads.values() if not u.under_way] if len(places) < WINDOW else []
        return min([*places, *turns], default=None)

    def _wait(self, tries: int) -> float:
        # Jitter only lengthens: "no receipt for 30 s" must have been true. 20 % spreads a thousand stations.
        return min(self._longest, self._base * 2.0 ** min(tries - 1, 32)) * (1 + 0.2 * self._jitter())

    def _change(self, row_ids: Iterable[str], **facts: float | bool) -> None:
        for row_id in row_ids:
            if row_id in self._uploads:
                self._uploads[row_id] = replace(self._uploads[row_id], **facts)  # type: ignore[arg-type]
