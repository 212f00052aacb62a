"""Certificates, statements and events on their way into the database: verify, one transaction, COMMIT, receipts, ack.

While the database cannot take a batch there is no receipt and no ack: the batch is tried again, and the log says so.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from agent.certificates.jws import MAX_BYTES, public_jwk
from agent.messages import Event, Receipt, split_topic, station_topic
from collector.errors import SchemaTooNew
from collector.intake.gaps import told_by_event
from collector.intake.judge import Delivery, Rejected, Verdict, delivery, judge
from collector.intake.link import Incoming
from collector.intake.signing import Signer
from collector.intake.statements import Keys
from collector.old.enrolment import KeyBook
from collector.old.store import EventRow, Store, Stored
from collector.text import clean, is_station_id

LOG = logging.getLogger(__name__)
BATCH = 200
WAITING = 2_000  # messages; 64 KiB each at the most
RETRY_S = (0.5, 15.0)
LARGEST_SEQ = 2**63 - 1


class Intake:
    """Owns the only thread that writes to the database."""

    def __init__(
        self, store: Store, book: KeyBook, publish_receipt: Callable[[str, bytes], bool], signer: Signer
    ) -> None:
        self._store = store
        self._book = book
        self._publish_receipt = publish_receipt
        self._signer = signer
        self._waiting: queue.Queue[Incoming] = queue.Queue(WAITING)
        self._stop = threading.Event()
        self._prepared = False
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self.state = "not opened yet"
        self.fatal = threading.Event()

    def put(self, message: Incoming) -> None:
        """Put the message in from paho's thread. queue.Full when the database cannot follow."""
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

    @property
    def working(self) -> bool:
        """Whether the database took the last thing it was given."""
        return self.state == "ok"

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._work()
            except Exception:  # the thread's edge: a defect must not stop the intake for ever
                LOG.exception("the intake failed; what it had in hand is unacked and comes again")
                self._stop.wait(1.0)

    def _work(self) -> None:
        if not self._prepared:
            self._prepared = self._until_it_works(self._store.prepare)
        while self._prepared and not self._stop.is_set():
            batch = self._next_batch()
            if batch:
                self._take(batch)

    def _next_batch(self) -> list[Incoming]:
        """Whatever waits, up to BATCH: a batch is large only when there is much to do."""
        batch: list[Incoming] = []
        try:
            batch.append(self._waiting.get(timeout=0.2))
            while len(batch) < BATCH:
                batch.append(self._waiting.get_nowait())
        except queue.Empty:
            pass
        return batch

    def _take(self, batch: Sequence[Incoming]) -> None:
        """All of it, or nothing and no ack (when the collector stops while the database is away)."""
        deliveries = [d for m in batch if (d := delivery(m.topic, m.payload)) is not None]
        events = [e for m in batch if (e := read_event(m.topic, m.payload)) is not None]
        verdicts, known = self._judge(deliveries)
        gaps = [gap for e in events if (gap := told_by_event(e.station, e.payload, self._book.keys)) is not None]
        kept: list[Stored] = []

        def write() -> None:
            kept[:] = self._keep(verdicts, known)
            if events:
                self._store.keep_events(events, gaps)

        if not self._until_it_works(write):
            return
        for stored in kept:
            self._send_receipt(stored)
        for message in batch:
            message.ack()

    def _judge(self, deliveries: Sequence[Delivery]) -> tuple[list[Verdict], dict[str, str]]:
        """Verdicts, and the public x of every key that they rest on."""
        known: dict[str, str] = {}
        fresh: set[str] = set()

        def keys_of(station: str) -> Keys:
            keys = self._book.keys(station, fresh=station in fresh)
            known.update((kid, _x(key)) for kid, key in keys.items() if kid not in known)
            return keys

        verdicts: list[Verdict] = []
        for message in deliveries:
            verdict = judge(message, keys_of)
            if isinstance(verdict, Rejected) and message.station not in fresh and is_station_id(message.station):
                fresh.add(message.station)  # it may have been enrolled this very moment; one look at the disk a batch
                verdict = judge(message, keys_of)
            verdicts.append(verdict)
        return verdicts, known

    def _keep(self, verdicts: Sequence[Verdict], known: Mapping[str, str]) -> list[Stored]:
        """A batch in one transaction; one by one where the database cannot hold a value of one of them."""
        if not verdicts:
            return []
        try:
            return self._store.keep(verdicts, known)
        except (DataError, IntegrityError, ValueError, OverflowError):
            LOG.exception("a batch of %d could not be stored as one; trying each", len(verdicts))
        return [self._keep_one(verdict, known) for verdict in verdicts]

    def _keep_one(self, verdict: Verdict, known: Mapping[str, str]) -> Stored:
        try:
            return self._store.keep([verdict], known)[0]
        except (DataError, IntegrityError, ValueError, OverflowError) as error:
            rejected = Rejected(verdict.delivery, clean(f"the database cannot hold it: {error}"))
            return self._store.keep([rejected], known)[0]

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
                write()
            except SchemaTooNew as error:
                self._complain(error.line())
                self.fatal.set()
                return False
            except (SQLAlchemyError, OSError) as error:
                self._complain(clean(f"the database does not take it: {_cause(error)}"))
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


def _x(key: Ed25519PublicKey) -> str:
    return public_jwk(key)["x"]


def _cause(error: Exception) -> str:
    """The database's own words, without SQL and parameters: they may be a whole certificate."""
    return str(getattr(error, "orig", None) or error).strip()
