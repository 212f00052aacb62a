"""What a station states beside its certificates: signed, and queued for the collector's receipt as a certificate is.

Beside each goes an event with a copy of the JWS, which is forgotten at the broker's acknowledgement; the statement is
not. A statement's type is `benchwipe-<what>+jws`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import jws
from agent.certificates.clock import clock, utc_now
from agent.certificates.signature import Alg
from agent.jobs.outbox_rows import StatedEvent
from agent.messages import Event

DISPOSITION = "benchwipe-disposition+jws"
Stated = Literal["disposition", "box", "no-drive", "drive-count"]
"""What people state at the bench: a grade or destination, a drive in the box, a device without one, its drives."""


def stated(
    key: Ed25519PrivateKey, name: str, facts: Mapping[str, object], *, alg: Alg
) -> tuple[str, Callable[[int], StatedEvent]]:
    """Make a statement: the boot that counts it, and what makes it once its number within that boot is known."""
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

    return when.boot_id, tell
