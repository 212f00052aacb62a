"""Which keys may sign for which station: `<station>.jwk` files (a JWK, or a JWK set while keys rotate) and [[station]].

The folder and the configuration are read again when they change, so that enrolling needs no restart. A file that
cannot be read enrols nobody: it is said once in the log, and the other stations go on.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates.jws import public_jwk, public_key_from_jwk, thumbprint
from agent.errors import CertificateProblem
from collector.errors import EnrolmentError
from collector.settings import Configuration, station_tables
from collector.statements import Keys
from collector.text import is_station_id
from drivers.options import read_toml

LOG = logging.getLogger(__name__)
SUFFIX = ".jwk"
LARGEST = 64 * 1024
FRESH_S = 1.0  # a revoked key is refused at the latest after this


class KeyBook:
    """The enrolled keys, as the disk has them now. Any thread may ask."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._lock = threading.Lock()
        self._seen: object = None
        self._read_at = float("-inf")
        self._complaints: frozenset[str] = frozenset()
        self._tables = {s.id: _table_keys(s.keys) for s in configuration.settings.station}
        self._stations: dict[str, dict[str, Ed25519PublicKey]] = {}

    def keys(self, station: str, *, fresh: bool = False) -> Keys:
        """Map thumbprint to key of one station. Empty for a stranger.

        `fresh` looks at the disk whatever the time.
        """
        self._refresh(force=fresh)
        return self._stations.get(station, {})

    def stations(self) -> Mapping[str, Keys]:
        """List everybody who is enrolled."""
        self._refresh(force=False)
        return self._stations

    def _refresh(self, *, force: bool) -> None:
        with self._lock:
            now = time.monotonic()
            if not force and now - self._read_at < FRESH_S:
                return
            self._read_at = now
            look = self._look()
            if look != self._seen:
                self._seen = look
                self._reload()

    def _look(self) -> object:
        """What changes whenever a file does. Inode and size too: a clock without a battery repeats times."""
        found = []
        for path in (self._configuration.file, *sorted(self._configuration.stations_dir.glob("*" + SUFFIX))):
            try:
                s = path.stat()
            except OSError:
                continue
            found.append((str(path), s.st_mtime_ns, s.st_size, s.st_ino))
        return found

    def _reload(self) -> None:
        complaints: set[str] = set()
        self._reload_tables(complaints)
        stations = {name: dict(keys) for name, keys in self._tables.items()}
        for path in self._configuration.stations_dir.glob("*" + SUFFIX):
            name = path.name.removesuffix(SUFFIX)
            try:
                if not is_station_id(name):
                    raise EnrolmentError(where=path, problem="its name is no station's id")
                stations.setdefault(name, {}).update(read_keys(path))
            except EnrolmentError as error:
                complaints.add(error.line())
        for line in sorted(complaints - self._complaints):
            LOG.error("enrolment: %s", line)
        self._complaints = frozenset(complaints)
        self._stations = stations

    def _reload_tables(self, complaints: set[str]) -> None:
        data, problems = read_toml(self._configuration.file)
        tables = None if problems else station_tables(data)
        if tables is None:
            complaints.add(f"{self._configuration.file} cannot be used any more; its stations stay as they were")
        else:
            self._tables = {s.id: _table_keys(s.keys) for s in tables}


def read_keys(path: Path) -> dict[str, Ed25519PublicKey]:
    """Read the public keys of a JWK or JWK set file. Raise EnrolmentError if it holds none, or a private one."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise EnrolmentError(where=path, problem=f"cannot be read: {error.strerror}") from None
    return parse_keys(data, where=str(path))


def parse_keys(data: bytes, *, where: str) -> dict[str, Ed25519PublicKey]:
    """Parse the keys: thumbprint -> key."""
    try:
        document = json.loads(data) if len(data) <= LARGEST else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise EnrolmentError(where=where, problem="not a JWK or JWK set (RFC 7517) in JSON")
    jwks = document.get("keys", [document])
    if not isinstance(jwks, list) or not jwks or not all(isinstance(jwk, dict) for jwk in jwks):
        raise EnrolmentError(where=where, problem="there is no key in it")
    if any("d" in jwk for jwk in jwks):
        raise EnrolmentError(where=where, problem="it holds a PRIVATE key, which must not leave the station")
    try:
        keys = [public_key_from_jwk(jwk) for jwk in jwks]
    except CertificateProblem as error:
        raise EnrolmentError(where=where, problem=str(error)) from None
    return {thumbprint(key): key for key in keys}


def enrol(folder: Path, station: str, keys: Keys) -> list[str]:
    """Add keys to a station's file, keeping those that stand there; the thumbprints that are new."""
    if not is_station_id(station):
        raise EnrolmentError(where=repr(station), problem="a station's id is letters, digits, '.', '_' and '-'")
    path = folder / (station + SUFFIX)
    known = read_keys(path) if path.exists() else {}
    new = [kid for kid in keys if kid not in known]
    if new:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write(path, jwk_set({**known, **keys}))
        except OSError as error:
            raise EnrolmentError(where=path, problem=f"cannot be written: {error.strerror}") from None
    return new


def jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """Write the key as a JWK with its thumbprint as `kid`, and no `alg`: it verifies both names of Ed25519."""
    return {**public_jwk(key), "kid": thumbprint(key), "use": "sig"}


def jwk_set(keys: Keys) -> bytes:
    """Write one key as a JWK, several as a JWK set."""
    rows = [jwk(key) for key in keys.values()]
    document: object = rows[0] if len(rows) == 1 else {"keys": rows}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _table_keys(rows: list[Any]) -> dict[str, Ed25519PublicKey]:
    found = [public_key_from_jwk(msgspec.to_builtins(row)) for row in rows]
    return {thumbprint(key): key for key in found}


def _write(path: Path, data: bytes) -> None:
    """Beside, flushed, renamed, folder flushed: a reader sees the old file or the new one."""
    descriptor, name = tempfile.mkstemp(prefix=".enrol-", dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
    os.replace(name, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
