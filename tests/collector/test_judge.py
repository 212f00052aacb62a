"""What is believed, and what is not."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from agent.certificates.certificate import sign
from agent.certificates.jws import thumbprint
from collector.intake.judge import Delivery, Rejected, Verified, delivery, judge
from collector.intake.statements import Keys
from tests.collector.conftest import record

KEY = Ed25519PrivateKey.generate()
OTHER = Ed25519PrivateKey.generate()
GOOD = sign(record(), KEY)


def keys_of(station: str) -> Keys:
    """bench-01 has KEY, bench-02 has OTHER."""
    key = {"bench-01": KEY, "bench-02": OTHER}.get(station)
    return {} if key is None else {thumbprint(key.public_key()): key.public_key()}


def sent(payload: bytes, station: str = "bench-01", name: str | None = None) -> Delivery:
    digest = hashlib.sha256(payload).hexdigest() if name is None else name
    found = delivery(f"er/1/{station}/cert/{digest}", payload)
    assert found is not None
    return found


def reason(message: Delivery) -> str:
    verdict = judge(message, keys_of)
    assert isinstance(verdict, Rejected)
    return verdict.reason


def test_a_good_certificate_is_verified() -> None:
    verdict = judge(sent(GOOD.compact), keys_of)
    assert isinstance(verdict, Verified)
    assert verdict.certificate.compact == GOOD.compact


def test_a_certificate_under_another_stations_topic_is_rejected() -> None:
    assert "unknown key" in reason(sent(GOOD.compact, "bench-02"))
    stolen = sign(record(station="bench-01"), OTHER)
    assert "came as bench-02's" in reason(sent(stolen.compact, "bench-02"))


def test_a_stranger_is_rejected_by_name() -> None:
    assert reason(sent(GOOD.compact, "bench-99")) == "station bench-99 is not enrolled"


def test_a_forged_signature_is_rejected() -> None:
    assert "unknown key" in reason(sent(sign(record(), OTHER).compact))
    head, body, _ = GOOD.compact.split(b".")
    _, _, foreign = sign(record(2, "0" * 64), KEY).compact.split(b".")
    assert "signature does not fit" in reason(sent(b".".join((head, body, foreign))))


def test_every_changed_byte_is_noticed() -> None:
    for at in range(0, len(GOOD.compact), 37):
        changed = bytearray(GOOD.compact)
        changed[at] = ord("A") if changed[at] != ord("A") else ord("B")
        assert isinstance(judge(sent(bytes(changed)), keys_of), Rejected), at


def test_a_topic_with_another_hash_is_rejected() -> None:
    assert "SHA-256" in reason(sent(GOOD.compact, name="0" * 64))
    assert "SHA-256" in reason(sent(GOOD.compact, name=GOOD.id.upper()))
    assert "SHA-256" in reason(sent(GOOD.compact, name="x"))


def test_a_sequence_that_no_database_holds_is_rejected() -> None:
    for sequence in (0, -1, 2**63):
        one = sign(record(sequence, "0" * 64), KEY)
        assert isinstance(judge(sent(one.compact), keys_of), Rejected)


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x00", b"\xff\xfe", b"...", b"a.b.c", b"x" * 70_000, b"bnVsbA.bnVsbA.bnVsbA", b"W1tbW1tb." * 2 + b"A"],
)
def test_garbage_is_rejected_and_nothing_is_raised(payload: bytes) -> None:
    assert reason(sent(payload))


def test_json_nested_without_end_is_rejected() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 40_000).rstrip(b"=")
    assert reason(sent(deep + b".e30.AAAA"))


def test_a_reason_is_one_clean_short_line_whatever_the_payload_says() -> None:
    header = {"alg": "EdDSA", "typ": "benchwipe-certificate+jws", "kid": "\ud800\x00\n" + "k" * 5000}
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=")
    said = reason(sent(head + b".e30.AAAA"))
    assert len(said) <= 300
    assert "\n" not in said
    assert "\x00" not in said
    said.encode("utf-8")


@given(st.binary(max_size=300))
def test_no_payload_raises(payload: bytes) -> None:
    assert isinstance(judge(sent(payload), keys_of), Rejected)


@pytest.mark.parametrize(
    "topic", ["er/1/a/cert", "er/1/a/cert/", "er/1//cert/x", "er/2/a/cert/x", "er/1/a/cert/x/y", "x"]
)
def test_other_topics_are_nobodys_certificate(topic: str) -> None:
    assert delivery(topic, b"x") is None
