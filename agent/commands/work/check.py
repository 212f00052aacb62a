"""`benchwipe check`: everything that can be found wrong before a drive is at stake."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates import keys, signature
from agent.devices.control import NotRunning, ask
from agent.errors import KeyProblem
from agent.jobs.ledger import Ledger
from agent.jobs.reconcile import Reconciler
from agent.scan.codes import Kind, bay_called, read
from agent.settings import Device, Settings
from agent.state_folder import refuse_unfinished
from agent.uplink.uplink import read_secrets
from drivers import registry
from drivers.deadline import Deadline
from drivers.drives._witness import SOCKET, UNIT, silence
from drivers.errors import BadDriverSettings, DeviceTaken, DriverError
from firmware_bridge.errors import CodedError

TABLES: tuple[tuple[str, registry.Kind], ...] = (
    ("source", "drives"),
    ("dock", "docks"),
    ("input", "inputs"),
    ("display", "displays"),
    ("printer", "printers"),
)
BROKER_S = 3.0
DOCK_S = 5.0


def find_problems(settings: Settings, state_dir: Path, config_dir: Path) -> Iterator[str]:
    """Find each thing that the daemon would stumble over: one line for each."""
    for table, kind in TABLES:
        for i, device in enumerate(getattr(settings, table)):
            yield from _device_problems(f"{table}[{i}]", kind, device, settings, state_dir)
    if not settings.bay:
        yield "bay is missing: a station needs at least one [[bay]]"
    checks: list[Callable[[], object]] = [
        lambda: _state(state_dir),
        lambda: _key(state_dir),
        lambda: _ledger(state_dir),
    ]
    if (mqtt := settings.mqtt) is not None:
        checks.append(lambda: read_secrets(mqtt, config_dir))
        checks.append(lambda: keys.read_all(mqtt.controller_keys if mqtt else (), config_dir))
        checks.append(lambda: keys.read_all(mqtt.collector_keys if mqtt else (), config_dir))
    for check in checks:
        try:
            check()
        except CodedError as error:
            yield error.line()
        except OSError as error:
            yield f"{error.filename or state_dir}: {error.strerror}"


def _state(state_dir: Path) -> None:
    """It can be written to, or made. Nothing is made here: what root makes now, the daemon's user cannot read."""
    there = next(p for p in (state_dir, *state_dir.parents) if p.exists())
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(there))
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(there))
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(there))


def _key(state_dir: Path) -> None:
    refuse_unfinished(state_dir)
    keys.refuse_lost(state_dir)
    if os.path.lexists(state_dir / keys.FILE_NAME):
        keys.refuse_other(state_dir)
        keys.load(state_dir / keys.FILE_NAME)


def _ledger(state_dir: Path) -> None:
    if (state_dir / "ledger.sqlite3").exists():
        with contextlib.closing(Ledger(state_dir)) as ledger:
            Reconciler(ledger, _public(state_dir)).refuse_conflicts()


def _public(state_dir: Path) -> Ed25519PublicKey | None:
    """The present key, if there is a usable one: otherwise that is said by itself."""
    with contextlib.suppress(KeyProblem):
        return keys.load(state_dir / keys.FILE_NAME).public_key()
    return None


def find_notes(settings: Settings) -> Iterator[str]:
    """Tell what works without, and is worth knowing."""
    if late := signature.overdue(settings.station.signature_alg, datetime.now(UTC).date()):
        yield f"station.{late}"
    if any(source.driver == "block" for source in settings.source) and (why := silence(SOCKET)):
        yield (
            f"{UNIT} does not answer ({why}): a daemon that is not root cannot tell who else writes to a drive, and "
            f"refuses drives with loop devices on them; systemctl enable --now {UNIT}"
        )
    if settings.mqtt is None:
        yield "no [mqtt]: certificates wait in the outbox"
        return
    if not settings.mqtt.collector_keys:
        yield f"mqtt: {keys.TRUSTS_THE_BROKER}"
    try:
        socket.create_connection((settings.mqtt.host, settings.mqtt.port), timeout=BROKER_S).close()
    except OSError as error:
        yield f"mqtt: {settings.mqtt.host}:{settings.mqtt.port} does not answer now ({error.strerror or error})"


def _device_problems(
    path: str, kind: registry.Kind, device: Device, settings: Settings, state_dir: Path
) -> Iterator[str]:
    try:
        registry.settings_of(kind, device.driver, device.settings, where=f"{path}.settings")
        if kind == "docks":
            yield from _dock_problems(path, device, settings, state_dir)
        elif kind == "inputs":
            yield from _input_problems(path, device, settings)
        else:
            _open_and_close(kind, device, path)
    except BadDriverSettings as error:
        problems = error.fields.get("problems")
        yield from problems if isinstance(problems, tuple) else (str(error),)
    except DriverError as error:
        yield f"{path} ({device.name}): {error.line()}"


def _input_problems(path: str, device: Device, settings: Settings) -> Iterator[str]:
    """A keypad's numbers are long enough for every bay that has one. Nothing is opened."""
    typed = registry.load("inputs", device.driver, device.settings, where=path).out_of_reach()
    codes = (read(code, None, settings) for code in typed)
    names = tuple(bay.name for bay in settings.bay)
    lost = [bay for code in codes if code.kind is Kind.BAY and (bay := bay_called(code.value, names))]
    if lost:
        yield f"{path}.settings.digits: bay {lost[0]} has a longer number; allowed is digits = 2"


def _dock_problems(path: str, device: Device, settings: Settings, state_dir: Path) -> Iterator[str]:
    """It is there, it answers, and it has the slots that bays are in. Nothing is switched. DriverError.

    A running daemon has its docks for itself, and asks them all the time: then its word counts.
    """
    dock = registry.load("docks", device.driver, device.settings, where=path)
    try:
        for i, bay in enumerate(settings.bay):
            if bay.dock == device.name and bay.slot > dock.slots:
                yield f"bay[{i}].slot = {bay.slot}: allowed in dock {device.name} is 1 to {dock.slots}"
        dock.probe(within=Deadline(DOCK_S))
    except DeviceTaken:
        try:
            alarms = ask(state_dir, {"ask": "status"})["alarms"]
        except NotRunning:
            alarms = None
        if alarms is None:
            raise
        if (text := alarms.get(f"device-dock.{device.name}")) is not None:
            yield f"{path} ({device.name}): the running daemon says: {text}"
    finally:
        dock.close()


def _open_and_close(kind: Literal["printers", "displays", "drives"], device: Device, path: str) -> None:
    opened = registry.load(kind, device.driver, device.settings, where=path)
    close = getattr(opened, "close", None)
    if close is not None:
        close()
