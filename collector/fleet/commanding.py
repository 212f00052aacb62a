"""A command to a station: signed by the controller's key, sent as the controller, and answered by the station.

The signature is made by the signer's process. The connection lives for one command: it is told the station's answer, or
that none came in time. A command names its job and is taken once, so that asking again does no harm.
"""

from __future__ import annotations

import queue
import secrets
import ssl
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.messages import Command, CommandStatus, SignedCommand, station_topic
from collector import moments
from collector.errors import CollectorError
from collector.fleet import signer
from collector.parties.services import Actor, note
from collector.settings import Configuration
from collector.text import clean

ANSWER_S = 8.0
LASTS = timedelta(minutes=5)
NAME = "controller"
REFUSED = 0x80
MOST_HEARD = 10_000
_ONE = threading.Lock()


class NotCommanded(CollectorError):
    """A command did not reach the station."""

    code = "BW-C94"
    message = "{station} was not told: {problem}"
    hint = "Ask at the station, or try again: the same job is stopped once."


def cancel(actor: Actor, configuration: Configuration, station: str, job: str, by: str) -> CommandStatus:
    """Stop a job, and return what the station says. `by` stands in its record. Raise NotCommanded."""
    identifier = secrets.token_hex(8)
    topic = station_topic(station, f"cmd/cancel/{identifier}")
    issued = moments.now()
    about = SignedCommand(
        topic=topic,
        args={"job": job, "by": by},
        issued=moments.text(issued),
        not_after=moments.text(issued + LASTS),
    )
    sig = signer.command(configuration.keys_dir, configuration.settings.signature_alg, about)
    command = Command(args=about.args, issued=about.issued, not_after=about.not_after, sig=sig.decode())
    note(actor, "job.cancel_asked", station, job=job, command=identifier)
    try:
        with _ONE:  # the broker knows one controller by that name
            answer = _Errand(configuration, station).run(topic, msgspec.json.encode(command))
    except (OSError, ValueError) as error:
        raise NotCommanded(station=station, problem=clean(str(error))) from None
    note(actor, "job.cancel_answered", station, job=job, command=identifier, state=answer.state, reason=answer.reason)
    return answer


def exchange(
    configuration: Configuration, hears: str, says: Sequence[tuple[str, bytes]], wait_s: float
) -> list[tuple[str, bytes]]:
    """Publish retained messages as the controller, and return what comes on a topic for a while. NotCommanded."""
    with _ONE:
        return _Errand(configuration, "the broker").exchange(hears, says, wait_s)


class _Errand:
    """One connection, one command."""

    def __init__(self, configuration: Configuration, station: str) -> None:
        self._configuration, self._station = configuration, station
        self._heard: queue.Queue[object] = queue.Queue(maxsize=64)
        broker = configuration.settings.broker
        self._five = broker.protocol == "5"
        version = MQTTProtocolVersion.MQTTv5 if self._five else MQTTProtocolVersion.MQTTv311
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            f"{NAME}-{secrets.token_hex(4)}",
            protocol=version,
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = ANSWER_S
        told = broker.controller
        user, secret = (told.username, told.password_file) if told.username else (broker.username, broker.password_file)
        if user:
            self._client.username_pw_set(user, self._password(secret))
        if broker.tls.ca:
            self._client.tls_set_context(self._tls())
        self._client.on_connect = lambda _c, _u, _f, reason, _p: self._put(reason)
        self._client.on_subscribe = lambda _c, _u, _m, reasons, _p: self._put(reasons[0])
        self._client.on_publish = lambda _c, _u, _m, reason, _p: self._put(reason)
        self._client.on_message = lambda _c, _u, message: self._put(message)

    def run(self, topic: str, payload: bytes) -> CommandStatus:
        """Connect, listen for the answer, send, and wait. NotCommanded."""
        until = time.monotonic() + ANSWER_S
        broker = self._configuration.settings.broker
        self._client.connect(broker.host, broker.port, keepalive=30)
        self._client.loop_start()
        try:
            self._granted(until, "the broker refuses the controller")
            self._client.subscribe(f"{topic}/status", 1)
            self._granted(until, "the broker lets the controller hear no answer")
            self._client.publish(topic, payload, qos=1, properties=self._expiry())
            return self._answer(until)
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def exchange(self, hears: str, says: Sequence[tuple[str, bytes]], wait_s: float) -> list[tuple[str, bytes]]:
        """Say all of it, retained, and gather what is heard."""
        until = time.monotonic() + ANSWER_S
        broker = self._configuration.settings.broker
        self._heard = queue.Queue(maxsize=MOST_HEARD)
        self._client.connect(broker.host, broker.port, keepalive=30)
        self._client.loop_start()
        try:
            self._granted(until, "the broker refuses the controller")
            self._client.subscribe(hears, 1)
            self._granted(until, "the broker lets the controller hear no answer")
            for topic, payload in says:
                self._client.publish(topic, payload, qos=1, retain=True)
            until, found = time.monotonic() + wait_s, []
            while (heard := self._next(until)) is not None:
                if isinstance(heard, MQTTMessage):
                    found.append((heard.topic, bytes(heard.payload)))
            return found
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _answer(self, until: float) -> CommandStatus:
        last: CommandStatus | None = None
        while True:
            heard = self._next(until)
            if heard is None and last is not None:
                return last
            if heard is None:
                raise NotCommanded(station=self._station, problem=f"it did not answer within {ANSWER_S:g} s")
            if isinstance(heard, ReasonCode) and heard.value >= REFUSED:
                raise NotCommanded(station=self._station, problem=f"the broker says {heard}")
            if isinstance(heard, MQTTMessage):
                last = msgspec.json.decode(heard.payload, type=CommandStatus)
                if last.state != "accepted":
                    return last

    def _granted(self, until: float, problem: str) -> None:
        heard = self._next(until)
        if not isinstance(heard, ReasonCode) or heard.is_failure:
            raise NotCommanded(station=self._station, problem=f"{problem}: {heard or 'no answer'}")

    def _next(self, until: float) -> object:
        try:
            return self._heard.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return None

    def _put(self, what: object) -> None:
        """Take what paho's thread heard; more than an errand hears is nobody's."""
        if not self._heard.full():
            self._heard.put_nowait(what)

    def _expiry(self) -> Properties | None:
        if not self._five:
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = int(LASTS.total_seconds())
        return properties

    def _password(self, name: str) -> str | None:
        return self._configuration.path(name).read_text("utf-8").strip() if name else None

    def _tls(self) -> ssl.SSLContext:
        broker, path = self._configuration.settings.broker, self._configuration.path
        context = ssl.create_default_context(cafile=str(path(broker.tls.ca)))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if broker.controller.certificate:
            context.load_cert_chain(path(broker.controller.certificate), path(broker.controller.key))
        return context


def possible(configuration: Configuration) -> bool:
    """Say whether this collector has what the broker knows a controller by."""
    broker = configuration.settings.broker
    told = broker.controller
    by_name = not broker.tls.certificate and bool(told.username)
    return not broker.tls.ca or bool(told.certificate) or by_name


def by_of(actor: Actor) -> str:
    """Say how a person is named in a station's record."""
    person: Any = actor.person
    return clean(person.name if person is not None else actor.who, 100)
