"""One certificate with everything that its page and its document say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates.certificate import payload_bytes, read_unverified
from agent.certificates.record import Record
from agent.errors import CertificateProblem
from collector import moments
from collector.certificates import queries
from collector.certificates.proof import Proof, key_from_x, prove
from collector.intake import statements
from collector.intake.keys import jwk
from collector.intake.models import Certificate
from collector.parties.roles import Sight


@dataclass(frozen=True)
class CertificateView:
    """A certificate as it is shown. `record` is None where the stored bytes are none any more."""

    row: Certificate
    compact: bytes
    record: Record | None
    proof: Proof
    key: Ed25519PublicKey | None
    neighbours: list[Certificate]
    given: statements.Disposition | None
    """Grade and destination that the station signed after the certificate; they count for more than its own."""


def view(sight: Sight, identifier: str) -> CertificateView | None:
    """Find the certificate and prove it now. None where nothing of that id is seen by this person."""
    row = queries.certificate(sight, identifier.replace("\x00", ""))
    if row is None:
        return None
    compact = bytes(row.bytes.compact)
    key = _key(row.signed_by.x)
    enrolled = row.signed_by.revoked_at is None
    proof = prove(identifier, compact, row.signed_by.thumbprint, key, enrolled=enrolled)
    given = statements.latest(queries.dispositions(row))
    return CertificateView(row, compact, _record(compact), proof, key, queries.neighbours(sight, row), given)


def listed(row: Certificate) -> dict[str, Any]:
    """List a certificate's searchable facts, for a document."""
    return {
        "id": row.id,
        "key_id": row.signed_by.thumbprint,
        "station": row.station_id,
        "sequence": row.sequence,
        "previous": row.previous,
        "chain": row.chain,
        "number": row.number,
        "outcome": row.outcome,
        "serial": row.serial,
        "model": row.model,
        "asset_tag": row.asset_tag,
        "customer": row.customer_name,
        "lot": row.lot,
        "finished_at": row.finished_at,
        "clock_synchronised": row.clock_synchronised,
        "received_at": moments.text(row.received_at),
    }


def document(shown: CertificateView) -> dict[str, Any]:
    """Show the certificate with the payload as it was signed, fields that this version does not know included."""
    return {
        **listed(shown.row),
        "record": _payload(shown.compact),
        "jws": shown.compact.decode("ascii", "replace"),
        "proof": {
            "valid": shown.proof.valid,
            "problem": shown.proof.problem,
            "key_id": shown.proof.key_id,
            "enrolled": shown.proof.enrolled,
            "key": None if shown.key is None else jwk(shown.key),
        },
        "given": None if shown.given is None else asdict(shown.given),
        "neighbours": [{"id": n.id, "sequence": n.sequence, "number": n.number} for n in shown.neighbours],
    }


def _key(x: str) -> Ed25519PublicKey | None:
    try:
        return key_from_x(x)
    except CertificateProblem:
        return None


def _record(compact: bytes) -> Record | None:
    try:
        return read_unverified(compact).record
    except (CertificateProblem, RecursionError):
        return None


def _payload(compact: bytes) -> object:
    try:
        return msgspec.json.decode(payload_bytes(compact))
    except (CertificateProblem, msgspec.MsgspecError, RecursionError):
        return None
