"""The ledger's tables, and how an older ledger becomes a present one."""

from __future__ import annotations

import sqlite3

from agent.errors import LedgerProblem

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE job (id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, state TEXT NOT NULL, body BLOB NOT NULL)",
        "CREATE INDEX job_fingerprint ON job (fingerprint)",
        "CREATE INDEX job_state ON job (state)",
        "CREATE TABLE checkpoint (job TEXT PRIMARY KEY REFERENCES job (id), body BLOB NOT NULL)",
        "CREATE TABLE job_key (job TEXT PRIMARY KEY REFERENCES job (id), key BLOB NOT NULL)",
        (
            "CREATE TABLE certificate (sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, number TEXT NOT NULL, "
            "outcome TEXT NOT NULL, job TEXT NOT NULL, serial TEXT, asset TEXT, finished_at TEXT NOT NULL)"
        ),
        (
            "CREATE TABLE outbox (id TEXT PRIMARY KEY, kind TEXT NOT NULL, topic TEXT NOT NULL, "
            "payload BLOB NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, quarantined TEXT)"
        ),
        "CREATE TABLE event_number (boot_id TEXT PRIMARY KEY, seq INTEGER NOT NULL)",
        "CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
        "INSERT INTO counter (name, value) VALUES ('connection', 0)",
    ),
    # Counting what waits would otherwise read past every payload: `quarantined` lies behind it in the row.
    ("CREATE INDEX outbox_waiting ON outbox (quarantined) WHERE quarantined IS NULL",),
    (
        (
            "CREATE TABLE label (number TEXT NOT NULL, printer TEXT NOT NULL, certificate TEXT NOT NULL, "
            "state TEXT NOT NULL, copy INTEGER NOT NULL, detail TEXT NOT NULL, PRIMARY KEY (number, printer))"
        ),
        "CREATE INDEX label_certificate ON label (certificate)",
        "CREATE INDEX label_open ON label (state) WHERE state IN ('due', 'sent', 'not-printed', 'unknown')",
    ),
    # What controllers asked over MQTT, and what became of it: a repeat is answered, not done again.
    ("CREATE TABLE command (id TEXT PRIMARY KEY, type TEXT NOT NULL, status BLOB NOT NULL)",),
    # When a key was last of use, in seconds since 1970: one whose drive never comes back ends by age.
    (
        "ALTER TABLE job_key ADD COLUMN made INTEGER NOT NULL DEFAULT 0",
        "UPDATE job_key SET made = strftime('%s', 'now')",
        "ALTER TABLE checkpoint ADD COLUMN made INTEGER NOT NULL DEFAULT 0",
    ),
    # ATA passwords that this station may have set, until a drive of that identity was erased.
    (
        (
            "CREATE TABLE drive_password (drive TEXT NOT NULL, password BLOB NOT NULL, job TEXT NOT NULL, "
            "PRIMARY KEY (drive, password))"
        ),
    ),
    # When a password was last of use, as for keys: a drive that never comes back was destroyed.
    (
        "ALTER TABLE drive_password ADD COLUMN made INTEGER NOT NULL DEFAULT 0",
        "UPDATE drive_password SET made = strftime('%s', 'now')",
    ),
    # What the chain must know beside its certificates: numbers that are missing, keys of before, what a person settled.
    (
        (
            "CREATE TABLE number_gap (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, why TEXT NOT NULL, "
            "at TEXT NOT NULL)"
        ),
        (
            "CREATE TABLE key_change (place INTEGER PRIMARY KEY, old_key TEXT NOT NULL, old_x TEXT, "
            "new_key TEXT NOT NULL, at TEXT NOT NULL, named_by TEXT)"
        ),
        (
            "CREATE TABLE settled_conflict (kind TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL, "
            "PRIMARY KEY (kind, name))"
        ),
    ),
    # Signed statements (grades, destinations), so that one can be sent again; and when a row was refused, by the
    # collector's own signed word: an older refusal is a replay.
    (
        "CREATE TABLE statement (id TEXT PRIMARY KEY, body BLOB NOT NULL)",
        "ALTER TABLE outbox ADD COLUMN refused_at TEXT",
    ),
    # How many drives a device has, and which is which; and what waits for a person, over a power cut.
    (
        "CREATE TABLE device (tag TEXT PRIMARY KEY, drives INTEGER NOT NULL)",
        (
            "CREATE TABLE device_drive (tag TEXT NOT NULL, place INTEGER NOT NULL, drive TEXT NOT NULL, "
            "job TEXT NOT NULL, PRIMARY KEY (tag, place))"
        ),
        "CREATE INDEX device_drive_job ON device_drive (job)",
        "CREATE INDEX certificate_job ON certificate (job)",
        "CREATE INDEX certificate_asset ON certificate (asset)",
        "CREATE TABLE pending (kind TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, name))",
    ),
    # Hashes of fixed patterns by capacity. Without one a hash is wanted; `asked`: seconds since 1970, the oldest go.
    (
        (
            "CREATE TABLE pattern_hash (pattern TEXT NOT NULL, capacity INTEGER NOT NULL, blake3 TEXT, made_by TEXT, "
            "made_at TEXT, checked_at TEXT, seal BLOB, asked INTEGER NOT NULL, PRIMARY KEY (pattern, capacity))"
        ),
    ),
    # The directory of a controller that is in use: the newest alone.
    ("CREATE TABLE directory (version INTEGER PRIMARY KEY, body BLOB NOT NULL)",),
)


def migrate(db: sqlite3.Connection) -> None:
    """Bring the tables to this program's version, inside the caller's transaction. A newer ledger is left alone."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise LedgerProblem(path="ledger", problem=f"made by a newer benchwipe (version {version}); it stays untouched")
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in statements:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {number}")
