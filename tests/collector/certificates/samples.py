"""Certificates that a station signed, and others that it never would, for the tests of what shows and checks them."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.attestation import QUESTIONS, TECHNIQUE
from agent.certificates.certificate import TYPE, Certificate, sign
from agent.certificates.jws import thumbprint
from agent.certificates.record import (
    Attestation,
    Check,
    Customer,
    Operator,
    Reason,
    Record,
    Sanitization,
    Verification,
)
from tests.agent.samples import record

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KID = thumbprint(KEY.public_key())
KEYS = {KID: KEY.public_key()}
WHO: dict[str, Any] = {
    "customer": Customer(name="Kolding Kommune", lot="LOT-7", reference="Ø-99"),
    "operator": Operator(id="op-17", name="Åse Berg", title="Teknikker"),
}
NOTHING = Sanitization(
    level="none", level_nist_800_88_r1="none", level_ieee_2883="none", standard="", method="zero", technique="overwrite"
)


def erased(**facts: Any) -> Certificate:  # noqa: ANN401 - fields of Record
    return sign(record(**{**WHO, **facts}), KEY)


def unread() -> Certificate:
    return erased(verification=Verification(kind="none", result="not-run"))


def not_erased(outcome: str = "failed", code: str = "BW-E02") -> Certificate:
    said = Reason(code, "Parts of the drive could not be read", "Destroy it.")
    return erased(
        outcome=outcome, reason=said, sanitization=NOTHING, verification=Verification(kind="none", result="not-run")
    )


def attested_record(**facts: Any) -> Record:  # noqa: ANN401 - fields of Record
    """A phone that a person reset."""
    plain = record(**WHO)
    level = dict.fromkeys(("level", "level_nist_800_88_r1", "level_ieee_2883"), "clear")
    assert plain.asset is not None
    made = msgspec.structs.replace(
        plain,
        drive=msgspec.structs.replace(
            plain.drive, serial="490154203237518", identity_source="scanned", capacity_bytes=0, media="flash"
        ),
        asset=msgspec.structs.replace(plain.asset, kind="phone", serial="490154203237518"),
        sanitization=msgspec.structs.replace(NOTHING, **level, method="factory-reset", technique=TECHNIQUE),
        verification=Verification(kind="none", result="not-run"),
        attestation=Attestation(
            by="op-17", checks=tuple(Check(question=q, answer="yes") for q in QUESTIONS), at="2026-11-22T20:00:00Z"
        ),
    )
    return msgspec.structs.replace(made, **facts)


def attested() -> Certificate:
    return sign(attested_record(), KEY)


def b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def forge(header: dict[str, object] | bytes, payload: bytes, key: Ed25519PrivateKey = KEY) -> bytes:
    """A JWS whose signature is right, whatever stands in it."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    signing_input = b64(head) + b"." + b64(payload)
    return signing_input + b"." + b64(key.sign(signing_input))


HEADER: dict[str, object] = {"alg": "EdDSA", "typ": TYPE, "kid": KID}
PAYLOAD = msgspec.json.encode(record(**WHO))


def signed(payload: bytes = PAYLOAD, **header: object) -> bytes:
    """The same with these changes in its header, always with a right signature."""
    return forge({**HEADER, **header}, payload)


def with_payload(**facts: object) -> bytes:
    """A rightly signed payload with these fields."""
    return signed(json.dumps({**json.loads(PAYLOAD), **facts}).encode())
