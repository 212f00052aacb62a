"""A database as the last release on SQLAlchemy left it: its own statements, and rows as it wrote them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection

from agent.certificates.certificate import Certificate, claim_of
from agent.certificates.jws import public_jwk, thumbprint

VERSION = 4
AT = "2026-10-01T08:30:00.123Z"
TABLES = {
    "certificate": (
        "arrival INTEGER NOT NULL, id TEXT NOT NULL, key_id TEXT NOT NULL, station TEXT NOT NULL, sequence "
        "BIGINT NOT NULL, previous TEXT, chain TEXT NOT NULL, number TEXT NOT NULL, outcome TEXT NOT NULL, "
        "serial TEXT NOT NULL, model TEXT NOT NULL, asset_tag TEXT NOT NULL, customer TEXT NOT NULL, lot TEXT "
        "NOT NULL, finished_at TEXT NOT NULL, clock_synchronised BOOLEAN NOT NULL, received_at TEXT NOT NULL, "
        "search TEXT NOT NULL, PRIMARY KEY (arrival), UNIQUE (id)"
    ),
    "event": (
        "arrival INTEGER NOT NULL, station TEXT NOT NULL, boot_id TEXT NOT NULL, seq BIGINT NOT NULL, event "
        "TEXT NOT NULL, payload BLOB NOT NULL, received_at TEXT NOT NULL, PRIMARY KEY (arrival), UNIQUE "
        "(station, boot_id, seq)"
    ),
    "quarantine": (
        "arrival INTEGER NOT NULL, digest TEXT NOT NULL, topic TEXT NOT NULL, station TEXT NOT NULL, reason "
        "TEXT NOT NULL, payload BLOB NOT NULL, size BIGINT NOT NULL, times BIGINT NOT NULL, received_at TEXT "
        "NOT NULL, last_at TEXT NOT NULL, PRIMARY KEY (arrival), UNIQUE (topic, digest)"
    ),
    "schema_version": ('"only" INTEGER NOT NULL, version INTEGER NOT NULL, PRIMARY KEY ("only")'),
    "statement": (
        "sha256 TEXT NOT NULL, arrival BIGINT NOT NULL, station TEXT NOT NULL, key_id TEXT NOT NULL, typ TEXT "
        "NOT NULL, certificate TEXT, body BLOB NOT NULL, received_at TEXT NOT NULL, PRIMARY KEY (sha256)"
    ),
    "station": ("id TEXT NOT NULL, first_seen TEXT NOT NULL, PRIMARY KEY (id)"),
    "station_key": (
        "station TEXT NOT NULL, key_id TEXT NOT NULL, x TEXT NOT NULL, first_seen TEXT NOT NULL, PRIMARY KEY "
        "(station, key_id)"
    ),
    "told_gap": (
        "station TEXT NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL, why TEXT NOT NULL, received_at "
        "TEXT NOT NULL, PRIMARY KEY (station, first, last)"
    ),
    "certificate_bytes": (
        "id TEXT NOT NULL, compact BLOB NOT NULL, PRIMARY KEY (id), FOREIGN KEY(id) REFERENCES certificate (id)"
    ),
}
INDEXES = (
    "certificate_of_station ON certificate (station, sequence)", "certificate_chain ON certificate (station, chain)",
    "certificate_outcome ON certificate (outcome, arrival)", "certificate_number ON certificate (number)",
    "certificate_serial ON certificate (serial)", "certificate_asset ON certificate (asset_tag)",
    "certificate_lot ON certificate (lot)", "certificate_customer ON certificate (customer, finished_at)",
    "certificate_model ON certificate (model)", "certificate_finished ON certificate (finished_at)",
    "certificate_received ON certificate (received_at)", "quarantine_station ON quarantine (station, arrival)",
    "statement_certificate ON statement (certificate, arrival)", "statement_station ON statement (station, arrival)",
)  # fmt: skip
LATER = {"told_gap": 3, "statement": 4}


def make(version: int = VERSION) -> None:
    """Make the tables of that version in an empty database."""
    postgres = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        there = [name for name in TABLES if LATER.get(name, 1) <= version]
        for name in there:
            columns = TABLES[name]
            if postgres:
                columns = columns.replace("arrival INTEGER", "arrival BIGSERIAL").replace("BLOB", "BYTEA")
            cursor.execute(f"CREATE TABLE {name} ({columns})")
        for index in INDEXES:
            if re.search(r"ON (\w+)", index)[1] in there:  # type: ignore[index]
                cursor.execute(f"CREATE INDEX {index}")
    put("schema_version", {'"only"': 1, "version": version})


def put(table: str, row: Mapping[str, Any]) -> None:
    """Write a row."""
    places = ", ".join(["%s"] * len(row))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", list(row.values()))


def put_station(name: str, *keys: Ed25519PublicKey) -> None:
    """Write a station with keys that signed something."""
    put("station", {"id": name, "first_seen": AT})
    for key in keys:
        facts = {"key_id": thumbprint(key), "x": public_jwk(key)["x"]}
        put("station_key", {"station": name, **facts, "first_seen": AT})


def put_certificates(certificates: Sequence[Certificate], chain: str = "ok", **changed: Any) -> None:  # noqa: ANN401
    """Write certificates as they were stored."""
    for arrival, one in enumerate(certificates, start=5):
        r = one.record
        row = {
            "arrival": arrival, "id": one.id, "key_id": one.key_id, "station": r.station.id, "sequence": r.sequence,
            "previous": r.previous, "chain": chain, "number": r.number, "outcome": claim_of(r),
            "serial": r.drive.serial or "", "model": r.drive.model or "", "asset_tag": r.asset.tag if r.asset else "",
            "customer": r.customer.name if r.customer else "", "lot": r.customer.lot if r.customer else "",
            "finished_at": r.finished_at, "clock_synchronised": True, "received_at": AT, "search": "ser",
        }  # fmt: skip
        put("certificate", {**row, **changed})
        put("certificate_bytes", {"id": one.id, "compact": one.compact})


def put_statement(compact: bytes, key: Ed25519PublicKey, typ: str, certificate: str | None) -> None:
    """Write a statement as it was stored."""
    facts = {"arrival": 3, "station": "bench-01", "key_id": thumbprint(key), "typ": typ, "certificate": certificate}
    put("statement", {"sha256": hashlib.sha256(compact).hexdigest(), **facts, "body": compact, "received_at": AT})
