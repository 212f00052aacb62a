"""Certificates and statements on their way into the database: verify, one transaction, COMMIT, receipts, ack.

While the database cannot take a batch there is no receipt and no ack: the batch is tried again, and the log says so.
Events have a queue of their own: they are copies, and what does not fit is passed over.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
from django.db import DataError, Error, IntegrityError, close_old_connections, connection
from django.dispatch import Signal

from agent.certificates.jws import MAX_BYTES
from agent.messages import Event, Receipt, split_topic, station_topic
from collector.errors import CollectorError
from collector.intake.book import Enrolled, enrolled
from collector.intake.budget import Budget
from collector.intake.gaps import told_by_event
from collector.intake.judge import Delivery, Rejected, delivery, judge
from collector.intake.keeping import EventRow, Limits, Stored, keep, keep_events
from collector.intake.link import Incoming
from collector.intake.signing import Signer
from collector.text import clean, is_station_id

LOG = logging.getLogger(__name__)
BATCH = 200
WAITING = 2_000  # messages; 64 KiB each at the most
EVENTS_WAITING = 100  # of the window of 400 that the broker gives: the rest is for certificates
RETRY_S = (0.5, 15.0)
SAID_EVERY_S = 10.0
LARGEST_SEQ = 2**63 - 1
SPARE_RETRY_S = (1.0, 60.0)
FAR_BEHIND = 1_000
"""Certificates: other rooms are that far behind at most, however many more wait for their receipts."""
moment_to_spare = Signal()
"""Sent after the receipts, while no certificate waits: other rooms write what they keep of certificates, a little at a
time. Each answers how many are left."""
UNHOLDABLE = (DataError, IntegrityError, ValueError, OverflowError)


class Intake:
    """Owns the only thread of this process that writes certificates. `prepare` makes the database ready."""

    def __init__(
        self,
        publish_receipt: Callable[[str, bytes], bool],
        signer: Signer,
        *,
        prepare: Callable[[], None],
        look: Callable[[], None] = lambda: None,
        limits: Limits | None = None,
    ) -> None:
        self._publish_receipt = publish_receipt
        self._signer = signer
        self._prepare = prepare
        self._look = look
        self._limits = limits or Limits()
        self._waiting: queue.Queue[Incoming] = queue.Queue(WAITING)
        self._events: queue.Queue[Incoming] = queue.Queue(EVENTS_WAITING)
        self._budget, self._budget_lock = Budget(), threading.Lock()
        self._passed_over: Counter[str] = Counter()
        self._counts: dict[str, int] = dict.fromkeys(("stored", "duplicate", "rejected", "events", "passed_over"), 0)
        self._said_at = float("-inf")
        self._stop = threading.Event()
        self._prepared = False
        self._behind, self._spare_at, self._spare_delay = (
            1,
            0.0,
            SPARE_RETRY_S[0],
        )  # what came before this start is gone through
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self.state = "not opened yet"
        self.fatal = ""

    def put(self, message: Incoming) -> None:
        """Put the message in from paho's thread. queue.Full when the database cannot follow.

        What was sent without a wish for its delivery (QoS 0) is no certificate of a station of ours.
        """
        split = split_topic(message.topic)
        station, suffix = ("", "") if split is None else split
        if suffix == "event":
            self._put_event(message)
            return
        if message.qos == 0:
            self._pass_over(message, "sent with QoS 0")
            return
        with self._budget_lock:
            spent = self._budget.spent(station, time.monotonic())
        if spent:
            self._pass_over(message, f"of {clean(station, 64)}, whose budget of useless messages is spent")
            return
        self._waiting.put_nowait(message)

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to take, in a thread of its own."""
        self._thread.start()

    def stop(self, within: float) -> None:
        """End after the batch in hand; what waits is unacked and comes again."""
        self._stop.set()
        self._thread.join(within)

    def counted(self) -> dict[str, float]:
        """Say what was done since the start, and how many messages wait."""
        return {**self._counts, "waiting": self._waiting.qsize()}

    @property
    def working(self) -> bool:
        """Whether the database took the last thing it was given."""
        return self.state == "ok"

    def _put_event(self, message: Incoming) -> None:
        try:
            self._events.put_nowait(message)
        except queue.Full:
            self._pass_over(message, "events that came too fast")

    def _pass_over(self, message: Incoming, why: str) -> None:
        """Let the broker forget it. No receipt: a station that meant it sends it again."""
        message.ack()
        self._passed_over[why] += 1
        self._counts["passed_over"] += 1
        now = time.monotonic()
        if now - self._said_at >= SAID_EVERY_S:
            self._said_at = now
            told = "; ".join(f"{count} {reason}" for reason, count in self._passed_over.items())
            self._passed_over.clear()
            LOG.warning("messages were passed over: %s", told)

    def _run(self) -> None:
        while not self._stop.is_set() and not self.fatal:
            try:
                self._work()
            except Exception:  # the thread's edge: a defect must not stop the intake for ever
                LOG.exception("the intake failed; what it had in hand is unacked and comes again")
                self._stop.wait(1.0)
        connection.close()

    def _work(self) -> None:
        if not self._prepared:
            self._prepared = self._until_it_works(self._prepare)
        while self._prepared and not self._stop.is_set():
            batch = self._next_batch()
            if batch:
                self._take(batch)
            self._take_events()
            self._spare_a_moment()
            self._look()

    def _next_batch(self) -> list[Incoming]:
        """Whatever waits, up to BATCH: a batch is large only when there is much to do."""
        batch: list[Incoming] = []
        try:
            batch.append(self._waiting.get(timeout=0.01 if self._events.qsize() or self._behind else 0.2))
            while len(batch) < BATCH:
                batch.append(self._waiting.get_nowait())
        except queue.Empty:
            pass
        return batch

    def _take(self, batch: Sequence[Incoming]) -> None:
        """All of it, or nothing and no ack (when the collector stops while the database is away)."""
        deliveries = [d for m in batch if (d := delivery(m.topic, m.payload)) is not None]
        kept: list[Stored] = []

        def write() -> None:
            book = enrolled({message.station for message in deliveries})
            kept[:] = self._keep(deliveries, book) if deliveries else []

        if not self._until_it_works(write):
            return
        for stored in kept:
            self._counts[stored.result] += 1
            self._send_receipt(stored)
        for message in batch:
            message.ack()
        self._behind += sum(stored.result == "stored" for stored in kept)
        self._charge(kept)

    def _spare_a_moment(self) -> None:
        """Let other rooms follow. Where they fail, certificates are taken in as ever, and it is tried again."""
        now = time.monotonic()
        if not self._behind or now < self._spare_at or (self._waiting.qsize() and self._behind < FAR_BEHIND):
            return
        try:
            self._behind = max((int(left or 0) for _, left in moment_to_spare.send(sender=None)), default=0)
        except (Error, OSError) as error:
            connection.close()
            LOG.error("what is kept beside certificates cannot be written: %s", clean(cause(error)))
        except Exception:  # the edge of another room: its defect stops no certificate
            LOG.exception("what is kept beside certificates cannot be written")
        else:
            self._spare_delay = SPARE_RETRY_S[0]
            return
        self._spare_at, self._spare_delay = now + self._spare_delay, min(self._spare_delay * 2, SPARE_RETRY_S[1])

    def _take_events(self) -> None:
        """Store the events that wait."""
        messages: list[Incoming] = []
        while len(messages) < BATCH and not self._events.empty():
            messages.append(self._events.get_nowait())
        events = [e for m in messages if (e := read_event(m.topic, m.payload)) is not None]

        def write() -> None:
            book = enrolled({event.station for event in events})
            gaps = [gap for e in events if (gap := told_by_event(e.station, e.payload, book.of)) is not None]
            keep_events(events, gaps)

        if not events or self._until_it_works(write):
            self._counts["events"] += len(events)
            for message in messages:
                message.ack()

    def _charge(self, kept: Sequence[Stored]) -> None:
        useless = Counter(s.verdict.delivery.station for s in kept if s.result != "stored")
        now = time.monotonic()
        with self._budget_lock:
            for station, count in useless.items():
                self._budget.spend(station, count, now)

    def _keep(self, deliveries: Sequence[Delivery], book: Enrolled) -> list[Stored]:
        """A batch in one transaction; one by one where the database cannot hold a value of one of them."""
        verdicts = [judge(message, book.of) for message in deliveries]
        try:
            return keep(verdicts, book, self._limits)
        except UNHOLDABLE:
            LOG.exception("a batch of %d could not be stored as one; trying each", len(verdicts))
        return [self._keep_one(message, book) for message in deliveries]

    def _keep_one(self, message: Delivery, book: Enrolled) -> Stored:
        try:
            return keep([judge(message, book.of)], book, self._limits)[0]
        except UNHOLDABLE as error:
            rejected = Rejected(message, clean(f"the database cannot hold it: {cause(error)}"))
            return keep([rejected], book, self._limits)[0]

    def _send_receipt(self, stored: Stored) -> None:
        message = stored.verdict.delivery
        sig = self._signer.receipt(message.station, message.name, stored.result, stored.stored_at)
        receipt = Receipt(result=stored.result, reason=stored.reason, stored_at=stored.stored_at, sig=sig)
        if isinstance(stored.verdict, Rejected):
            LOG.warning("rejected %s: %s", clean(message.topic), stored.reason)
        topic = station_topic(message.station, f"receipt/{message.name}")
        if not self._publish_receipt(topic, msgspec.json.encode(receipt)):
            LOG.info("the broker is away: no receipt for %s; its station will ask again", clean(message.name))

    def _until_it_works(self, write: Callable[[], None]) -> bool:
        """Try until the database takes it; False when the collector stops before that."""
        delay = RETRY_S[0]
        while True:
            try:
                close_old_connections()
                write()
            except CollectorError as error:
                self._complain(error.line())
                self.fatal = error.line()
                return False
            except (Error, OSError) as error:
                connection.close()
                self._complain(clean(f"the database does not take it: {cause(error)}"))
            else:
                self._complain("ok")
                return True
            if self._stop.wait(delay):
                return False
            delay = min(delay * 2, RETRY_S[1])

    def _complain(self, state: str) -> None:
        if state != self.state:
            LOG.log(logging.INFO if state == "ok" else logging.ERROR, "database: %s", state)
        self.state = state


def read_event(topic: str, payload: bytes) -> EventRow | None:
    """Read an event of a station. None for anything else, and for what no station of ours would send."""
    split = split_topic(topic)
    if split is None or split[1] != "event" or not is_station_id(split[0]) or len(payload) > MAX_BYTES:
        return None
    try:
        event = msgspec.json.decode(payload, type=Event)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not 0 <= event.seq <= LARGEST_SEQ:
        return None
    return EventRow(split[0], clean(event.boot_id), event.seq, clean(event.event), payload)


def cause(error: BaseException) -> str:
    """Return the database's own words on one line, without SQL and parameters: they may be a whole certificate."""
    return " ".join(str(error).split()) or type(error).__name__
