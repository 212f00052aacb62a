"""Hashes of fixed patterns that this station made before, so that a drive of a known size costs no hash.

Such a hash goes onto a certificate only where every byte of the drive compared equal with the pattern itself, so it
never says whether a drive is erased (agent/erase/expected_hash.py). But it must be right, or the drive would fail
whenever it is held against its certificate. So each row is sealed with a key made of the station's own: a row that was
changed, or copied from elsewhere, is none. One use in CHECKED_ONE_IN makes the hash anew, and so does every drive that
differs; a row that then turns out to be another is forgotten.
"""

from __future__ import annotations

import contextlib
import hmac
import logging
import secrets
from collections.abc import Iterator

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.clock import utc_now
from agent.certificates.outcome import Erased, Failed, Outcome
from agent.erase import METHODS, KnownHash, PatternSpan
from agent.erase.methods import pattern_name
from agent.errors import LedgerProblem
from agent.jobs.hash_rows import HashRow, HashRows
from agent.jobs.job import Job
from agent.planning.plan import Plan

log = logging.getLogger("benchwipe.hashes")

CHECKED_ONE_IN = 16
LARGEST_AHEAD = 32 * 10**12
"""Bytes of a drive whose hash an idle station makes: ten hours of a Raspberry Pi 4."""
IDLE = "idle"
_PATTERNS = frozenset(pattern_name(one) for row in METHODS.values() for one in row.passes if one is not None)
_SEAL = b"benchwipe 2026-11 seal of a pattern's hash"


class PatternHashes:
    """The hashes of one station. Belongs to one thread, as its ledger does.

    A ledger that cannot be used costs the time of a hash, and nothing else: no call raises LedgerProblem.
    """

    def __init__(self, rows: HashRows, key: Ed25519PrivateKey) -> None:
        self._rows = rows
        self._secret = hmac.digest(key.private_bytes_raw(), _SEAL, "sha256")
        self._checking: set[str] = set()
        self._wanted: list[PatternSpan] | None = None

    def want(self, plan: Plan | None, capacity: int) -> None:
        """Note which hash the erasure of a drive will need, so that an idle station makes it."""
        place = _place(plan, capacity)
        if place is None or not _possible(place):
            return
        with _tolerated():
            if self._rows.want(place):
                self._wanted = None

    def for_job(self, planned: Job) -> tuple[KnownHash | None, bool]:
        """Find the hash that a job may use; and whether it is to make it anew, to check the one that is known."""
        place = _place(planned.plan, planned.drive.capacity_bytes)
        row = self._believed(place) if place is not None else None
        if row is None:
            return None, False
        if secrets.randbelow(CHECKED_ONE_IN) == 0:
            self._checking.add(planned.id)
            return None, True
        return KnownHash(pattern=row.place.pattern, capacity=row.place.capacity, blake3=row.blake3), False

    def learn(self, ended: Job, outcome: Outcome) -> None:
        """Take in what a job has found out, after its certificate was written."""
        checked = ended.id in self._checking
        self._checking.discard(ended.id)
        if not isinstance(outcome, (Erased, Failed)) or not outcome.work.passes:
            return
        found, last = outcome.work.verification, outcome.work.passes[-1]
        place = _place(ended.plan, ended.drive.capacity_bytes)
        if place is None or last.pattern != place.pattern or found.expected_blake3 is None:
            return
        row = self._believed(place)
        if row is not None and row.blake3 != found.expected_blake3:
            self._disbelieve(row, f"job {ended.id} found another")
        elif row is None and isinstance(outcome, Erased) and last.bytes == found.bytes == place.capacity:
            self.keep(place, found.expected_blake3, by=ended.id)
        elif row is not None and checked:
            with _tolerated():
                self._rows.checked(place, utc_now())

    def missing(self) -> PatternSpan | None:
        """Tell which hash an idle station should make next. Reads the ledger only where something changed."""
        if self._wanted is None:
            self._wanted = []
            with _tolerated():
                self._wanted = [place for place in self._rows.wanted() if _possible(place)]
        return self._wanted[0] if self._wanted else None

    def keep(self, place: PatternSpan, digest: str, *, by: str) -> None:
        """Remember a hash that was made of these very bytes: by that job, or IDLE."""
        at = utc_now()
        self._wanted = [other for other in self._wanted or () if other != place]  # not at once again, if this fails
        with _tolerated():
            self._rows.keep(HashRow(place, digest, by, at, self._seal(place, digest, by, at)))
            self._wanted = None

    def _believed(self, place: PatternSpan) -> HashRow | None:
        row = None
        with _tolerated():
            row = self._rows.find(place)
        if row is None or hmac.compare_digest(row.seal, self._seal(place, row.blake3, row.made_by, row.made_at)):
            return row
        self._disbelieve(row, "its seal is not this station's")
        return None

    def _disbelieve(self, row: HashRow, why: str) -> None:
        log.error(
            "the hash of pattern %s over %d bytes that %s made at %s is forgotten: %s",
            *(*row.place, row.made_by, row.made_at, why),
        )
        with _tolerated():
            self._rows.forget(row.place)
        self._wanted = None

    def _seal(self, place: PatternSpan, digest: str, by: str, at: str) -> bytes:
        return hmac.digest(self._secret, msgspec.json.encode((*place, digest, by, at)), "sha256")


def _possible(place: PatternSpan) -> bool:
    """Whether it is a hash that may be made ahead: a damaged row names anything."""
    return place.pattern in _PATTERNS and isinstance(place.capacity, int) and 0 < place.capacity <= LARGEST_AHEAD


def _place(plan: Plan | None, capacity: int) -> PatternSpan | None:
    """Which hash an erasure needs; None where it needs none, or where its last pass is random."""
    if plan is None or plan.technique != "overwrite" or plan.verify.kind != "full":
        return None
    last = METHODS[plan.method].passes[-1]
    return None if last is None else PatternSpan(pattern_name(last), capacity)


@contextlib.contextmanager
def _tolerated() -> Iterator[None]:
    try:
        yield
    except LedgerProblem as problem:
        log.warning("no pattern's hash is remembered now: %s", problem)
