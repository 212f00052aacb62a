"""A collector in a few lines, written against the contract alone: it stores, then sends receipts as it is told to."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion

from agent.certificates import jws
from tests.agent.mosquitto import wait_until

Answer = Callable[[str, int], "str | None"]


def stored(_id: str, time: int) -> str:
    """Store it the first time, and say so every time."""
    return "stored" if time == 1 else "duplicate"


def signed(key: Ed25519PrivateKey, station: str, certificate: str, result: str, **facts: str) -> str:
    """A receipt's `sig`, as the contract describes it; `typ` is another type than a receipt's."""
    typ = facts.pop("typ", "benchwipe-receipt+jws")
    said = {"station": station, "certificate": certificate, "result": result, "stored_at": "2026-11-22T20:00:00Z"}
    return jws.sign(json.dumps({**said, **facts}).encode(), key, typ=typ).decode()


class FakeCollector:
    """`certificates` is its table (id -> bytes), `arrivals` counts deliveries, `seen` has other topics' payloads."""

    def __init__(
        self,
        port: int,
        answer: Answer = stored,
        *,
        username: str = "",
        topics: tuple[str, ...] = ("er/1/#",),
        protocol: str = "5",
        key: Ed25519PrivateKey | None = None,
    ) -> None:
        self.key = key
        self.certificates: dict[str, bytes] = {}
        self.arrivals: Counter[str] = Counter()
        self.seen: dict[str, list[bytes]] = {}
        self.answer, self._topics = answer, topics
        self.subscribed = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, "", protocol=paho.MQTTv5 if protocol == "5" else paho.MQTTv311
        )
        if username:
            self._client.username_pw_set(username)
        self._client.reconnect_delay_set(0.05, 0.1)  # type: ignore[arg-type]
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_disconnect = lambda *_: self.subscribed.clear()
        self._client.connect_async("127.0.0.1", port, keepalive=5)
        self._client.loop_start()

    def ready(self) -> None:
        """Wait until its subscriptions stand."""
        wait_until(self.subscribed.is_set, "the fake collector has subscribed")

    def receipt(self, station: str, certificate: str, payload: bytes) -> None:
        """Send any bytes as a receipt."""
        self._client.publish(f"er/1/{station}/receipt/{certificate}", payload, qos=1).wait_for_publish(5)

    def say(self, topic: str, payload: bytes) -> None:
        """Anything, on any topic."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(5)

    def presence(self, name: str, *, online: bool) -> None:
        """Say that a collector of this name is there, or not."""
        body = json.dumps({"online": online, "ts": "2026-11-22T20:00:00Z"})
        self._client.publish(f"er/1/$collector/{name}", body, qos=1, retain=True).wait_for_publish(5)

    def last(self, topic: str) -> Any:  # noqa: ANN401 - JSON
        """The latest payload of a topic, parsed; None before the first, and when it was cleared."""
        payloads = self.seen.get(topic)
        return json.loads(payloads[-1]) if payloads and payloads[-1] else None

    def states(self, station: str) -> list[tuple[str, int]]:
        """Every (state, conn_no) that was seen, in order."""
        documents = [json.loads(p) for p in self.seen.get(f"er/1/{station}/state", [])]
        return [(d["state"], d["conn_no"]) for d in documents]

    def state(self, station: str) -> tuple[str, int] | None:
        """The latest (state, conn_no)."""
        return next(reversed(self.states(station)), None)

    def close(self) -> None:
        """Be gone."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_message(self, client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        station, _, suffix = message.topic.removeprefix("er/1/").partition("/")
        kind, _, certificate = suffix.partition("/")
        payload = bytes(message.payload)
        if kind not in ("cert", "statement"):
            self.seen.setdefault(message.topic, []).append(payload)
            return
        assert hashlib.sha256(payload).hexdigest() == certificate
        self.arrivals[certificate] += 1
        result = self.answer(certificate, self.arrivals[certificate])
        if result != "rejected":
            self.certificates[certificate] = payload
        if result is not None:
            body = {"result": result, "reason": "by order of the test", "stored_at": "2026-11-22T20:00:00Z", "sig": ""}
            if self.key is not None:
                body["sig"] = signed(self.key, station, certificate, result)
            client.publish(f"er/1/{station}/receipt/{certificate}", json.dumps(body), qos=1)
