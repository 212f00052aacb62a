"""What goes over MQTT: topics and payloads. Both ends import this file; docs/mqtt.md describes it for others."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

ROOT = "er/1"
RECEIPT_EXPIRY_S = 7 * 24 * 3600
PROGRESS_EXPIRY_S = 30


class StationState(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: retained; the last will carries the same conn_no, so that a stale one can be ignored."""

    state: Literal["online", "offline"]
    boot_id: str
    conn_no: int


class Birth(msgspec.Struct, frozen=True, kw_only=True):
    """`birth`: what this station is, at each connect. `stream` makes its random passes: the fastest one measured."""

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


def station_topic(station: str, suffix: str) -> str:
    """`er/1/<station>/<suffix>`."""
    return f"{ROOT}/{station}/{suffix}"


def split_topic(topic: str) -> tuple[str, str] | None:
    """The station and the suffix of a station's topic; None for anybody else's."""
    if not topic.startswith(ROOT + "/"):
        return None
    station, _, suffix = topic[len(ROOT) + 1 :].partition("/")
    return (station, suffix) if station and suffix else None
