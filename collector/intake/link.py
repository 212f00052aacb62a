"""The connection to the broker: one paho client for one connection, thrown away when it ends.

paho's callbacks only enqueue. Nothing about correctness rests on the broker: the session expires with the
connection, and whatever was lost comes back by the stations' resending until they have a receipt.
"""

from __future__ import annotations

import logging
import queue
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.messages import RECEIPT_EXPIRY_S, ROOT
from collector.moments import now_text
from collector.settings import Configuration
from collector.settings_tables import BrokerSettings
from collector.text import clean

LOG = logging.getLogger(__name__)
# Not a shared subscription: whoever the broker lets in could join the share, and what fell to it would be lost until
# its station sends it again. Several collectors on one broker each get all; a copy is stored once.
KEPT = tuple(f"{ROOT}/+/{suffix}" for suffix in ("cert/+", "statement/+", "event"))
LIVE = tuple(f"{ROOT}/+/{suffix}" for suffix in ("state", "birth", "bay/+/state", "bay/+/progress", "alarm/+"))
PRESENCE = f"{ROOT}/$collector/"
RECEIVE_MAXIMUM = 400  # two batches: one in the database, one on its way
BACK_OFF_S = (0.5, 30.0)
CONNECT_S = 5.0
TICK_S = 0.2


@dataclass(frozen=True)
class Incoming:
    """A message and the connection that it came over: an ack belongs to no other."""

    topic: str
    payload: bytes
    retained: bool
    qos: int
    mid: int
    connection: Connection

    def ack(self) -> None:
        """Tell the broker that it may forget the message. No use, and no harm, once its connection is gone."""
        if self.qos and self.connection.alive:
            self.connection.client.ack(self.mid, self.qos)


@dataclass(eq=False)
class Connection:
    """What the callbacks learn about one client. Written by paho's thread, read by the link's."""

    client: Client
    alive: bool = False
    ended: str = ""
    heard_at: float = field(default_factory=time.monotonic)
    overflowed: bool = False


@dataclass(frozen=True)
class Role:
    """What a process is at the broker: its name there, what it hears, and where it says that it is there, if it does.

    `username` and the files are those of the configuration's [broker], or of [broker.web].
    """

    client_id: str
    topics: tuple[str, ...]
    presence: str
    username: str
    password_file: str
    certificate: str
    key: str


def intake_role(configuration: Configuration) -> Role:
    """Describe the intake: it hears what is kept, and says that the collector is there."""
    told, broker = configuration.settings, configuration.settings.broker
    files = broker.tls.certificate, broker.tls.key
    return Role(told.id, KEPT, PRESENCE + told.id, broker.username, broker.password_file, *files)


def web_role(configuration: Configuration) -> Role | None:
    """Describe a web process: it hears what stations say of themselves now, under a name of its own.

    None where it has none: a broker that takes names from certificates would put out the intake for its sake.
    """
    told, broker = configuration.settings, configuration.settings.broker
    web = broker.web
    if broker.tls.certificate and not web.certificate:
        return None
    user, secret = (web.username, web.password_file) if web.username else (broker.username, broker.password_file)
    return Role(web.id or f"{told.id}-web", (*LIVE, f"{PRESENCE}+"), "", user, secret, web.certificate, web.key)


class Link:
    """Keeps one connection up, for ever. `take` gets each message in paho's thread and must only enqueue."""

    def __init__(self, configuration: Configuration, role: Role, take: Callable[[Incoming], None]) -> None:
        self._configuration = configuration
        self._broker: BrokerSettings = configuration.settings.broker
        self._role = role
        self._take = take
        self._stop = threading.Event()
        self._connection: Connection | None = None
        self._expiring = self._expiry(RECEIPT_EXPIRY_S)  # of each receipt: made once
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self.state = "not connected yet"

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to connect, in a thread of its own."""
        self._thread.start()

    def stop(self, within: float) -> None:
        """Say "offline" and disconnect; at most `within` seconds."""
        self._stop.set()
        self._thread.join(within)

    @property
    def connected(self) -> bool:
        """Whether the broker is there and the subscriptions stand."""
        connection = self._connection
        return connection is not None and connection.alive

    def publish_receipt(self, topic: str, payload: bytes) -> bool:
        """Hand over a receipt; False while disconnected (paho would queue it for nobody). The station asks again."""
        connection = self._connection
        if connection is None or not connection.alive:
            return False
        sent = connection.client.publish(topic, payload, qos=1, properties=self._expiring)
        return sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def refresh(self) -> None:
        """Connect anew, because messages had to be dropped: retained ones and unacked ones come again."""
        connection = self._connection
        if connection is not None:
            connection.overflowed = True

    def _run(self) -> None:
        delay = BACK_OFF_S[0]
        while not self._stop.is_set():
            connection = self._open()
            if connection is not None and self._stay(connection):
                delay = BACK_OFF_S[0]
            self._connection = None
            if connection is not None:
                self._close(connection)
            if self._stop.wait(delay * random.uniform(0.5, 1.0)):
                return
            delay = min(delay * 2, BACK_OFF_S[1])

    def _open(self) -> Connection | None:
        """A client on its way to the broker, or None with the reason in `state`."""
        broker = self._broker
        try:
            connection = self._make()
            start: bool | Literal[3] = broker.protocol == "5" or MQTT_CLEAN_START_FIRST_ONLY
            connection.client.connect(
                broker.host, broker.port, broker.keepalive_s, clean_start=start, properties=self._session()
            )
        except (OSError, ValueError) as error:  # ValueError: paho's for a host name that cannot be one
            self._say(f"{broker.host}:{broker.port} cannot be reached: {clean(str(error))}")
            return None
        connection.client.loop_start()
        return connection

    def _stay(self, connection: Connection) -> bool:
        """Watch over a connection until it ends; whether it ever stood."""
        opened, silence = time.monotonic(), 2.0 * self._broker.keepalive_s
        stood, said_at = False, float("-inf")
        while not self._stop.wait(TICK_S):
            now = time.monotonic()
            if connection.ended or connection.overflowed:
                self._say(connection.ended or "connecting anew: more came than could be taken")
                return stood
            if connection.alive and not stood:
                stood, self._connection = True, connection
                self._say("connected")
            if not stood and now - opened > 2 * CONNECT_S:
                self._say("the broker does not answer")
                return False
            if stood and now - connection.heard_at > silence:
                self._say(f"the broker was silent for {silence:.0f} s")
                return True
            if stood and now - said_at >= self._broker.keepalive_s:
                said_at = now
                self._ask_for_life(connection)
        return stood

    def _close(self, connection: Connection) -> None:
        client = connection.client
        if connection.alive and self._stop.is_set():
            self._publish_presence(connection, online=False)
        connection.alive = False
        client.disconnect()
        client.loop_stop()

    def _ask_for_life(self, connection: Connection) -> None:
        """Make the broker answer: a PUBACK, or a SUBACK where this process has nothing to say."""
        if self._role.presence:
            self._publish_presence(connection, online=True)
        else:
            connection.client.subscribe(f"{PRESENCE}+", 1)

    def _publish_presence(self, connection: Connection, *, online: bool) -> None:
        if not self._role.presence:
            return
        sent = connection.client.publish(self._role.presence, _presence(online=online), qos=1, retain=True)
        if not online:
            try:
                sent.wait_for_publish(timeout=1.0)
            except (RuntimeError, ValueError):  # paho's words for "disconnected meanwhile"
                LOG.info("the broker went before it heard that the collector goes")

    def _make(self) -> Connection:
        five = self._broker.protocol == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._role.client_id,
            clean_session=None if five else True,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_S
        if self._role.username:
            client.username_pw_set(self._role.username, self._password())
        if self._broker.tls.ca:
            client.tls_set_context(self._tls())
        if self._role.presence:
            client.will_set(self._role.presence, _presence(online=False), qos=1, retain=True)
        connection = Connection(client)
        _attach(connection, self._role.topics, self._take)
        return connection

    def _password(self) -> str | None:
        name = self._role.password_file
        return self._configuration.path(name).read_text(encoding="utf-8").strip() if name else None

    def _tls(self) -> ssl.SSLContext:
        tls, path = self._broker.tls, self._configuration.path
        context = ssl.create_default_context(cafile=str(path(tls.ca)))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if self._role.certificate:
            context.load_cert_chain(path(self._role.certificate), path(self._role.key))
        return context

    def _session(self) -> Properties | None:
        """A session that dies with its connection: stations send again what a collector that is away did not hear."""
        if self._broker.protocol != "5":
            return None
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        return properties

    def _expiry(self, seconds: int) -> Properties | None:
        if self._broker.protocol != "5":
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = seconds
        return properties

    def _say(self, state: str) -> None:
        if state != self.state:
            LOG.log(logging.INFO if state == "connected" else logging.WARNING, "broker: %s", state)
        self.state = state


def _attach(connection: Connection, topics: tuple[str, ...], take: Callable[[Incoming], None]) -> None:
    """Callbacks. Each notes that the broker spoke; none may raise, since that kills paho's thread in silence."""
    client = connection.client

    def on_connect(_c: Client, _u: object, _f: ConnectFlags, reason: ReasonCode, _p: Properties | None) -> None:
        connection.heard_at = time.monotonic()
        if reason.is_failure:
            connection.ended = f"the broker refused: {reason}"
        else:
            client.subscribe([(topic, 1) for topic in topics])

    def on_subscribe(_c: Client, _u: object, _m: int, reasons: list[ReasonCode], _p: Properties | None) -> None:
        connection.heard_at = time.monotonic()
        if any(reason.is_failure for reason in reasons):
            connection.ended = f"the broker refused a subscription: {', '.join(str(r) for r in reasons)}"
        else:
            connection.alive = True

    def on_message(_c: Client, _u: object, m: MQTTMessage) -> None:
        connection.heard_at = time.monotonic()
        try:
            topic = m.topic
        except UnicodeDecodeError:  # not a topic of MQTT, and none of ours
            return
        try:
            take(Incoming(topic, bytes(m.payload), m.retain, m.qos, m.mid, connection))
        except queue.Full:
            connection.overflowed = True

    def on_publish(_c: Client, _u: object, _m: int, reason: ReasonCode, _p: Properties | None) -> None:
        connection.heard_at = time.monotonic()
        if reason.is_failure:
            LOG.error("the broker refused a message of the collector: %s", reason)

    def on_disconnect(_c: Client, _u: object, _f: DisconnectFlags, reason: ReasonCode, _p: Properties | None) -> None:
        connection.alive = False
        connection.ended = f"the connection ended: {reason}"

    client.on_socket_open = _without_nagle
    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    client.on_publish, client.on_disconnect = on_publish, on_disconnect


def _without_nagle(_client: Client, _data: object, raw: object) -> None:
    """A receipt and an ack are two small writes: 89 ms to a receipt with Nagle, 6 without (benchmarks/)."""
    if isinstance(raw, socket.socket):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _presence(*, online: bool) -> bytes:
    return msgspec.json.encode({"online": online, "ts": now_text()})
