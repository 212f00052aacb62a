"""Replaces a station's signing key on a person's word: a new chain begins, and names the key of the old one."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent import files, state_folder
from agent.certificates import key_traces, keys
from agent.certificates.certificate import read_unverified
from agent.certificates.clock import utc_now
from agent.certificates.jws import public_jwk, thumbprint
from agent.certificates.signature import USUAL, Alg
from agent.errors import CertificateProblem, KeyProblem
from agent.jobs import chain_events
from agent.jobs.chain_rows import KeyChange
from agent.jobs.ledger import Ledger


@dataclass(frozen=True)
class Replaced:
    """What was done. `kept`: where the old private key lies, if it was there."""

    old: str
    new: Ed25519PublicKey
    kept: Path | None


def replace(state_dir: Path, station: str, *, alg: Alg = USUAL) -> Replaced:
    """Make a new key in the place of the old one. KeyProblem where there never was one; AlreadyRunning.

    The ledger knows first: whatever is cut off after that, nothing is signed with the old key any more, and a key that
    is not the one which was written down is refused until this is done again.
    """
    state_folder.refuse_unfinished(state_dir)
    path = state_dir / keys.FILE_NAME
    if not os.path.lexists(path) and not key_traces.find(state_dir):
        raise KeyProblem(path=path, problem="there is no key to replace; `benchwipe key init` makes the first one")
    lock = state_folder.hold(state_dir)
    try:
        with contextlib.closing(Ledger(state_dir)) as ledger:
            return _replace(state_dir, station, ledger, alg)
    finally:
        os.close(lock)


def _replace(state_dir: Path, station: str, ledger: Ledger, alg: Alg) -> Replaced:
    path, pem = state_dir / keys.FILE_NAME, keys.new_pem()
    new = keys.private_key(pem)
    assert isinstance(new, Ed25519PrivateKey)
    with ledger.while_nobody_writes():
        last = ledger.chain.position().previous
        old = _old(state_dir, ledger, last)
        change = KeyChange(old, _public_x(state_dir, ledger, old), thumbprint(new.public_key()), utc_now())
        ledger.chain.replace_key(change)
        chain_events.tell_new_key(ledger, new, station, old, last, alg=alg)
    kept = _put_aside(path, old)
    try:
        files.replace(path, pem, mode=0o600)
        state_folder.give_to_owner(path, of=state_dir)
        key_traces.remember(state_dir, new.public_key())
    except OSError as error:
        raise KeyProblem(path=path, problem=f"the signing key cannot be written: {error.strerror}") from None
    return Replaced(old, new.public_key(), kept)


def _old(state_dir: Path, ledger: Ledger, last: str | None) -> str:
    """The thumbprint of the key that the chain was signed with until now, as well as anybody can tell."""
    if last is not None:
        with contextlib.suppress(OSError, CertificateProblem, RecursionError):
            return read_unverified((ledger.certificates_dir / f"{last}.jws").read_bytes()).key_id
    known = key_traces.remembered(state_dir) or _present(state_dir)
    return thumbprint(known) if known is not None else key_traces.last_signer(state_dir) or "unknown"


def _public_x(state_dir: Path, ledger: Ledger, old: str) -> str | None:
    """The old key's public half, if anybody still has it."""
    for known in (key_traces.remembered(state_dir), _present(state_dir)):
        if known is not None and thumbprint(known) == old:
            return public_jwk(known)["x"]
    return next((c.old_x for c in ledger.chain.key_changes() if c.old_key == old and c.old_x), None)


def _present(state_dir: Path) -> Ed25519PublicKey | None:
    with contextlib.suppress(KeyProblem):
        return keys.load(state_dir / keys.FILE_NAME).public_key()
    return None


def _put_aside(path: Path, old: str) -> Path | None:
    """A key that is there is kept under another name: who replaced the wrong one can still prove that it was theirs."""
    if not os.path.lexists(path):
        return None
    aside = path.with_name(f"{path.name}.{old[:12]}.old")
    for number in range(2, 100):
        if not os.path.lexists(aside):
            break
        aside = path.with_name(f"{path.name}.{old[:12]}.old{number}")
    path.rename(aside)
    files.flush_folder(path.parent)
    return aside
