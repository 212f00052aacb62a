"""A row of the database -> what may be said of it (rules.py). Nothing in the row is believed."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates.certificate import Certificate as Signed
from agent.certificates.certificate import claim_of, verify
from agent.certificates.jws import thumbprint
from agent.errors import CertificateProblem
from collector.certificates.proof import key_from_x
from collector.certificates.rules import Heading, Shown, Stored, show
from collector.intake.models import Certificate
from collector.intake.rows import certificate_row

COMPARED = (
    "station_id", "sequence", "previous", "number", "outcome", "serial", "model", "asset_tag", "customer_name", "lot",
    "operator", "finished_at", "clock_synchronised",
)  # fmt: skip


def shown(row: Certificate) -> Shown:
    """Say what may be shown of a row that was read with its bytes and its key."""
    columns = {name: getattr(row, name) for name in COMPARED}
    key = _key(row)
    return show(Stored(row.id, bytes(row.bytes.compact), row.signed_by.thumbprint, key, columns), signed_columns)


def heading(row: Certificate) -> Heading:
    """Say what stands over a row in a list: the signature is checked, and no more than that."""
    compact, key = bytes(row.bytes.compact), _key(row)
    try:
        certificate = verify(compact, {} if key is None else {thumbprint(key): key})
    except (CertificateProblem, RecursionError, ValueError, OverflowError):
        return "does_not_hold"
    return claim_of(certificate.record) if certificate.id == row.id else "does_not_hold"


def signed_columns(certificate: Signed) -> Mapping[str, object]:
    """Write the columns as the intake wrote them."""
    row = certificate_row(certificate, "ok")
    return {name: row[name] for name in COMPARED}


def _key(row: Certificate) -> Ed25519PublicKey | None:
    """The key of the row, if it is the one that its thumbprint names: both are columns."""
    try:
        key = key_from_x(row.signed_by.x)
    except (CertificateProblem, ValueError):
        return None
    return key if thumbprint(key) == row.signed_by.thumbprint else None
