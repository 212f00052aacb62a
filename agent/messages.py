"""What goes over MQTT: topics and payloads. Both ends import this file; docs/mqtt.md describes it for others."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

ROOT = "er/1"
RECEIPT_EXPIRY_S = 7 * 24 * 3600
PROGRESS_EXPIRY_S = 30
COMMAND_STATUS_EXPIRY_S = 24 * 3600
GAP = "gap"
KEY_REPLACED = "key-replaced"
"""Events that tell of a station's chain; each has a JWS of type `benchwipe-<event>+jws` in it."""


class StationState(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: retained; the last will carries the same conn_no, so that a stale one can be ignored."""

    state: Literal["online", "offline"]
    boot_id: str
    conn_no: int


class Birth(msgspec.Struct, frozen=True, kw_only=True):
    """`birth`: what this station is, at each connect and every minute.

    `stream` makes its random passes: the fastest one measured.
    """

    software: dict[str, str]
    bays: tuple[str, ...]
    capabilities: tuple[str, ...]
    policy_hash: str
    clock: dict[str, Any]
    outbox_depth: int
    key: dict[str, str]
    stream: str = ""
    stream_mb_per_s: dict[str, float] = {}
    boot_id: str
    ts: str


class BayStateMessage(msgspec.Struct, frozen=True, kw_only=True):
    """`bay/<n>/state`: retained, on change. `rev` only grows within a boot."""

    bay: str
    state: str
    drive: dict[str, Any] | None
    job: str | None
    rev: int
    ts: str


class BayProgressMessage(msgspec.Struct, frozen=True, kw_only=True):
    """`bay/<n>/progress`: at most one in five seconds, never retained."""

    bay: str
    job: str
    phase: str
    bytes_done: int
    bytes_total: int
    mb_per_s: float
    celsius: float | None = None


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """`alarm/<id>`: retained; an empty payload clears it."""

    severity: Literal["warning", "critical"]
    code: str
    text: str
    since: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """`event`: through the outbox, ordered by (boot_id, seq)."""

    boot_id: str
    seq: int
    event: str
    mono_ms: int
    ts: str
    clock: dict[str, Any]
    detail: dict[str, Any] = {}


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """`receipt/<sha256>`: the collector's word, after its COMMIT. A broker's ack is not one."""

    result: Literal["stored", "duplicate", "rejected"]
    reason: str = ""
    stored_at: str = ""
    sig: str = ""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """`cmd/<type>/<id>`: what a controller asks. `sig`: agent/uplink/controller_command.py. Times are RFC 3339."""

    args: dict[str, Any]
    issued: str
    not_after: str
    expected_rev: int | None = None
    sig: str


COMMAND_TYPE = "benchwipe-command+jws"


class SignedCommand(msgspec.Struct, frozen=True, kw_only=True):
    """What a controller signs: the command, and the topic that it is sent to."""

    topic: str
    args: dict[str, Any]
    issued: str
    not_after: str
    expected_rev: int | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A message on `cmd/<type>/<id>` as it came: nothing of it is checked yet."""

    type: str
    id: str
    topic: str
    payload: bytes
    retained: bool


class CommandStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`cmd/<type>/<id>/status`: retained for a day. `rev`: that of the bay which it is about, when it was judged."""

    state: Literal["accepted", "rejected", "running", "succeeded", "failed", "expired"]
    reason: str = ""
    rev: int | None = None


class ReportedConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`reported/config`: what became of a `desired/config`."""

    version: str | int | None
    hash: str | None
    state: Literal["applied", "refused"]
    reason: str = ""


def station_topic(station: str, suffix: str) -> str:
    """Build the topic `er/1/<station>/<suffix>`."""
    return f"{ROOT}/{station}/{suffix}"


def split_topic(topic: str) -> tuple[str, str] | None:
    """Split a station's topic into the station and the suffix; None for anybody else's."""
    if not topic.startswith(ROOT + "/"):
        return None
    station, _, suffix = topic[len(ROOT) + 1 :].partition("/")
    return (station, suffix) if station and suffix else None
