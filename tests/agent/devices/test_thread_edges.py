"""Whatever comes from outside, at the edge of the thread that reads it: no bytes end a thread of the daemon."""

from __future__ import annotations

import json
import logging
import os
import pty
import random
import termios
import threading
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.bench.events import CommandArrived
from agent.messages import Request
from agent.uplink.board import Board
from agent.uplink.connection import Arrived
from agent.uplink.delivery import Delivery
from agent.uplink.log import Seldom
from agent.uplink.size_limit import SizeLimit
from agent.uplink.troubles import Troubles
from agent.uplink.values import Pace, Sender
from drivers.drives._uevents import Uevents
from drivers.drives.health import parse_health
from drivers.inputs import hid, serial, stdin
from drivers.inputs._keys import EVENT, Burst, Keypad, key_events
from drivers.inputs._readings import Reading, Scan
from drivers.inputs.base import Input
from firmware_bridge import messages
from firmware_bridge.controller import wire
from firmware_bridge.errors import BridgeError
from firmware_bridge.frames import Frame
from firmware_bridge.link import Link
from tests.agent import samples
from tests.agent.engine_rig import Rig
from tests.agent.uplink.test_controller_command import KEY, KEYS, command
from tests.agent.uplink.uplink_bench import STATION, birth

many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
DEEP = b"[" * 60_000
BYTES = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()) | st.just(DEEP)


# --- MQTT ---------------------------------------------------------------------------------------------------------


class Mail:
    """A delivery that hears what the test says, over a real ledger with one certificate in its outbox."""

    def __init__(self, folder: Path, *, signed: bool) -> None:
        self.rig = Rig(folder)
        self.certificate = samples.issue(self.rig.ledger, self.rig.registrar.key)
        self.commands: list[Request] = []
        station = Sender(
            STATION, "boot", folder, lambda: self.rig.ledger, birth, lambda *_: None, self.commands.append,
            lambda: "", KEYS if signed else {},
        )  # fmt: skip
        board = Board(progress_every_s=1, progress_expiry_s=1)
        log = Seldom(logging.getLogger("test"))
        self.delivery = Delivery(
            station, Pace(), board, send=lambda _: True, say=lambda **_: None, seldom=log,
            troubles=Troubles(station, Pace(), "5", SizeLimit(3600.0)),
        )  # fmt: skip

    def hear(self, suffix: str, payload: bytes) -> None:
        self.delivery.arrived(Arrived(1, f"er/1/{STATION}/{suffix}", payload), self.rig.ledger, 1.0)


@pytest.fixture(params=[True, False], ids=["signed receipts", "any receipts"])
def mail(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Mail]:
    made = Mail(tmp_path / "state", signed=request.param)
    yield made
    made.rig.close()


SUFFIXES = st.sampled_from(
    ["desired/config", "alarm/x", "cmd/cancel/c1", f"receipt/{'a' * 64}", "receipt/x", "state", ""]
) | st.text(max_size=12)
RECEIPTS = st.fixed_dictionaries(
    {"result": st.sampled_from(["stored", "duplicate", "rejected"]) | st.text(max_size=4)},
    optional={"reason": JSON, "stored_at": JSON, "sig": st.text(max_size=20) | st.just("a.b.c") | JSON},
).map(lambda receipt: json.dumps(receipt).encode())


@many
@given(suffix=SUFFIXES, payload=BYTES | RECEIPTS)
@example(suffix="desired/config", payload=DEEP)
@example(suffix="receipt/" + "b" * 64, payload=b'{"result":"stored","sig":"\\ud800"}')
def test_no_message_of_a_broker_ends_the_courier(mail: Mail, suffix: str, payload: bytes) -> None:
    mail.hear(suffix, payload)
    mail.delivery.arrived(Arrived(1, suffix, payload), mail.rig.ledger, 1.0)
    assert mail.rig.ledger.outbox.depth() == 1
    assert mail.rig.ledger.outbox.quarantined() == []


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "state")
    made.controllers.update(KEYS)
    made.restart()
    yield made
    made.close()


@many
@given(kind=st.text(max_size=10), name=st.text(max_size=10), payload=BYTES, args=st.dictionaries(st.text(), JSON))
def test_every_command_is_answered_whatever_stands_in_it(
    rig: Rig, kind: str, name: str, payload: bytes, args: dict[str, Any]
) -> None:
    topic = f"er/1/bench-01/cmd/{kind}/{name}"
    odd = {**json.loads(command(topic=topic, job="j", key=KEY)), **args}
    for data in (payload, msgspec.json.encode(odd)):
        before = len(rig.effects.answers)
        rig.engine.handle(CommandArrived(Request(type=kind, id=name, topic=topic, payload=data, retained=False)))
        assert len(rig.effects.answers) == before + 1
    assert rig.effects.alarms == {}


# --- Scanners and keypads -------------------------------------------------------------------------------------------


def first_scan(device: Input, say: Any) -> list[Reading]:  # noqa: ANN401 - a callable
    """All readings up to the code GOOD-1, which is said at the end of whatever `say` sends."""
    stop = threading.Event()
    found: list[Reading] = []
    threading.Thread(target=say, daemon=True).start()
    for reading in device.readings(stop):
        found.append(reading)
        if reading == Scan("GOOD-1"):
            stop.set()
    return found


NOISE = [
    b"\xff\xfe\x00\r", b"\x00" * 5000 + b"\r", b"x" * 100_000 + b"\r", b"half", b"\r\n\r\n", "\u202eÅ\r".encode(),
    b"[" * 5000 + b"\r", bytes(range(256)) + b"\r",
]  # fmt: skip


def test_a_serial_scanner_goes_on_after_any_noise() -> None:
    master, slave = pty.openpty()
    tty.setraw(master)
    device = serial.Driver("s", serial.Settings(port=os.ttyname(slave)))

    def say() -> None:
        while device._port is None or not device._port.is_open:
            pass  # what came before it was opened is thrown away
        for noise in NOISE:
            os.write(master, noise[:3000])
        os.write(master, b"\rGOOD-1\r")

    try:
        assert first_scan(device, say)[-1] == Scan("GOOD-1")
    finally:
        os.close(master)
        os.close(slave)


def test_a_serial_port_that_breaks_while_it_is_opened_is_one_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    tries: list[int] = []

    def broken(_: object) -> None:
        tries.append(1)
        raise termios.error(5, "Input/output error")

    monkeypatch.setattr("serial.Serial.reset_input_buffer", broken)
    device = serial.Driver("s", serial.Settings(port=os.ttyname(slave)))
    stop = threading.Event()
    assert list(device.readings(stop, lambda gone: stop.set() if gone else None)) == []
    assert tries == [1]
    os.close(master)
    os.close(slave)


def test_standard_input_goes_on_after_any_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    monkeypatch.setattr("sys.stdin", os.fdopen(ours))

    def say() -> None:
        for noise in NOISE:
            os.write(theirs, noise)
        os.write(theirs, b"\rGOOD-1\r")
        os.close(theirs)

    assert first_scan(stdin.Driver("s", stdin.Settings()), say)[-1] == Scan("GOOD-1")


@many
@given(st.lists(st.binary(max_size=EVENT.size * 4), max_size=6), st.booleans())
def test_no_events_of_a_keyboard_end_its_reader(chunks: list[bytes], scanner: bool) -> None:
    reader = Burst(50_000) if scanner else Keypad({**hid.KEYS, "f1": "\ud800"}, "BAY-{number}", 2)
    for chunk in chunks:
        for event in key_events(chunk):
            reader.feed(event)
    reader.give_up()


@many
@given(st.lists(st.tuples(st.integers(0, 2**16 - 1), st.integers(-(2**31), 2**31 - 1)), max_size=40))
def test_no_keys_end_a_keyboards_reader(keys: list[tuple[int, int]]) -> None:
    raw = b"".join(EVENT.pack(1, 0, 1, code, value) for code, value in keys)
    for reader in (Burst(50_000), Keypad(hid.KEYS, "BAY-{number}", 1)):
        for event in key_events(raw):
            reader.feed(event)


# --- Docks, drives, the kernel ----------------------------------------------------------------------------------------


class Line:
    """A line on which the test speaks, once."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, seconds: float) -> bytes:
        data, self._data = self._data, b""
        return data

    def write(self, data: bytes) -> None:
        """Nobody listens."""


@many
@given(noise=st.binary(max_size=300), kind=st.integers(0, 255), body=st.binary(max_size=200))
def test_no_bytes_of_a_controller_end_its_lease(noise: bytes, kind: int, body: bytes) -> None:
    frames = Frame(kind, 0, 1, body).to_bytes() + Frame(wire.EVENT, 0, 1, body).to_bytes()
    clock = iter(range(10**6))
    link = Link(Line(noise + b"\0" + frames + noise), now=lambda: float(next(clock)))
    link.listen(0.1)
    for kind_of in (messages.Beat, messages.Info, messages.Event, messages.Error, messages.Revision):
        try:
            kind_of.from_body(body)
        except BridgeError:
            continue


@many
@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=100))
@example(DEEP)
@example(b'{"smartctl":{"exit_status":0},"ata_smart_attributes":{"table":[{"id":[1]}]}}')
@example(b'{"smartctl":{"exit_status":0},"temperature":{"current":1e999}}')
def test_no_answer_of_smartctl_ends_who_asked(output: bytes) -> None:
    parse_health(output)


def test_no_event_of_the_kernel_ends_who_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Monitor:
        def poll(self, seconds: float) -> None:
            raise random.choice([OSError(105, "No buffer space"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")])

    monkeypatch.setattr("drivers.drives._uevents._monitor", Monitor)
    for _ in range(8):
        Uevents().wait(0.01)
