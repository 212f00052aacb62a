"""Tells whether a state folder ever had a signing key: a second one would begin a second history without a word."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent import files
from agent.certificates.certificate import read_unverified
from agent.certificates.jws import MAX_BYTES, public_jwk, public_key_from_jwk, thumbprint
from agent.errors import CertificateProblem
from agent.state_folder import give_to_owner

FILE_NAME = "station.jwk"
_SIGNS = ("certificate", "job", "label", "outbox")


def remember(state_dir: Path, key: Ed25519PublicKey) -> None:
    """Write the public half down beside the key."""
    line = json.dumps({**public_jwk(key), "kid": thumbprint(key)}) + "\n"
    files.replace(state_dir / FILE_NAME, line.encode(), mode=0o600)
    give_to_owner(state_dir / FILE_NAME, of=state_dir)


def remembered(state_dir: Path) -> Ed25519PublicKey | None:
    """Read the public half that was written down; None where none was, or it can be read no more."""
    try:
        with (state_dir / FILE_NAME).open("rb") as file:
            jwk = json.loads(file.read(MAX_BYTES))
        return public_key_from_jwk(jwk) if isinstance(jwk, dict) else None
    except (OSError, ValueError, RecursionError, CertificateProblem):
        return None


def find(state_dir: Path) -> str:
    """Find what shows that there was a key; empty where nothing does. OSError where the folder cannot be looked at."""
    known = remembered(state_dir)
    if known is not None:
        return f"it was {thumbprint(known)}"
    if _stands(state_dir / FILE_NAME):
        return f"{FILE_NAME} is left of it"
    signed = next((state_dir / "certificates").glob("*.jws"), None)
    if signed is not None:
        return f"{signed.name[:12]}.jws was signed{_by(signed)}"
    return "the ledger knows of work" if _worked(state_dir / "ledger.sqlite3") else ""


def last_signer(state_dir: Path) -> str:
    """Find the thumbprint on one of the certificates; empty where none can be read."""
    for path in (state_dir / "certificates").glob("*.jws"):
        with contextlib.suppress(OSError, CertificateProblem, RecursionError):
            return read_unverified(path.read_bytes()).key_id
    return ""


def _by(path: Path) -> str:
    with contextlib.suppress(OSError, CertificateProblem, RecursionError):
        return f" by key {read_unverified(path.read_bytes()).key_id}"
    return ""


def _stands(path: Path) -> bool:
    """Whether the name is taken. Path.exists says no to what may not be looked at, from Python 3.12 on."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _worked(ledger: Path) -> bool:
    """Whether a ledger has rows that only a station with a key makes; one that cannot be read may have."""
    if not _stands(ledger) or not ledger.stat().st_size:
        return False
    try:
        with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=5)) as db:
            known = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            tables = [table for table in _SIGNS if table in known]
            return any(db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() for table in tables)
    except sqlite3.Error:
        return True
