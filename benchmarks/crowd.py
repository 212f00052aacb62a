"""Many stations in one thread: real MQTT connections, a window of 16, a list of brokers, all sent until its receipt.

What they hold is theirs alone to forget: a certificate leaves a station when its signed receipt has come, and is sent
again, to whichever broker has the station by then, until it does.
"""

from __future__ import annotations

import random
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from agent.certificates.certificate import Certificate
from agent.certificates.receipt import doubt
from agent.messages import Receipt, station_topic
from benchmarks.collector_receipts import without_nagle

WINDOW = 16
RESEND_S = 10.0
RETRY_S = 1.0


@dataclass(eq=False)
class Member:
    """A station: what it has to deliver, in its order, and what it heard of that."""

    name: str
    ports: Sequence[int]
    certificates: list[Certificate]
    trusted: dict[str, Ed25519PublicKey]
    place: int = 0
    client: Client | None = None
    ready: bool = False
    retry_at: float = 0.0
    next: int = 0
    waiting: dict[str, tuple[Certificate, float]] = field(default_factory=dict)
    first_sent: dict[str, float] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    results: Counter[str] = field(default_factory=Counter)
    unproven: int = 0

    @property
    def done(self) -> bool:
        """Whether each of its certificates has its receipt."""
        return self.next == len(self.certificates) and not self.waiting

    def call(self) -> None:
        """Connect to the broker whose turn it is; the next time to the next."""
        self.client, self.ready = None, False
        client = Client(
            CallbackAPIVersion.VERSION2, self.name, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False
        )
        client.on_connect = lambda c, *_: c.subscribe(station_topic(self.name, "receipt/+"), 1)
        client.on_subscribe = lambda *_: self._begin()
        client.on_message = self._receipt
        client.on_socket_open = without_nagle
        self.retry_at = time.monotonic() + RETRY_S * random.uniform(0.5, 1.5)
        port = self.ports[self.place]
        self.place = (self.place + 1) % len(self.ports)
        try:
            client.connect("127.0.0.1", port)
        except OSError:
            return
        self.client = client

    def _begin(self) -> None:
        self.ready = True
        for one, _ in list(self.waiting.values()):
            self._send(one)
        self.fill()

    def fill(self) -> None:
        """Send as far as the window has room."""
        while self.ready and len(self.waiting) < WINDOW and self.next < len(self.certificates):
            self._send(self.certificates[self.next])
            self.next += 1

    def again(self, now: float) -> None:
        """Send again what has waited for long."""
        for one, sent in list(self.waiting.values()):
            if self.ready and now - sent > RESEND_S:
                self._send(one)

    def _send(self, one: Certificate) -> None:
        now = time.monotonic()
        self.waiting[one.id] = one, now
        self.first_sent.setdefault(one.id, now)
        if self.client is not None:
            self.client.publish(station_topic(self.name, f"cert/{one.id}"), one.compact, qos=1)

    def _receipt(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        name = message.topic.rpartition("/")[2]
        receipt = msgspec.json.decode(message.payload, type=Receipt)
        if doubt(receipt, self.name, name, self.trusted):
            self.unproven += 1
        elif self.waiting.pop(name, None) is not None:
            self.results[receipt.result] += 1
            self.waits.append(time.monotonic() - self.first_sent[name])
            self.fill()


class Crowd:
    """All of them, in the thread that calls `run`."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self._selector = selectors.DefaultSelector()
        self._at: dict[Member, socket.socket] = {}

    def run(self, until: Callable[[], bool], seconds: float) -> bool:
        """Work until it is so, at most so long. Say whether it came to be."""
        end, looked = time.monotonic() + seconds, 0.0
        while not until() and time.monotonic() < end:
            for key, events in self._selector.select(0.05):
                self._serve(key.data, events)
            now = time.monotonic()
            if now - looked > 0.2:
                looked = now
                for one in self.members:
                    self._look_after(one, now)
        return until()

    def close(self) -> None:
        """Say goodbye for all."""
        for one in self.members:
            if one.client is not None:
                one.client.disconnect()
                one.client.loop_write()
            self._forget(one)
        self._selector.close()

    def _serve(self, one: Member, events: int) -> None:
        client = one.client
        if client is None:
            return
        status = client.loop_read() if events & selectors.EVENT_READ else MQTTErrorCode.MQTT_ERR_SUCCESS
        if status == MQTTErrorCode.MQTT_ERR_SUCCESS and client.want_write():
            status = client.loop_write()
        if status != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._forget(one)
        elif one in self._at:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.want_write() else 0)
            self._selector.modify(self._at[one], wanted, one)

    def _look_after(self, one: Member, now: float) -> None:
        if one.client is None:
            if now >= one.retry_at:
                one.call()
                self._watch(one)
            return
        one.again(now)
        if one.client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._forget(one)
        else:
            self._serve(one, 0)

    def _watch(self, one: Member) -> None:
        raw = one.client.socket() if one.client is not None else None
        if isinstance(raw, socket.socket):
            self._at[one] = raw
            self._selector.register(raw, selectors.EVENT_READ | selectors.EVENT_WRITE, one)

    def _forget(self, one: Member) -> None:
        raw = self._at.pop(one, None)
        if raw is not None:
            self._selector.unregister(raw)
            raw.close()
        one.client, one.ready = None, False
        one.retry_at = time.monotonic() + RETRY_S * random.uniform(0.1, 1.0)
