"""Reads the certificate files, holds them against the ledger, and takes in what a kill left without a row.

At a start every name counts, and the files without a row and the newest ones are read and verified; `benchwipe check`
and `ledger check` read them all (0.2 ms each). Rows are read before names, and a file is there before its row: whoever
issues a certificate meanwhile makes no conflict.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates import key_traces
from agent.certificates.certificate import Certificate, certificate_id, read_unverified, verify
from agent.certificates.jws import MAX_BYTES, public_key_from_jwk, thumbprint
from agent.errors import CertificateProblem, LedgerConflict
from agent.jobs.chain import Conflict, Filed, Judgement, State, judge
from agent.jobs.ledger import Ledger

log = logging.getLogger("benchwipe.registrar")

NEWEST = 500
SUFFIX = ".jws"


class Reconciler:
    """Looks through one ledger's folder with the keys that its station has and had."""

    def __init__(self, ledger: Ledger, key: Ed25519PublicKey | None) -> None:
        """`key`: the present one, where there is one. Of a look stay: `read`, and the `certificates` without a row.

        `instead`: the bytes of files that are to be written again, looked at as if they were there.
        """
        self._ledger = ledger
        self._key = key
        self.read: dict[str, Filed] = {}
        self.certificates: dict[str, Certificate] = {}
        self.instead: dict[str, bytes] = {}

    def look(self, *, newest: int | None = NEWEST) -> Judgement:
        """Look at what is there now.

        `newest`: so many files with a row are read, None for all. LedgerProblem, OSError.
        """
        rows, names = self._ledger.chain.certificates(), self._names()
        self.read, self.certificates, keys = {}, {}, self._keys()
        strays, wanted = names - {row.id for row in rows}, rows if newest is None else rows[-newest:]
        for name in sorted(strays | {row.id for row in wanted} & names):
            certificate, filed = self._read(name, keys)
            if filed is None:  # another benchwipe withdrew it: its ledger was full
                names.discard(name)
                continue
            self.read[name] = filed
            if certificate is not None and name in strays:
                self.certificates[name] = certificate
        known, waiting = self._ledger.chain.settled_conflicts(), self._ledger.chain.waiting_without_row()
        gaps = self._ledger.chain.gaps()
        return judge(State(rows=rows, names=names, read=self.read, gaps=gaps, known=known, waiting=waiting))

    def strays(self) -> Sequence[Certificate]:
        """Find the certificates that follow the last row, in order; only while nobody writes. LedgerConflict."""
        if self._names() <= self._ledger.chain.certificate_ids():
            return ()
        found = self.look(newest=1)
        self._refuse(found.conflicts)
        strays = [self.certificates[name] for name in found.strays]
        self._forget()
        return strays

    def take_in(self, *, printers: tuple[str, ...] = ()) -> Sequence[Certificate]:
        """Record what a kill left, and its label as due; LedgerConflict where rows and files contradict."""
        before = self.look()
        if not before.conflicts and not before.strays:
            self._forget()
            return ()
        with self._ledger.while_nobody_writes():  # what another benchwipe was writing just then is written now
            found = self.look()
            self._refuse(found.conflicts)
            # A power cut leaves one. More are those of a ledger of before: their labels were sent long ago.
            due = printers if len(found.strays) == 1 else ()
            for name in found.strays:
                self._ledger.take_in(self.certificates[name], due)
        for name in found.strays:
            number = self.certificates[name].record.number
            log.warning("certificate %s had no row in the ledger: recorded now", number)
        taken = [self.certificates[name] for name in found.strays]
        self._forget()
        return taken

    def refuse_conflicts(self) -> None:
        """Raise LedgerConflict where rows and files contradict anywhere; nothing is recorded."""
        self._refuse(self.look(newest=None).conflicts)

    def certificate(self, name: str) -> Certificate:
        """Read a certificate of this station by its id, its signature checked. CertificateProblem, OSError."""
        return self._verified(self._bytes(name), *self._keys())

    def is_whole(self, name: str) -> bool:
        """Return whether a file's bytes are those that it is named after, whoever signed them."""
        try:
            return certificate_id(self._bytes(name)) == name
        except OSError:
            return False

    def shown_number(self, name: str, station: str) -> int | None:
        """Read the number that an unverified file shows: damaged, or of a key nobody knows; 0 if unreadable.

        None for another station's, which took no number of this one.
        """
        try:
            compact = self._bytes(name)
            record = read_unverified(compact).record
        except (OSError, CertificateProblem, RecursionError):
            return 0
        return None if self.is_whole(name) and record.station.id != station else max(record.sequence, 0)

    def _forget(self) -> None:
        """A daemon that was looked at once keeps nothing of it in its memory."""
        self.read, self.certificates = {}, {}

    def _refuse(self, conflicts: Sequence[Conflict]) -> None:
        if conflicts:
            more = f"; and {len(conflicts) - 1} more" if len(conflicts) > 1 else ""
            raise LedgerConflict(path=self._ledger.path.parent, problem=f"{conflicts[0].problem}{more}")

    def _names(self) -> set[str]:
        there = {path.name.removesuffix(SUFFIX) for path in self._ledger.certificates_dir.glob("*" + SUFFIX)}
        return there | set(self.instead)

    def _keys(self) -> tuple[Mapping[str, Ed25519PublicKey], frozenset[str]]:
        """(the keys that count, by thumbprint; the thumbprints of those that nobody has any more)."""
        found = [self._key] if self._key is not None else []
        known = key_traces.remembered(self._ledger.path.parent)
        changes = self._ledger.chain.key_changes()
        found += [known] if known is not None else []
        found += [public_key_from_jwk({"kty": "OKP", "crv": "Ed25519", "x": c.old_x}) for c in changes if c.old_x]
        keys = {thumbprint(key): key for key in found}
        return keys, frozenset(change.old_key for change in changes) - set(keys)

    def _read(
        self, name: str, keys: tuple[Mapping[str, Ed25519PublicKey], frozenset[str]]
    ) -> tuple[Certificate | None, Filed | None]:
        """One file: the certificate if it is this station's, and what is known of it; nothing where it went."""
        try:
            compact = self._bytes(name)
        except FileNotFoundError:
            return None, None
        except OSError as error:
            return None, Filed(name, problem=f"it cannot be read: {error.strerror}")
        if certificate_id(compact) != name:
            return None, Filed(name, problem="its bytes are not those that it is named after")
        try:
            certificate = self._verified(compact, *keys)
        except CertificateProblem as problem:
            return None, Filed(name, problem=str(problem))
        except RecursionError:
            return None, Filed(name, problem="not a valid certificate: nested too deep")
        record = certificate.record
        first = record.gap.first if record.gap is not None else 0
        return certificate, Filed(name, record.sequence, record.number, record.previous, first)

    def _verified(self, compact: bytes, keys: Mapping[str, Ed25519PublicKey], gone: frozenset[str]) -> Certificate:
        """Of a key that nobody has any more the ledger's row alone vouches for a certificate, by its id."""
        certificate = read_unverified(compact)
        if certificate.key_id in gone and self._ledger.chain.certificate_of(certificate.id) is not None:
            return certificate
        return verify(compact, keys)

    def _bytes(self, name: str) -> bytes:
        if name in self.instead:
            return self.instead[name]
        with (self._ledger.certificates_dir / (name + SUFFIX)).open("rb") as file:
            return file.read(MAX_BYTES + 1)
