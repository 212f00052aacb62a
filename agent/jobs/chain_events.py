"""Signs what must be known of the chain beside its certificates, and queues it for the collector."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import jws
from agent.certificates.signature import USUAL, Alg
from agent.jobs.chain import Span
from agent.jobs.ledger import Ledger
from agent.jobs.statements import stated
from agent.messages import GAP, KEY_REPLACED


def tell_gap(ledger: Ledger, key: Ed25519PrivateKey, station: str, span: Span, why: str, *, alg: Alg = USUAL) -> None:
    """Tell of numbers that this station does not know: they are not lost on their way."""
    facts = {"station": station, "first": span.first, "last": span.last, "why": why}
    _tell(ledger, key, alg, GAP, facts)


def tell_new_key(
    ledger: Ledger, key: Ed25519PrivateKey, station: str, old: str, last: str | None, *, alg: Alg = USUAL
) -> None:
    """Tell that a new key signs from now on.

    The old one is told by its thumbprint, and the last certificate of its chain.
    """
    facts = {"station": station, "key": jws.thumbprint(key.public_key()), "replaces": old, "last": last}
    _tell(ledger, key, alg, KEY_REPLACED, facts)


def _tell(ledger: Ledger, key: Ed25519PrivateKey, alg: Alg, name: str, facts: Mapping[str, object]) -> None:
    ledger.add_event(*stated(key, name, facts, alg=alg))
