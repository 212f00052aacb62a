"""What a collector gives is held against what was asked; whatever else it is, nothing of it is taken."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.certificates.enrolment import EnrolmentAnswer
from agent.enrolment.collector_tls import key_hash
from agent.enrolment.enrol import checked, tls_key
from agent.enrolment.errors import CollectorSilent

AUTHORITY, CONNECTION = tls_key(), tls_key()
EC_KEY = bytes.fromhex("06072a8648ce3d0201")
"""id-ecPublicKey (RFC 5480, section 2.1.1), as it stands in a certificate."""
USAGE = bytes.fromhex("0603551d25")
"""id-ce-extKeyUsage (RFC 5280, section 4.2.1.12)."""
KEY_ID = bytes.fromhex("0603551d0e")
"""id-ce-subjectKeyIdentifier (RFC 5280, section 4.2.1.2)."""


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def made(station: str = "bench-01", usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name(station)).issuer_name(name("authority"))
    builder = builder.public_key(CONNECTION.public_key()).serial_number(7)
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(CONNECTION.public_key()), critical=False)
    return builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False).sign(AUTHORITY, hashes.SHA256())


def authority() -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name("authority")).issuer_name(name("authority"))
    builder = builder.public_key(AUTHORITY.public_key()).serial_number(1)
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    return builder.sign(AUTHORITY, hashes.SHA256())


def signed_anew(certificate: x509.Certificate, change: Callable[[bytes], bytes]) -> str:
    """Change what is signed, byte for byte, and have the authority sign that: PEM."""
    body = change(certificate.tbs_certificate_bytes)
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256
    signature = AUTHORITY.sign(body, ec.ECDSA(hashes.SHA256()))
    inside = body + algorithm + b"\x03" + long(len(signature) + 1) + b"\0" + signature

    text = base64.encodebytes(b"\x30" + long(len(inside)) + inside).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"


def long(length: int) -> bytes:
    return bytes([length]) if length < 128 else b"\x82" + length.to_bytes(2, "big")


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def take(certificate: str, of: str = "") -> x509.Certificate:
    answer = EnrolmentAnswer(state="enrolled", certificate=certificate, authority=of or pem(authority()))
    return checked(answer, CONNECTION, "bench-01", key_hash(authority()))


def test_what_was_asked_for_is_taken_also_when_it_was_put_together_by_hand() -> None:
    assert take(pem(made())).serial_number == 7
    assert take(signed_anew(made(), lambda body: body)).serial_number == 7


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(EC_KEY, EC_KEY[:-1] + b"\x7f"),  # a kind of key that nobody knows
        lambda body: body.replace(USAGE, KEY_ID),  # the same extension twice
        lambda body: body.replace(USAGE, USAGE[:-1] + b"\x7f"),  # no usage at all
        lambda body: body.replace(bytes.fromhex("06082b06010505070302"), bytes.fromhex("04082b06010505070302")),
        lambda body: body.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020107")),  # version 8
        lambda body: body.replace(b"bench-01", b"\xff\xfe\xfd-0\x001"),
    ],
)
def test_a_certificate_that_the_authority_signed_and_nobody_can_read_is_one_line(
    change: Callable[[bytes], bytes],
) -> None:
    assert change(made().tbs_certificate_bytes) != made().tbs_certificate_bytes
    with pytest.raises(CollectorSilent, match="something else than was asked"):
        take(signed_anew(made(), change))


def test_another_stations_a_servers_and_another_authoritys_are_not_taken() -> None:
    for certificate in ("", "nonsense", pem(made("bench-02")), pem(made(usage=ExtendedKeyUsageOID.SERVER_AUTH))):
        with pytest.raises(CollectorSilent):
            take(certificate)
    with pytest.raises(CollectorSilent):
        take(pem(made()), of=pem(made()))
