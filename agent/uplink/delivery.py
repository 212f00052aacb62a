"""Outbox -> broker -> collector's receipt, and what a refusal means.

A certificate's row, and a statement's, goes when the collector's receipt comes, never for the broker's acknowledgement:
of 800 messages that a broker had acknowledged, `kill -9` left none. The contract has no receipt for events, so an
event's row goes with the broker's acknowledgement; where nobody takes events, and yet certificates get receipts, it is
tried no third time. With collectors' keys configured a receipt counts only with the signature of one of them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import msgspec

from agent.certificates.receipt import doubt
from agent.jobs.ledger import Ledger
from agent.jobs.outbox_rows import OutboxRow
from agent.messages import ROOT, Alarm, Receipt, ReportedConfig, Request, split_topic, station_topic
from agent.uplink.board import Board
from agent.uplink.connection import Acknowledged, Arrived
from agent.uplink.log import Seldom
from agent.uplink.pending import Pending
from agent.uplink.troubles import DeliverySigns, Troubles
from agent.uplink.values import Outgoing, Pace, Sender

NOBODY_LISTENS = 0x10
FAILURE = 0x80
NOT_AUTHORISED = 0x87
COMMAND = re.compile(r"cmd/([A-Za-z0-9._-]{1,64})/([A-Za-z0-9._-]{1,64})")
RECEIPT = re.compile(r"receipt/([0-9a-f]{64})")
COLLECTORS = f"{ROOT}/$collector/+"

log = logging.getLogger("benchwipe.uplink")


class Delivery:
    """The pending uploads, and the answers to them. The courier's thread alone calls it; times are monotonic seconds.

    `send` publishes and says whether the connection took it; `say` changes fields of the status.
    """

    def __init__(
        self,
        station: Sender,
        pace: Pace,
        board: Board,
        *,
        send: Callable[[Outgoing], bool],
        say: Callable[..., None],
        seldom: Seldom,
        troubles: Troubles,
    ) -> None:
        self.pending = Pending(pace.receipt_s, pace.receipt_longest_s)
        self._station, self._pace, self._board = station, pace, board
        self._send, self._say, self._seldom, self._troubles = send, say, seldom, troubles
        self._denied: set[str] = set()
        self._set_aside: set[str] = set()  # reported as rejected in this run
        self._ignored = 0
        self._alone = self._collector_seen = False
        self._outbox_waits = True
        self._receipts = 0
        self._look_at = 0.0

    def look(self, outbox: bool) -> None:
        """Note whether the outbox may have rows that were never sent."""
        self._outbox_waits = self._outbox_waits or outbox

    def next_moment(self) -> float:
        """Tell when something is to be done here."""
        due = self.pending.next_moment()
        return self._look_at if due is None else min(due, self._look_at)

    def report_quarantined(self, ledger: Ledger) -> None:
        """Report a row that was refused before this start: it still wants a person's eyes."""
        for row_id, reason in ledger.outbox.quarantined():
            self._set_aside.add(row_id)
            self._station.on_rejected(row_id, reason)

    def refresh(self, ledger: Ledger, now: float, *, connected: bool, last_error: str) -> None:
        """Look at the outbox from time to time: other programs fill it too."""
        if now >= self._look_at:
            self._look_at = now + self._pace.look_s
            self._outbox_waits = True
            self._say(outbox_depth=ledger.outbox.depth())
            self._troubles.look(ledger, self._seen, now, connected=connected, last_error=last_error)

    def _seen(self) -> DeliverySigns:
        denied, oldest = frozenset(self._denied), self.pending.oldest()
        return DeliverySigns(denied, self._alone, self._ignored, self._collector_seen, oldest)

    def upload(self, ledger: Ledger, now: float, *, one: bool = False) -> None:
        """Send what is due and not too large for the broker, as far as the window has room; with `one` one row."""
        if self.pending.release_places(now) or self.pending.due(now):
            self._outbox_waits = True
        room = min(self.pending.room(), 1) if one else self.pending.room()
        if not self._outbox_waits or not room:
            return
        most = self._troubles.most_bytes(now)
        rows = ledger.outbox.waiting(room, without=self.pending.not_now(now), most_bytes=most)
        self._outbox_waits = len(rows) == room
        if not self._outbox_waits:
            self.pending.forget_all_but((row.id for row in rows), now)
        for row in rows:
            if not self.pending.may_send(row.id, last=row.kind == "statement"):
                return
            if not self._send(Outgoing(row.topic, row.payload, row=row)):
                return
            self.pending.sent(row.id, now, owed=row.kind != "event")
            ledger.outbox.tried(row.id)
            log.debug("sent %s, attempt %d since the start", row.topic, self.pending.tries(row.id))

    # The broker's answers

    def acknowledged(self, sent: Outgoing, event: Acknowledged, ledger: Ledger, now: float) -> None:
        """Take a PUBACK.

        Retained topics reach the broker even where nobody listens; an upload does not count then.
        """
        if event.code >= FAILURE:
            self._refused(sent, event, now)
        elif sent.row is not None and event.code == NOBODY_LISTENS:
            self._unheard(sent.row, ledger, now)
        else:
            self._taken(sent, ledger)

    def _refused(self, sent: Outgoing, event: Acknowledged, now: float) -> None:
        if sent.row is not None:
            self.pending.refused(sent.row.id, now)
        else:
            self._board.again(sent.suffix, now + self._pace.repost_s)
        text = f"the broker refuses {sent.topic_class} messages: {event.reason} (0x{event.code:02x})"
        self._say(last_error=text)
        if event.code != NOT_AUTHORISED:
            self._seldom.say(logging.WARNING, f"refused {sent.topic_class} {event.code}", f"{text}; trying again later")
        elif sent.topic_class not in self._denied:
            self._denied.add(sent.topic_class)
            log.error("%s; alarm raised, trying again later", text)
            alarm = Alarm(severity="critical", code="BW-U01", text=text, since=self._station.now())
            self._board.show(_denial(sent.topic_class), msgspec.json.encode(alarm))

    def _unheard(self, row: OutboxRow, ledger: Ledger, now: float) -> None:
        if row.kind == "event" and self.pending.tries(row.id) > 1 and self._receipts:
            log.info("event %s dropped: a collector answers, and nobody takes events", row.id)
            self._done(row.id, ledger)
            return
        self.pending.refused(row.id, now)
        self._alone = self._alone or row.kind != "event"
        text = f"nobody takes {row.kind} messages at the broker"
        self._say(last_error=text)
        self._seldom.say(logging.WARNING, f"unheard {row.kind}", f"{text}; they stay in the outbox")

    def _taken(self, sent: Outgoing, ledger: Ledger) -> None:
        if sent.topic_class in self._denied:
            self._denied.discard(sent.topic_class)
            log.info("the broker takes %s messages again; alarm cleared", sent.topic_class)
            self._board.show(_denial(sent.topic_class), b"")
            self._say(last_error="")
        if sent.row is None:
            return
        if sent.row.kind == "event":
            self._done(sent.row.id, ledger)
        else:
            self._alone = False
            self.pending.acknowledged(sent.row.id)

    # The collector's answers

    def arrived(self, message: Arrived, ledger: Ledger, now: float) -> None:
        """Take a receipt, a collector's presence, or an alarm of ours that an earlier run left at the broker."""
        station, suffix = split_topic(message.topic) or ("", "")
        if station == "$collector":
            self._collector_spoke(suffix, message.payload, now)
        elif station != self._station.id:
            self._seldom.say(logging.WARNING, "stray", f"ignored a message that is not for us: {message.topic!r:.120}")
        elif asked := COMMAND.fullmatch(suffix):
            self._station.on_command(
                Request(
                    type=asked[1],
                    id=asked[2],
                    topic=message.topic,
                    payload=message.payload,
                    retained=message.retained,
                )
            )
        elif suffix == "desired/config":
            if self._station.on_config is not None and message.payload:
                self._station.on_config(message.payload)
            elif message.payload:
                self._refuse_config(message.payload)
        elif suffix.startswith("alarm/"):
            self._clear_if_stale(suffix, message.payload)
        else:
            self._receipt(suffix, message.payload, ledger, now)

    def _refuse_config(self, payload: bytes) -> None:
        """Answer where nobody takes directories."""
        try:
            desired = msgspec.json.decode(payload, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            desired = {}
        version, digest = desired.get("version"), desired.get("hash")
        report = ReportedConfig(
            version=version if isinstance(version, str | int) else None,
            hash=digest if isinstance(digest, str) else None,
            state="refused",
            reason="this station's configuration is changed at the station",
        )
        self._board.show("reported/config", msgspec.json.encode(report))

    def _receipt(self, suffix: str, payload: bytes, ledger: Ledger, now: float) -> None:
        topic = RECEIPT.fullmatch(suffix)
        try:
            receipt = msgspec.json.decode(payload, type=Receipt)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._seldom.say(logging.WARNING, "malformed", f"ignored a malformed receipt ({suffix!r:.90}): {error}")
            return
        if topic is None:
            self._seldom.say(logging.WARNING, "malformed", f"ignored a receipt for no certificate ({suffix!r:.90})")
        elif why := self._doubt(receipt, topic[1]):
            self._ignored += 1
            text = f"ignored a receipt for {topic[1]} that no trusted collector gave: {why:.200}"
            self._say(last_error=text, receipts_ignored=self._ignored)
            self._seldom.say(logging.WARNING, "unproven receipt", text)
        elif receipt.result == "rejected":
            self._rejected(topic[1], receipt, ledger, now)
        elif ledger.outbox.delivered(topic[1]):
            self._answered(topic[1], now)
            log.info("%s: the collector has it (%s)", topic[1], receipt.result)
            if topic[1] in self._set_aside:
                self._set_aside.discard(topic[1])
                self._station.on_rejected(topic[1], "")
            self._say(last_receipt_at=self._station.now(), outbox_depth=ledger.outbox.depth())
            if not self._denied:
                self._say(last_error="")
        else:
            self._answered(topic[1], now)
            self._unknown(topic[1])

    def _doubt(self, receipt: Receipt, row_id: str) -> str:
        """Why a receipt is not believed; empty where it is, or where nothing was configured to tell it by."""
        trusted = self._station.collectors
        return doubt(receipt, self._station.id, row_id, trusted) if trusted else ""

    def _rejected(self, row_id: str, receipt: Receipt, ledger: Ledger, now: float) -> None:
        reason = receipt.reason or "it gives no reason"
        if not ledger.outbox.quarantine(row_id, reason, at=receipt.stored_at if self._station.collectors else ""):
            self._answered(row_id, now)
            self._unknown(row_id)
            return
        self._answered(row_id, now)
        log.error("%s: the collector rejects it (%.200r); kept, and not sent again", row_id, reason)
        self._set_aside.add(row_id)
        self._say(last_receipt_at=self._station.now(), outbox_depth=ledger.outbox.depth())
        self._station.on_rejected(row_id, reason)

    def _unknown(self, row_id: str) -> None:
        self._seldom.say(logging.INFO, "unknown", f"ignored a receipt for {row_id}: nothing of that id waits")

    def _answered(self, row_id: str, now: float) -> None:
        if row_id in self.pending:
            self._receipts += 1
            self._outbox_waits = True
            self.pending.answered(row_id, now)
        self._troubles.answered(now)
        if self._troubles.overdue:
            self._look_at = now  # whether it still is

    def _done(self, row_id: str, ledger: Ledger) -> None:
        ledger.outbox.delivered(row_id)
        self.pending.forget(row_id)
        self._outbox_waits = True
        self._say(outbox_depth=ledger.outbox.depth())

    def _collector_spoke(self, collector: str, payload: bytes, now: float) -> None:
        try:
            online = msgspec.json.decode(payload, type=dict[str, object]).get("online") is True
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        if online:
            self._collector_seen = True
            log.debug("collector %s is there", collector)
            self.pending.collector_came(now)

    def _clear_if_stale(self, suffix: str, payload: bytes) -> None:
        if payload and not self._board.shown(suffix):
            log.info("cleared %s, which an earlier run left at the broker", station_topic(self._station.id, suffix))
            self._board.show(suffix, b"")


def _denial(topic_class: str) -> str:
    return f"alarm/uplink-denied-{topic_class}"
