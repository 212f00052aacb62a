"""A collector's signed receipt: what it says, and whether it is about this very upload. Pure.

`sig` in a receipt is a JWS in compact serialisation, `typ` "benchwipe-receipt+jws". Without it whoever may publish at
the broker empties an outbox, and certificates are lost.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent.certificates import jws
from agent.certificates.signature import USUAL, Alg
from agent.errors import CertificateProblem
from agent.messages import Receipt

TYPE = "benchwipe-receipt+jws"


class SignedReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a collector signs. `certificate` is the last level of the topic: a statement has its own hash there."""

    station: str
    certificate: str
    result: str
    stored_at: str


def sign(about: SignedReceipt, key: Ed25519PrivateKey, *, alg: Alg = USUAL) -> str:
    """Make the receipt's `sig`. CertificateProblem if the topic was so long that no JWS holds it."""
    return jws.sign(msgspec.json.encode(about), key, typ=TYPE, alg=alg).decode()


def doubt(receipt: Receipt, station: str, certificate: str, keys: Mapping[str, Ed25519PublicKey]) -> str:
    """Say why this receipt proves nothing about that upload; empty where one of these keys signed exactly it."""
    if not receipt.sig:
        return "it is not signed"
    try:
        statement = jws.verify(receipt.sig.encode(), keys, typ=TYPE)
        signed = msgspec.json.decode(statement.payload, type=SignedReceipt)
    except CertificateProblem as problem:
        return str(problem.fields["problem"])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return f"what is signed is no receipt: {error}"
    if (signed.station, signed.certificate) != (station, certificate):
        return "it was signed for another station or another certificate"
    if (signed.result, signed.stored_at) != (receipt.result, receipt.stored_at):
        return "another result was signed than the one that stands beside it"
    return ""
