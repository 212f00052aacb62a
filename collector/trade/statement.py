"""A settlement as a signed statement: its type, its bounds, and how a stranger's copy is checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates import jws
from agent.certificates.signature import Alg
from agent.errors import CertificateProblem
from collector.statements.kinds import SAID, SETTLEMENT
from collector.statements.rules import LARGEST

TYPE = SAID[SETTLEMENT]
LARGEST_BYTES = LARGEST
"""Of the compact JWS, as of every statement: 7,000 lines are some 3 MB."""
ALGS: tuple[Alg, ...] = ("EdDSA", "Ed25519")
KEYS = frozenset(
    {
        "number", "seller", "customer", "agreement", "versions", "period", "state", "issued_at", "rounding", "lines",
        "share_ore", "share_vat_ore", "fees_ore", "fees_vat_ore", "opening_ore", "payable_ore", "closing_ore",
        "previous_sha256",
    }
)  # fmt: skip


def verify(compact: bytes, keys: Mapping[str, Ed25519PublicKey]) -> dict[str, Any]:
    """Verify a settlement against the collector's keys (thumbprint -> key): its document, or CertificateProblem.

    What is signed must add up, too: a sum that its lines do not give is no settlement of ours.
    """
    payload = jws.verify(compact, keys, typ=TYPE, most=LARGEST_BYTES).payload
    try:
        document = msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CertificateProblem(problem=f"its payload is no settlement: {error}") from None
    if set(document) != KEYS or not isinstance(document["lines"], list):
        raise CertificateProblem(problem="its payload is no settlement: other facts stand in it")
    try:
        told = sum(line["amount_ore"] for line in document["lines"])
        adds_up = told == document["share_ore"] + document["fees_ore"]
    except (TypeError, KeyError):
        adds_up = False
    if not adds_up:
        raise CertificateProblem(problem="its lines do not give its sums")
    return document
