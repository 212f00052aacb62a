"""A PDF signed with the collector's statement key, unseen (a seal that is seen breaks PDF/A), by pyHanko.

The certificate is the key's own: self-signed, made from the same key each time. It says which key it was; that this key
is the collector's, one knows from /keys.jwks, as with every other signature of it.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from agent.certificates.jws import thumbprint

FIELD = "Signature1"
YEARS = timedelta(days=20 * 365)
"""Longer than any file is kept: the bookkeeping act asks for five years."""


def certificate_of(key: Ed25519PrivateKey, organisation: str, begins: datetime) -> bytes:
    """Make the key's own X.509 certificate (RFC 5280; Ed25519 as in RFC 8410), DER."""
    public = key.public_key()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64] or "benchwipe"),
            x509.NameAttribute(NameOID.COMMON_NAME, thumbprint(public)),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(int.from_bytes(public.public_bytes_raw()[:16], "big") >> 1)
        .not_valid_before(begins - timedelta(days=1))
        .not_valid_after(begins + YEARS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )
    return builder.sign(key, None).public_bytes(serialization.Encoding.DER)


def sign_pdf(data: bytes, key: Ed25519PrivateKey, organisation: str, at: str) -> bytes:
    """Sign a PDF as an incremental update: the pages stay byte for byte (ISO 32000-1, 12.8)."""
    from asn1crypto import keys
    from asn1crypto import x509 as asn1_x509
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    begins = datetime.fromisoformat(at.replace("Z", "+00:00")).astimezone(UTC).replace(microsecond=0)
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    signer = signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(certificate_of(key, organisation, begins)),
        signing_key=keys.PrivateKeyInfo.load(private),
        cert_registry=SimpleCertificateStore(),
    )
    told = signers.PdfSignatureMetadata(
        field_name=FIELD, md_algorithm="sha512", subfilter=fields.SigSeedSubFilter.PADES
    )
    unseen = fields.InvisSigSettings(set_print_flag=True, set_hidden_flag=False, box_out_of_bounds=False)
    spec = fields.SigFieldSpec(FIELD, box=None, invis_sig_settings=unseen)
    out = io.BytesIO()
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    signers.PdfSigner(told, signer, new_field_spec=spec).sign_pdf(writer, output=out)
    return out.getvalue()
