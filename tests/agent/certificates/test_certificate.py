"""Signed bytes: ours verify elsewhere, others' do not verify here, and nothing is claimed that is not shown."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from agent.certificates import certificate as c
from agent.certificates.jws import MAX_BYTES, public_jwk, thumbprint
from agent.certificates.record import (
    SCHEMA,
    CapacityProof,
    Customer,
    Health,
    Interruption,
    Mismatch,
    Operator,
    PassRecord,
    Record,
    Sample,
    Sanitization,
    Unreached,
    Verification,
)
from agent.errors import CertificateProblem
from drivers.drives.drive import Writes
from tests.agent.samples import CAPACITY, HASH, record

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {thumbprint(KEY.public_key()): KEY.public_key()}
SIGNED = c.sign(record(), KEY)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
numbers = st.integers(min_value=0, max_value=2**53)
records = st.builds(
    record,
    job=text,
    operator=st.none() | st.builds(Operator, id=text, name=text, title=text),
    customer=st.none() | st.builds(Customer, name=text, lot=text, reference=text),
    interruptions=st.lists(st.builds(Interruption, at=text, reason=text, resumed_at_offset=numbers)).map(tuple),
    sequence=numbers,
    previous=st.none() | text,
)
failures = st.builds(
    lambda unreached, health: record(
        outcome="failed",
        unreached=unreached,
        sanitization=msgspec.structs.replace(
            record().sanitization, level="none", level_nist_800_88_r1="none", level_ieee_2883="none"
        ),
        drive=msgspec.structs.replace(record().drive, health=Health(after=health)),
    ),
    unreached=st.lists(st.builds(Unreached, offset=numbers, bytes=numbers, reason=text)).map(tuple),
    health=st.none() | st.dictionaries(text, st.none() | st.booleans() | numbers | text, max_size=5),
)


@given(made=records | failures)
@settings(max_examples=40, deadline=None)
def test_what_was_signed_comes_back_the_same(made: Record) -> None:
    signed = c.sign(made, KEY)
    verified = c.verify(signed.compact, KEYS)
    assert verified == signed
    assert verified.record == made
    assert verified.id == hashlib.sha256(signed.compact).hexdigest()
    assert verified.file_name == f"{verified.id}.jws"


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 renames it; the contract says EdDSA
@given(made=records)
@settings(max_examples=30, deadline=None)
def test_an_independent_library_verifies_our_bytes(made: Record) -> None:
    signed = c.sign(made, KEY)
    key = OKPKey.import_key({**public_jwk(KEY.public_key()), "kid": signed.key_id})
    token = jws.deserialize_compact(signed.compact, key, algorithms=["EdDSA"])
    assert token.headers() == {"alg": "EdDSA", "kid": signed.key_id, "typ": "benchwipe-certificate+jws"}
    assert signed.key_id == key.thumbprint()
    document = json.loads(token.payload)
    assert document["schema"] == SCHEMA
    assert document["number"] == made.number
    assert document["drive"]["serial"] == made.drive.serial


def test_a_change_of_any_byte_is_refused() -> None:
    compact = SIGNED.compact
    for position in range(len(compact)):
        for flip in (0x01, 0x20, 0x80):
            changed = bytearray(compact)
            changed[position] ^= flip
            with pytest.raises(CertificateProblem):
                c.verify(bytes(changed), KEYS)


def test_nobody_signs_or_accepts_erased_of_a_drive_that_has_not_what_it_shows() -> None:
    false = record(capacity_proof=CapacityProof(result="failed"))
    with pytest.raises(CertificateProblem, match="has not the capacity that it shows"):
        c.sign(false, KEY)
    with pytest.raises(CertificateProblem, match="has not the capacity that it shows"):
        c.verify(forge({"alg": "EdDSA", "typ": c.TYPE, "kid": next(iter(KEYS))}, msgspec.json.encode(false)), KEYS)


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_inserting_removing_or_exchanging_bytes_is_refused(data: st.DataObject) -> None:
    compact = SIGNED.compact
    start = data.draw(st.integers(0, len(compact)))
    end = data.draw(st.integers(start, min(len(compact), start + 40)))
    changed = compact[:start] + data.draw(st.binary(max_size=20)) + compact[end:]
    if changed != compact:
        with pytest.raises(CertificateProblem):
            c.verify(changed, KEYS)


@given(junk=st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_bytes_that_are_no_certificate_are_refused_and_never_crash(junk: bytes) -> None:
    for parse in (lambda b: c.verify(b, KEYS), c.read_unverified):
        with pytest.raises(CertificateProblem):
            parse(junk)


def b64(data: bytes) -> bytes:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def forge(header: dict[str, object] | bytes, payload: bytes, key: Ed25519PrivateKey = KEY) -> bytes:
    """A JWS whose signature is right, whatever stands in it."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    signing_input = b64(head) + b"." + b64(payload)
    return signing_input + b"." + b64(key.sign(signing_input))


HEADER: dict[str, object] = {"alg": "EdDSA", "typ": c.TYPE, "kid": SIGNED.key_id}
PAYLOAD = msgspec.json.encode(record())


def test_the_forge_of_these_tests_makes_what_verifies() -> None:
    assert c.verify(forge(HEADER, PAYLOAD), KEYS).record == record()


@pytest.mark.parametrize(
    "compact",
    [
        forge({**HEADER, "alg": "none"}, PAYLOAD),
        forge({**HEADER, "alg": "HS256"}, PAYLOAD),
        forge({**HEADER, "typ": "JWT"}, PAYLOAD),
        forge({**HEADER, "kid": "x"}, PAYLOAD),
        forge({**HEADER, "kid": "\ud800" * 43}, PAYLOAD),
        forge({**HEADER, "kid": 7}, PAYLOAD),
        forge({**HEADER, "crit": ["exp"]}, PAYLOAD),
        forge({"alg": "EdDSA", "typ": c.TYPE}, PAYLOAD),
        forge(HEADER, PAYLOAD, Ed25519PrivateKey.generate()),
        forge(HEADER, PAYLOAD) + b"\n",
        forge(HEADER, PAYLOAD).rsplit(b".", 1)[0] + b".",
        forge(b"[" * 20_000, PAYLOAD),
        forge(b"null", PAYLOAD),
        forge(HEADER, b'{"health":' * 4_000),
        forge(HEADER, b"[]"),
        forge(HEADER, b"{}"),
        forge(HEADER, PAYLOAD.replace(b"certificate/1", b"certificate/2")),
        forge(HEADER, PAYLOAD.replace(b'"outcome":"erased"', b'"outcome":"wiped"')),
        forge(HEADER, b"\xff"),
        forge(HEADER, PAYLOAD + b" " * MAX_BYTES),
    ],
)
def test_a_right_signature_does_not_make_a_wrong_certificate_right(compact: bytes) -> None:
    with pytest.raises(CertificateProblem):
        c.verify(compact, KEYS)


def test_a_field_of_a_later_version_is_no_reason_to_refuse() -> None:
    payload = json.dumps({**json.loads(PAYLOAD), "colour": "blue"}).encode()
    assert c.verify(forge(HEADER, payload), KEYS).record == record()


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(CertificateProblem, match=rf"unknown key \({SIGNED.key_id}\)"):
        c.verify(SIGNED.compact, {})


def test_a_certificate_that_is_too_large_for_its_way_is_not_signed() -> None:
    gaps = tuple(Unreached(offset=n, bytes=512, reason="read: EIO") for n in range(2000))
    none = msgspec.structs.replace(record().sanitization, level="none")
    with pytest.raises(CertificateProblem, match="at most 65536"):
        c.sign(record(outcome="failed", unreached=gaps, sanitization=none), KEY)


def verified(**facts: Any) -> dict[str, object]:  # noqa: ANN401 - fields of Verification
    """A full, passed verification with these changes."""
    return {"verification": msgspec.structs.replace(record().verification, **facts)}


def done(**facts: Any) -> dict[str, object]:  # noqa: ANN401 - fields of PassRecord
    """The one pass with these changes."""
    sanitization = record().sanitization
    return {
        "sanitization": msgspec.structs.replace(
            sanitization, passes=(msgspec.structs.replace(sanitization.passes[0], **facts),)
        )
    }


@pytest.mark.parametrize(
    "facts",
    [
        {"unreached": (Unreached(offset=0, bytes=512, reason="write: EIO"),)},
        {"schema": "benchwipe.certificate/9"},
        verified(mismatches=(Mismatch(offset=0, bytes=512),)),
        verified(result="failed"),
        verified(result="not-run"),
        verified(bytes=CAPACITY - 512),
        verified(bytes=0),
        verified(writes=Writes(ours=CAPACITY, seen=CAPACITY + 512)),
        verified(blake3="cd" * 32),
        verified(kind="sample", bytes=CAPACITY // 10, result="not-run"),
        verified(kind="sample", bytes=CAPACITY // 10, sample=None),
        verified(kind="sample", bytes=0, sample=Sample(seed="00", locations=2, fraction=0.1)),
        verified(kind="none", result="failed"),
        done(finished_at=None),
        done(bytes=CAPACITY - 512),
        done(bytes=CAPACITY + 512),
        {"sanitization": msgspec.structs.replace(record().sanitization, passes=())},
    ],
)
def test_erased_is_never_said_without_what_it_takes(facts: dict[str, Any]) -> None:
    claim = record(**facts)
    with pytest.raises(CertificateProblem):
        c.sign(claim, KEY)
    with pytest.raises(CertificateProblem):
        c.verify(forge(HEADER, msgspec.json.encode(claim)), KEYS)


@pytest.mark.parametrize("outcome", ["failed", "aborted", "refused"])
def test_nothing_but_erased_claims_a_level(outcome: str) -> None:
    with pytest.raises(CertificateProblem, match="claims level"):
        c.sign(record(outcome=outcome), KEY)


@pytest.mark.parametrize(
    "made",
    [
        lambda: record(verification=Verification(kind="none", result="not-run")),
        lambda: record(
            verification=Verification(
                kind="sample",
                result="passed",
                bytes=CAPACITY // 10,
                sample=Sample(seed="00", locations=2000, fraction=0.1),
            )
        ),
        lambda: record(verification=msgspec.structs.replace(record().verification, expected_blake3=None)),
        lambda: record(
            verification=msgspec.structs.replace(record().verification, writes=Writes(ours=CAPACITY, seen=CAPACITY))
        ),
    ],
    ids=["none by policy", "sampled", "full, nobody knows the expected hash", "counted, and all of it was ours"],
)
def test_what_a_policy_allows_can_be_certified(made: Callable[[], Record]) -> None:
    assert c.verify(c.sign(made(), KEY).compact, KEYS).record.outcome == "erased"


def test_every_pass_counts_not_only_the_last() -> None:
    first = PassRecord(number=1, pattern="00", bytes=512, started_at="t", finished_at="t")
    passes = (first, msgspec.structs.replace(record().sanitization.passes[0], number=2))
    sanitization: Sanitization = msgspec.structs.replace(record().sanitization, passes=passes)
    with pytest.raises(CertificateProblem, match="did not cover the whole drive"):
        c.sign(record(sanitization=sanitization), KEY)


def test_the_expected_hash_of_the_samples_is_what_the_rules_look_at() -> None:
    assert record().verification.blake3 == record().verification.expected_blake3 == HASH


def test_read_unverified_shows_a_certificate_of_an_unknown_key() -> None:
    assert c.read_unverified(SIGNED.compact) == SIGNED
