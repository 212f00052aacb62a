"""What a state folder holds after kills, judged from outside: by SQL, and by the files that are there."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

CERTIFIED = ("erased", "failed", "aborted")
UNCERTIFIED = ("cancelled", "refused")


@dataclass
class Account:
    """How often each must not be; all are to be 0."""

    chain_breaks: int = 0
    double_numbers: int = 0
    lost_certificates: int = 0
    false_erased: int = 0
    other: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not any(getattr(self, field.name) for field in fields(self))


def rows(state: Path, sql: str) -> list[Any]:
    """Rows of the ledger; none while there is no such table."""
    try:
        with sqlite3.connect(f"file:{state / 'ledger.sqlite3'}?mode=ro", uri=True, timeout=10) as db:
            return db.execute(sql).fetchall()
    except sqlite3.OperationalError:
        return []


def payload(compact: bytes) -> dict[str, Any]:
    """A certificate's payload, decoded without the program's own code."""
    part = compact.split(b".")[1]
    found = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    assert isinstance(found, dict)
    return found


def account(state: Path) -> Account:
    """Everything that must hold whenever nobody is at work."""
    found = Account()
    certificates = rows(state, "SELECT sequence, id, number, outcome, job FROM certificate ORDER BY sequence")
    files = {path.stem: path.read_bytes() for path in (state / "certificates").glob("*.jws")}
    ids, previous = [row[1] for row in certificates], None
    for place, (sequence, name, number, outcome, job) in enumerate(certificates, start=1):
        record = payload(files[name]) if name in files else {}
        said = tuple(record.get(key) for key in ("sequence", "previous", "number", "outcome", "job"))
        found.chain_breaks += said != (place, previous, number, outcome, job) or sequence != place
        found.lost_certificates += hashlib.sha256(files.get(name, b"")).hexdigest() != name
        previous = name
    numbers = Counter(payload(compact)["number"] for compact in files.values())
    found.double_numbers += sum(count - 1 for count in numbers.values())
    waiting = {row[0] for row in rows(state, "SELECT id FROM outbox WHERE kind = 'cert'")}
    found.lost_certificates += len(set(ids) ^ set(files)) + len(set(ids) ^ waiting)
    of_job = Counter(row[4] for row in certificates)
    for job, ended in rows(state, "SELECT id, state FROM job"):
        wanted = 1 if ended in CERTIFIED else 0
        found.lost_certificates += of_job[job] < wanted
        found.other += of_job[job] > wanted or ended not in (*CERTIFIED, *UNCERTIFIED)
    return found
