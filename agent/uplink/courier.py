"""The courier: the one thread that owns the connection to the broker, the pending uploads and the ledger it opened.

Everybody else puts events into its queue. It never waits for the network: a connect has its own thread, paho another.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import random
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from agent.certificates.clock import clock
from agent.errors import KeyProblem, LedgerProblem
from agent.jobs.ledger import Ledger
from agent.messages import PROGRESS_EXPIRY_S, StationState, station_topic
from agent.settings import Mqtt
from agent.uplink.board import Board
from agent.uplink.brokers import Brokers
from agent.uplink.connection import (
    Acknowledged,
    Arrived,
    BrokerRefused,
    Connected,
    Connection,
    DialFailed,
    Event,
    Lost,
    Subscribed,
    read_secrets,
)
from agent.uplink.delivery import COLLECTORS, FAILURE, Delivery
from agent.uplink.log import Seldom
from agent.uplink.size_limit import EXPIRY_BYTES, PACKET_TOO_LARGE, SizeLimit, packet_bytes
from agent.uplink.troubles import Troubles
from agent.uplink.values import Outgoing, Pace, Sender, UplinkStatus, Wake

log = logging.getLogger("benchwipe.uplink")

ASK_CLOCK_S = 10.0
INTRODUCE_S = 60.0
"""A bench with nothing to do says as often who it is: else nobody far away tells an idle one from one that hangs."""


@dataclass(frozen=True)
class _Sent:
    """What has no acknowledgement yet, since when, and how many bytes it had on the wire."""

    outgoing: Outgoing
    at: float
    size: int


class Courier:
    """`events`, `board`, `status` and `stop` are everybody's; the rest belongs to the thread that calls `run`."""

    def __init__(self, mqtt: Mqtt, station: Sender, pace: Pace) -> None:
        self.events: queue.SimpleQueue[Event | Wake] = queue.SimpleQueue()
        self.board = Board(progress_every_s=pace.progress_s, progress_expiry_s=PROGRESS_EXPIRY_S)
        self._brokers = Brokers(mqtt.addresses, patience_s=pace.leave_s, home_s=pace.home_s)
        self.status = UplinkStatus(False, str(self._brokers.address), "", 0, None)
        self._stopping = threading.Event()
        self._stop_by = 0.0
        self._mqtt, self._station, self._pace = mqtt, station, pace
        self._seldom = Seldom(log)
        self._limit = SizeLimit(pace.probe_s)
        self._troubles = Troubles(station, pace, mqtt.protocol, self._limit)
        self._delivery = Delivery(
            station,
            pace,
            self.board,
            send=self._publish,
            say=self._say,
            seldom=self._seldom,
            troubles=self._troubles,
        )
        self._connection: Connection | None = None
        self._network_thread: threading.Thread | None = None  # set while the broker has us
        self._connect_by = self._up_since = self._next_attempt = 0.0
        self._attempts = 0
        self._unused_number: int | None = None
        self._sent: dict[int, _Sent] = {}  # by message id: of this connection only, oldest first
        self._subscribed: dict[int, str] = {}
        self._courteous = True
        self._dated = True  # whether the broker's certificate is judged by its dates
        self._ask_clock_at = self._introduced_at = 0.0
        self._goodbye: Outgoing | None = None

    def stop(self, by: float) -> None:
        """Say "offline" and end, at the latest at this moment (monotonic)."""
        self._stop_by = by
        self._stopping.set()
        self.events.put(Wake())

    def stopping(self) -> bool:
        """Say whether it was asked to end."""
        return self._stopping.is_set()

    # The loop

    def run(self) -> None:
        """Run the thread's body: works until it is stopped, whatever happens on the way."""
        while not self._stopping.is_set():
            try:
                with contextlib.closing(self._station.open_ledger()) as ledger:
                    self._delivery.report_quarantined(ledger)
                    while not self._finished():
                        self._step(ledger)
            except LedgerProblem as error:
                self._ledger_trouble(error)
            except Exception as error:
                # The thread's edge: a courier that died would deliver nothing, and nobody would see it.
                log.exception("the courier met a defect and starts anew")
                self._say(last_error=f"defect: {type(error).__name__}")
            self._hang_up("the courier ended")
            self._stopping.wait(self._pace.mend_s)

    def _step(self, ledger: Ledger) -> None:
        event: Event | Wake | None = None
        with contextlib.suppress(queue.Empty):
            event = self.events.get(timeout=self._until_next(time.monotonic()))
        try:
            if isinstance(event, Wake):
                self._delivery.look(event.outbox)
            elif event is not None:
                self._handle(event, ledger)
            self._tick(time.monotonic(), ledger)
        except LedgerProblem as error:
            # A receipt that could not be noted comes again, as a duplicate, after its row was sent again.
            self._ledger_trouble(error)
            self._stopping.wait(self._pace.mend_s)

    def _tick(self, now: float, ledger: Ledger) -> None:
        if self._stopping.is_set():
            self._say_goodbye(now)
            return
        if self._connection is None and now >= self._next_attempt:
            self._dial(ledger, now)
        self._watch(now)
        connected, last_error = self._network_thread is not None, self.status.last_error
        self._delivery.refresh(ledger, now, connected=connected, last_error=last_error)
        if self._network_thread is None or (self._limit.careful and self._sent):
            return
        if now - self._introduced_at >= INTRODUCE_S:
            self._introduce(ledger.outbox.depth())
        for post in self.board.take(now):
            self._publish(Outgoing(post.suffix, post.payload, retain=post.retain, expiry_s=post.expiry_s))
        if not self._limit.careful:
            self._delivery.upload(ledger, now)
        elif not self._sent and not self._subscribed:
            self._delivery.upload(ledger, now, one=True)

    def _until_next(self, now: float) -> float:
        moments = [self._delivery.next_moment(), now + self._mqtt.keepalive_s]
        if self._network_thread is not None:
            shown = self.board.next_moment()
            moments += [] if shown is None else [shown]
        else:
            moments.append(self._next_attempt if self._connection is None else self._connect_by)
        if self._stopping.is_set():
            moments.append(self._stop_by)
        # The floor keeps a moment that has come, and cannot be served yet, from becoming a busy loop.
        return max(0.01, min(moments) - now)

    def _finished(self) -> bool:
        return self._stopping.is_set() and (self._connection is None or time.monotonic() >= self._stop_by)

    # The connection

    def _dial(self, ledger: Ledger, now: float) -> None:
        self._attempts += 1
        try:
            secrets = read_secrets(self._mqtt, self._station.base_dir, dated=self._dated)
        except KeyProblem as error:
            self._retry_later(str(error), now)
            return
        # A number that no broker ever saw is used again: a day without a network is no day of ledger writes.
        number = self._unused_number if self._unused_number is not None else ledger.outbox.next_connection()
        self._unused_number = None
        address = self._brokers.address
        self._connection = Connection(
            msgspec.structs.replace(self._mqtt, host=address.host, port=address.port),
            secrets,
            station_id=self._station.id,
            number=number,
            will=(station_topic(self._station.id, "state"), self._state("offline", number).payload),
            post=self.events.put,
            timeout_s=self._pace.connect_s,
        )
        self._connect_by = now + self._pace.connect_s
        self._connection.dial()

    def _watch(self, now: float) -> None:
        """Give up a client that is silent: paho's thread can die while paho says that it is connected."""
        connection, thread = self._connection, self._network_thread
        if connection is None:
            return
        if thread is None:
            if now >= self._connect_by:
                self._lost(f"no answer within {self._pace.connect_s:g} s")
            return
        patience = 2 * connection.keepalive_s
        oldest = next((sent.at for sent in self._sent.values()), now)
        if not thread.is_alive():
            # What it said last, why the connection ended, waits in the queue before this.
            self.events.put(Lost(connection.number, "paho's network thread died without a word"))
        elif now - connection.last_heard > patience:
            self._lost(f"the broker was silent for {now - connection.last_heard:.0f} s")
        elif now - oldest > patience:
            self._lost(f"the broker acknowledged nothing for {now - oldest:.0f} s")
        elif why := self._brokers.leave(now, self._delivery.pending):
            self._lost(why, left=True)
        elif not self._dated and now >= self._ask_clock_at:
            self._ask_clock_at = now + ASK_CLOCK_S
            if clock().synchronised:
                self._dated = True
                self._lost("the clock was set, and the broker's certificate is judged by its dates too")

    def _handle(self, event: Event, ledger: Ledger) -> None:
        if self._connection is None or event.connection != self._connection.number:
            return  # the last words of a connection that was given up
        match event:
            case DialFailed():
                self._lost(event.reason)
                # A machine without a battery clock starts in the past. The authority is checked all the same.
                self._dated = not (event.too_early and not clock().synchronised)
                self._unused_number = event.connection
            case BrokerRefused():
                self._lost(f"the broker refuses: {event.reason}")
            case Lost():
                self._hung_up(event)
            case Connected():
                self._limit.came_up(event.most_bytes)
                self._brokers.came_up(time.monotonic())
                self._came_up(self._connection, event.thread, ledger)
            case Subscribed():
                self._subscription(event)
            case Acknowledged():
                self._acknowledged(event, ledger)
            case Arrived():
                self._delivery.arrived(event, ledger, time.monotonic())

    def _hung_up(self, event: Lost) -> None:
        """Learn from the end of a connection. One that was cut on a message's size was not cut on a subscription."""
        sizes, answered = [sent.size for sent in self._sent.values()], not self._subscribed
        learned = self._limit.hung_up(sizes, time.monotonic(), too_large=event.code == PACKET_TOO_LARGE)
        self._lost(event.reason)
        self._courteous = self._courteous or (learned and answered)

    def _came_up(self, connection: Connection, thread: threading.Thread, ledger: Ledger) -> None:
        self._network_thread, self._up_since = thread, time.monotonic()
        depth = ledger.outbox.depth()
        left_out = self._seldom.over("connection")
        log.info(
            "connected to %s (connection %d); %d in the outbox%s",
            self.status.host,
            connection.number,
            depth,
            f"; {left_out} failed attempts were not logged" if left_out else "",
        )
        self._say(connected=True, last_error="", outbox_depth=depth, most_bytes=self._limit.most(time.monotonic()))
        mine = ("alarm/+", "cmd/+/+", "desired/config")
        courtesies = (COLLECTORS, *(station_topic(self._station.id, s) for s in mine)) if self._courteous else ()
        for topic in (station_topic(self._station.id, "receipt/+"), *courtesies):
            mid = connection.subscribe(topic)
            if mid is not None:
                self._subscribed[mid] = topic
        self._publish(self._state("online", connection.number))
        self._introduce(depth)
        self.board.all_due()
        self._delivery.look(outbox=True)

    def _introduce(self, depth: int) -> None:
        """Say who this station is, how its clock is set, and how much waits here."""
        self._introduced_at = time.monotonic()
        birth = msgspec.json.encode(self._station.birth(depth))
        self._publish(Outgoing("birth", birth, retain=True))

    def _subscription(self, event: Subscribed) -> None:
        topic = self._subscribed.pop(event.mid, "")
        if not event.reason:
            if topic.endswith("/receipt/+"):
                self._troubles.deaf = False
            return
        if topic.endswith("/receipt/+"):
            self._troubles.deaf = True
            self._trouble("receipts", f"the broker does not let us hear receipts: {event.reason}")
        else:
            self._seldom.say(logging.INFO, f"subscription {topic}", f"not subscribed to {topic}: {event.reason}")

    def _acknowledged(self, event: Acknowledged, ledger: Ledger) -> None:
        sent, now = self._sent.pop(event.mid, None), time.monotonic()
        if sent is None:
            return
        if event.code == PACKET_TOO_LARGE:
            self._limit.refused(sent.size, now)
            self._say(most_bytes=self._limit.most(now))
        elif event.code < FAILURE:
            self._limit.acknowledged(sent.size)
        self._delivery.acknowledged(sent.outgoing, event, ledger, now)
        if sent.outgoing is self._goodbye and self._connection is not None:
            self._connection.disconnect()

    def _lost(self, reason: str, *, left: bool = False) -> None:
        now, was_up = time.monotonic(), self._network_thread is not None
        if was_up and self._subscribed and not any(t.endswith("/receipt/+") for t in self._subscribed.values()):
            # RabbitMQ hangs up on a subscription that its access list does not grant. Receipts we cannot do without.
            self._courteous = False
            log.info(
                "the broker hung up on a subscription; collectors' presence, stale alarms and commands are not watched"
            )
        if was_up and now - self._up_since >= self._pace.reconnect_longest_s:
            self._attempts, self._courteous = 0, True
        self._hang_up(reason)
        if self._goodbye is not None:
            log.info("said goodbye to %s", self.status.host)
            return
        if was_up:
            log.warning("connection to %s lost: %s", self.status.host, reason)
        self._retry_later(reason, now)
        if left or self._brokers.lost(now):
            self._limit.forget()
            self._courteous = True
            self._say(host=str(self._brokers.address))

    def _retry_later(self, reason: str, now: float) -> None:
        longest, first = self._pace.reconnect_longest_s, self._pace.reconnect_s
        wait = min(longest, first * 2.0 ** min(self._brokers.rounds(self._attempts), 32))
        self._next_attempt = now + wait * random.uniform(0.5, 1.0)
        self._trouble("connection", f"no connection to {self.status.host}: {reason}; trying again")

    def _hang_up(self, reason: str) -> None:
        if self._connection is None:
            return
        self._connection.abort()
        self._connection, self._network_thread = None, None
        self._sent.clear()
        self._subscribed.clear()
        self._delivery.pending.connection_lost(time.monotonic())
        self._say(connected=False, last_error=reason)

    def _say_goodbye(self, now: float) -> None:
        if self._network_thread is None or self._connection is None or now >= self._stop_by:
            self._hang_up("stopped")
        elif self._goodbye is None:
            self._goodbye = self._state("offline", self._connection.number)
            if not self._publish(self._goodbye):
                self._hang_up("stopped")

    # Saying

    def _publish(self, outgoing: Outgoing) -> bool:
        """Whether the connection took it. Never while there is none: paho would keep it for later."""
        if self._connection is None or self._network_thread is None:
            return False
        topic, now = station_topic(self._station.id, outgoing.suffix), time.monotonic()
        size, most = self._packet_bytes(topic, outgoing), self._limit.most(now)
        if most is not None and size > most:
            if outgoing.retain:
                self.board.again(outgoing.suffix, now + self._pace.repost_s)
            return False
        mid = self._connection.publish(
            topic,
            outgoing.payload,
            qos=1 if outgoing.lasting else 0,
            retain=outgoing.retain,
            expiry_s=outgoing.expiry_s if outgoing.lasting else PROGRESS_EXPIRY_S,
        )
        if mid is not None and outgoing.lasting:
            self._sent[mid] = _Sent(outgoing, now, size)
        return mid is not None

    def _packet_bytes(self, topic: str, outgoing: Outgoing) -> int:
        expires = outgoing.expiry_s is not None or not outgoing.lasting
        five = self._mqtt.protocol == "5"
        return packet_bytes(topic, outgoing.payload, five=five, properties=EXPIRY_BYTES if expires else 0)

    def _state(self, state: Any, number: int) -> Outgoing:  # noqa: ANN401 - StationState's Literal
        message = StationState(state=state, boot_id=self._station.boot_id, conn_no=number)
        return Outgoing("state", msgspec.json.encode(message), retain=True)

    def _say(self, **facts: Any) -> None:  # noqa: ANN401 - fields of UplinkStatus
        self.status = replace(self.status, **facts)

    def _trouble(self, kind: str, text: str) -> None:
        self._say(last_error=text)
        self._seldom.say(logging.WARNING, kind, text)

    def _ledger_trouble(self, error: LedgerProblem) -> None:
        self._trouble("ledger", f"the ledger cannot be used, and deliveries wait: {error}")
