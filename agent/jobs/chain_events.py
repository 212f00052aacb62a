"""Signs what must be known of the chain beside its certificates, and queues it for the collector.

It goes as a statement of its own, a JWS that waits for the collector's receipt as a certificate does, and beside it as
an event with a copy of the JWS, which is forgotten at the broker's acknowledgement.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import jws
from agent.certificates.clock import clock, utc_now
from agent.certificates.signature import USUAL, Alg
from agent.jobs.chain import Span
from agent.jobs.ledger import Ledger
from agent.jobs.outbox_rows import StatedEvent
from agent.messages import GAP, KEY_REPLACED, Event


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
    told = {**facts, "at": utc_now()}
    when = clock()

    def tell(sequence: int) -> StatedEvent:
        ordered = {**told, "boot_id": when.boot_id, "seq": sequence}
        statement = jws.sign(msgspec.json.encode(ordered), key, typ=f"benchwipe-{name}+jws", alg=alg)
        made = Event(
            boot_id=when.boot_id,
            seq=sequence,
            event=name,
            mono_ms=when.monotonic_ms,
            ts=utc_now(),
            clock=msgspec.to_builtins(when),
            detail={**ordered, "statement": statement.decode()},
        )
        return StatedEvent(msgspec.json.encode(made), statement)

    ledger.add_event(when.boot_id, tell)
