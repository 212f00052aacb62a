"""`benchwipe check`: everything that can be found wrong before a drive is at stake."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from agent.ledger import Ledger
from agent.registrar import Registrar
from agent.settings import Device, Settings
from agent.uplink import read_secrets
from drivers import registry
from drivers.errors import BadDriverSettings, DriverError
from firmware_bridge.errors import CodedError

TABLES: tuple[tuple[str, registry.Kind], ...] = (
    ("source", "drives"),
    ("dock", "docks"),
    ("input", "inputs"),
    ("display", "displays"),
    ("printer", "printers"),
)
BROKER_S = 3.0


def find_problems(settings: Settings, state_dir: Path, config_dir: Path) -> Iterator[str]:
    """One line for each thing that the daemon would stumble over."""
    for table, kind in TABLES:
        for i, device in enumerate(getattr(settings, table)):
            yield from _device_problems(f"{table}[{i}]", kind, device)
    if not settings.bay:
        yield "bay is missing: a station needs at least one [[bay]]"
    try:
        Registrar(settings, state_dir).close()
        Ledger(state_dir).close()
        if settings.mqtt:
            read_secrets(settings.mqtt, config_dir)
    except CodedError as error:
        yield error.line()
    except OSError as error:
        yield f"{error.filename or state_dir}: {error.strerror}"


def find_notes(settings: Settings) -> Iterator[str]:
    """What works without, and is worth knowing."""
    if settings.mqtt is None:
        yield "no [mqtt]: certificates wait in the outbox"
        return
    try:
        socket.create_connection((settings.mqtt.host, settings.mqtt.port), timeout=BROKER_S).close()
    except OSError as error:
        yield f"mqtt: {settings.mqtt.host}:{settings.mqtt.port} does not answer now ({error.strerror or error})"


def _device_problems(path: str, kind: registry.Kind, device: Device) -> Iterator[str]:
    try:
        registry.settings_of(kind, device.driver, device.settings, where=f"{path}.settings")
        if kind != "inputs":
            _open_and_close(kind, device, path)
    except BadDriverSettings as error:
        problems = error.fields.get("problems")
        yield from problems if isinstance(problems, tuple) else (str(error),)
    except DriverError as error:
        yield f"{path} ({device.name}): {error.line()}"


def _open_and_close(
    kind: Literal["docks", "printers", "displays", "drives", "inputs"], device: Device, path: str
) -> None:
    opened = registry.load(kind, device.driver, device.settings, where=path)
    close = getattr(opened, "close", None)
    if close is not None:
        close()
