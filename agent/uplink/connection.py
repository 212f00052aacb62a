"""One connection to the broker. paho's callbacks become frozen events here, and nothing is decided.

A `Connection` lives for one connect: paho's own reconnect would resend what was not acknowledged past every window,
and would register the same last will, with the same conn_no, again.
"""

from __future__ import annotations

import contextlib
import socket
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.errors import KeyProblem
from agent.settings import Mqtt
from agent.uplink.mqtt_library import client as paho
from agent.uplink.mqtt_library import tls_context

if TYPE_CHECKING:
    import ssl

SESSION_EXPIRY_S = 7 * 24 * 3600
MOST_IN_FLIGHT = 10  # the smallest Receive Maximum that a common broker grants by default; paho does not read it
MOST_PASSWORD_BYTES = 4096
REFUSALS = range(0x80, 0x100)
NOT_YET_VALID = 9  # X509_V_ERR_CERT_NOT_YET_VALID


def _read_every_refusal() -> None:
    """Let paho read any reason code in a PUBACK: one that its table lacks there ends the connection.

    mosquitto refuses a message above its message_size_limit with 0x95, which MQTT 5.0 (3.4.2.1) has in no PUBACK.
    """
    names = {code: {name: list(kinds) for name, kinds in known.items()} for code, known in ReasonCode.names.items()}
    for code in REFUSALS:
        known = names.setdefault(code, {})
        if not any(PacketTypes.PUBACK in kinds for kinds in known.values()):
            known.setdefault(next(iter(known), f"Reason 0x{code:02x}"), []).append(PacketTypes.PUBACK)
    ReasonCode.names = names


_read_every_refusal()


@dataclass(frozen=True)
class DialFailed:
    """No connection: nothing of ours reached the broker."""

    connection: int
    reason: str
    too_early: bool = False
    """Whether the broker's certificate begins in the future of this machine's clock."""


@dataclass(frozen=True)
class BrokerRefused:
    """The broker answered, and does not want us."""

    connection: int
    reason: str


@dataclass(frozen=True)
class Connected:
    """The broker took us. `thread` is paho's network thread, which can die without a word."""

    connection: int
    thread: threading.Thread
    most_bytes: int | None = None
    """The broker's Maximum Packet Size, where it states one (MQTT 5)."""


@dataclass(frozen=True)
class Lost:
    """The connection ended. `code` is MQTT 5's reason code of a broker that said why."""

    connection: int
    reason: str
    code: int = 0


@dataclass(frozen=True)
class Acknowledged:
    """PUBACK. `code` is MQTT 5's reason code; always 0 with 3.1.1, whatever the broker did."""

    connection: int
    mid: int
    code: int
    reason: str


@dataclass(frozen=True)
class Subscribed:
    """SUBACK; `reason` is empty if the broker grants it."""

    connection: int
    mid: int
    reason: str


@dataclass(frozen=True)
class Arrived:
    """A message for us."""

    connection: int
    topic: str
    payload: bytes
    retained: bool = False


Event = DialFailed | BrokerRefused | Connected | Lost | Acknowledged | Subscribed | Arrived


@dataclass(frozen=True, repr=False)
class Secrets:
    """What proves who we are: never logged, never shown."""

    password: str | None
    tls: ssl.SSLContext | None


def read_secrets(mqtt: Mqtt, base_dir: Path, *, dated: bool = True) -> Secrets:
    """Read password and TLS context; relative paths start at `base_dir`. `dated`: certificates are judged by date.

    KeyProblem names the file and its problem.
    """
    password = _read_password(base_dir / mqtt.password_file) if mqtt.password_file is not None else None
    return Secrets(password=password, tls=_tls_context(mqtt, base_dir, dated=dated))


def _read_password(path: Path) -> str:
    _demand_private(path, "the broker's password")
    try:
        data = path.read_bytes()[: MOST_PASSWORD_BYTES + 1]
        password = data.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise KeyProblem(path=path, problem=f"the broker's password cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KeyProblem(path=path, problem="the broker's password is not UTF-8") from None
    if not password or len(data) > MOST_PASSWORD_BYTES:
        raise KeyProblem(path=path, problem=f"the broker's password must have 1 to {MOST_PASSWORD_BYTES} bytes")
    return password


def _tls_context(mqtt: Mqtt, base_dir: Path, *, dated: bool) -> ssl.SSLContext | None:
    if mqtt.tls is None:
        return None
    context = tls_context(dated=dated)
    authority = base_dir / mqtt.tls.ca
    try:
        context.load_verify_locations(authority)
    except OSError as error:  # ssl.SSLError is one
        raise KeyProblem(path=authority, problem=f"not usable as the broker's authority: {_why(error)}") from None
    if mqtt.tls.certificate is not None and mqtt.tls.key is not None:
        certificate, key = base_dir / mqtt.tls.certificate, base_dir / mqtt.tls.key
        _demand_private(key, "the key of the connection")
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except (OSError, ValueError) as error:
            raise KeyProblem(path=certificate, problem=f"not usable with the key {key}: {_why(error)}") from None
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted, and a station has nobody to ask")


def _demand_private(path: Path, what: str) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise KeyProblem(path=path, problem=f"{what} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(mode):  # nobody may be at the other end of a pipe
        raise KeyProblem(path=path, problem=f"{what} is no ordinary file")
    if stat.S_IMODE(mode) & 0o077:
        raise KeyProblem(path=path, problem=f"{what} is open to others ({stat.filemode(mode)}); chmod 600 it")


def _send_at_once(_client: paho.Client, _data: object, connected: object) -> None:
    # Small packets would wait for the other side's delayed acknowledgement: 40 ms for each exchange (Nagle).
    if isinstance(connected, socket.socket):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) or type(error).__name__


class Connection:
    """Connects once, in threads of its own, and posts events that carry its number. Methods are the courier's alone."""

    def __init__(
        self,
        mqtt: Mqtt,
        secrets: Secrets,
        *,
        station_id: str,
        number: int,
        will: tuple[str, bytes],
        post: Callable[[Event], None],
        timeout_s: float,
    ) -> None:
        self.number = number
        self.last_heard = time.monotonic()
        self._mqtt, self._post = mqtt, post
        self._five = mqtt.protocol == "5"
        self._abandoned = False
        self._client = self._new_client(station_id)
        self._client.connect_timeout = timeout_s
        self._client.max_inflight_messages_set(MOST_IN_FLIGHT)
        self._client.will_set(will[0], will[1], qos=1, retain=True)
        if mqtt.username is not None:
            self._client.username_pw_set(mqtt.username, secrets.password)
        if secrets.tls is not None:
            self._client.tls_set_context(secrets.tls)
        self._listen()

    def dial(self) -> None:
        """Begin to connect; an event tells what came of it. Name look-up and TLS block: a thread of its own waits."""
        threading.Thread(target=self._dial, name=f"uplink-dial-{self.number}", daemon=True).start()

    @property
    def keepalive_s(self) -> int:
        """Seconds; the broker may have set its own (MQTT 5)."""
        return self._client.keepalive

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool, expiry_s: int | None = None) -> int | None:
        """Publish a message, and return its id, or None if the connection is gone.

        (paho would queue it, for a connect that never comes.)
        """
        if not self._client.is_connected():
            return None
        properties = None
        if self._five and expiry_s is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry_s
        info = self._client.publish(topic, payload, qos=qos, retain=retain, properties=properties)
        return info.mid if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def subscribe(self, topic: str) -> int | None:
        """Ask for a topic at QoS 1; the message id that its SUBACK will have."""
        if self._five:
            result, mid = self._client.subscribe(topic, options=SubscribeOptions(qos=1))
        else:
            result, mid = self._client.subscribe(topic, qos=1)
        return mid if result == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def disconnect(self) -> None:
        """Say goodbye: the broker then keeps the last will to itself."""
        self._client.disconnect()

    def abort(self) -> None:
        """Cut the connection without a word, whatever its threads are doing. The broker publishes the last will."""
        self._abandoned = True
        connected = self._client.socket()
        if isinstance(connected, socket.socket):
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
        # Nobody listens any more; and without this ring of references its descriptors close at once, not by chance.
        client = self._client
        client.on_connect = client.on_disconnect = client.on_publish = None
        client.on_subscribe = client.on_message = client.on_log = None

    def _new_client(self, station_id: str) -> paho.Client:
        if self._five:
            return paho.Client(
                CallbackAPIVersion.VERSION2, station_id, protocol=paho.MQTTv5, reconnect_on_failure=False
            )
        return paho.Client(
            CallbackAPIVersion.VERSION2,
            station_id,
            clean_session=False,
            protocol=paho.MQTTv311,
            reconnect_on_failure=False,
        )

    def _listen(self) -> None:
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_log = self._on_log
        self._client.on_socket_open = _send_at_once

    def _dial(self) -> None:
        try:
            self._connect()
        except (OSError, ValueError) as error:  # ValueError: a name that IDNA does not take
            early = getattr(error, "verify_code", 0) == NOT_YET_VALID
            self._post(DialFailed(self.number, _why(error), too_early=early))
            return
        self._client.loop_start()
        if self._abandoned:
            self.abort()

    def _connect(self) -> None:
        mqtt = self._mqtt
        if not self._five:
            self._client.connect(mqtt.host, mqtt.port, mqtt.keepalive_s)
            return
        # Without the expiry interval the broker forgets the session, and what it queued, at once.
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        self._client.connect(mqtt.host, mqtt.port, mqtt.keepalive_s, clean_start=False, properties=properties)

    # Callbacks: paho's network thread. An exception here kills it while is_connected() stays true.

    def _on_connect(
        self, _client: paho.Client, _data: object, _flags: object, code: ReasonCode, properties: object
    ) -> None:
        if code.is_failure:
            self._post(BrokerRefused(self.number, str(code)))
        else:
            most = getattr(properties, "MaximumPacketSize", None)
            self._post(Connected(self.number, threading.current_thread(), most))

    def _on_disconnect(
        self, _client: paho.Client, _data: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        self._post(Lost(self.number, str(code), int(code.value)))

    def _on_publish(self, _client: paho.Client, _data: object, mid: int, code: ReasonCode, _properties: object) -> None:
        self._post(Acknowledged(self.number, mid, int(code.value), str(code)))

    def _on_subscribe(
        self, _client: paho.Client, _data: object, mid: int, codes: list[ReasonCode], _properties: object
    ) -> None:
        self._post(Subscribed(self.number, mid, "; ".join(str(c) for c in codes if c.is_failure)))

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        with contextlib.suppress(UnicodeDecodeError):  # no topic of ours
            self._post(Arrived(self.number, message.topic, bytes(message.payload), message.retain))

    def _on_log(self, _client: paho.Client, _data: object, _level: int, text: str) -> None:
        # The only way to hear of a PINGRESP: paho tells nobody else that the broker still speaks.
        if text.startswith("Received"):
            self.last_heard = time.monotonic()
