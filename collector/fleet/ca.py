"""The collector's own authority (X.509, RFC 5280): its key, and what its certificates look like.

Only the signer's process comes here (signer.py). Two profiles that never pass for each other: a server's certificate
has the extended key usage serverAuth and the names by which it is reached, a client's has clientAuth and one name, a
station's or a collector's.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import stat
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from collector.errors import CollectorError, CollectorKeyProblem
from collector.owned import make_file, make_folder

NAME = "benchwipe collector"
KEY_FILE, CERTIFICATE_FILE = "ca.key", "ca.crt"
YEARS = 20
CURVES = (ec.SECP256R1, ec.SECP384R1)
Key = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


class BadRequest(CollectorError):
    """A certificate was asked for that is not given."""

    code = "BW-C91"
    message = "no certificate for that: {problem}"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate to be made. `names` of a server: host names and addresses; of a client: its one name."""

    profile: str
    names: list[str]
    csr: str
    serial: str
    begins: datetime
    ends: datetime


class RevokedSerial(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that counts no more."""

    serial: str
    at: datetime


class RevocationOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A list of revoked certificates to be signed (RFC 5280, section 5)."""

    number: int
    revoked: list[RevokedSerial]
    ends: datetime


def load_or_make(folder: Path) -> tuple[Key, x509.Certificate]:
    """Load the authority, and make it now if there is none. CollectorKeyProblem if it cannot be used."""
    path = folder / KEY_FILE
    try:
        if not os.path.lexists(path):
            make_folder(folder)
            make_file(path, pem_of(ec.generate_private_key(ec.SECP256R1())))
        mode = path.stat().st_mode
        if stat.S_IMODE(mode) & 0o077:
            raise CollectorKeyProblem(path=path, problem=f"open to others ({stat.filemode(mode)}); chmod 600 it")
        key = load_pem_private_key(path.read_bytes(), None)
        if not isinstance(key, Key):
            raise CollectorKeyProblem(path=path, problem="not a key on an elliptic curve")
        certificate = _certificate(folder / CERTIFICATE_FILE, key)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CollectorKeyProblem(path=path, problem="the authority's key or certificate is not PEM") from None
    except OSError as error:
        raise CollectorKeyProblem(path=path, problem=error.strerror or error) from None
    if _spki(certificate.public_key()) != _spki(key.public_key()):
        raise CollectorKeyProblem(path=path, problem=f"{CERTIFICATE_FILE} beside it belongs to another key")
    return key, certificate


def key_hash(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of the certificate's public key (SubjectPublicKeyInfo, DER): what a code holds."""
    return hashlib.sha256(_spki(certificate.public_key())).hexdigest()


def names_of(certificate: x509.Certificate) -> list[str]:
    """List the names of a server's certificate, or the one of a client's, in order."""
    try:
        told = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    addresses = [str(address) for address in told.get_values_for_type(x509.IPAddress)]
    return sorted([*told.get_values_for_type(x509.DNSName), *addresses])


def new_key() -> Key:
    """Make a key of the kind that everything here has."""
    return ec.generate_private_key(ec.SECP256R1())


def pem_of(key: Key) -> bytes:
    """Write a private key as PEM (PKCS #8)."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def request_for(key: Key, name: str) -> str:
    """Write the request for a certificate (PKCS #10). The signer takes the key out of it, and no name."""
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(name)).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def requested_key(csr: str) -> PublicKey:
    """Take the public key out of a request that the key itself signed. BadRequest."""
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        key, holds = request.public_key(), request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature, UnicodeError):
        raise BadRequest(problem="the request is not a PKCS #10 in PEM") from None
    if not holds:
        raise BadRequest(problem="the request is not signed by its own key")
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, CURVES):
        return key
    raise BadRequest(problem="allowed are keys on P-256, P-384 or Ed25519")


def make(order: Order, key: Key, authority: x509.Certificate) -> bytes:
    """Make a certificate, PEM. BadRequest where the profile does not allow what is asked."""
    public = requested_key(order.csr)
    builder = _builder(order.names[0] if order.names else "", public, order)
    usage = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}.get(order.profile)
    if usage is None or not order.names or (order.profile == "client" and len(order.names) != 1):
        raise BadRequest(problem="allowed are a server with its names, and a client with one")
    builder = builder.issuer_name(authority.subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(of_authority=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False)
    if order.profile == "server":
        builder = builder.add_extension(x509.SubjectAlternativeName(_general(order.names)), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def revocations(order: RevocationOrder, key: Key, authority: x509.Certificate) -> bytes:
    """Sign the list of what is revoked, PEM."""
    now = datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject)
    builder = builder.last_update(now - timedelta(minutes=1)).next_update(order.ends)
    builder = builder.add_extension(x509.CRLNumber(order.number), critical=False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False)
    for one in order.revoked:
        row = x509.RevokedCertificateBuilder().serial_number(int(one.serial, 16)).revocation_date(one.at)
        builder = builder.add_revoked_certificate(row.build())
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _certificate(path: Path, key: Key) -> x509.Certificate:
    """The authority's own certificate, made with the key."""
    if not os.path.lexists(path):
        now = datetime.now(UTC)
        order = Order(
            profile="", names=[], csr="", serial=f"{x509.random_serial_number():x}",
            begins=now - timedelta(days=1), ends=now + timedelta(days=365 * YEARS),
        )  # fmt: skip
        builder = _builder(NAME, key.public_key(), order).issuer_name(_name(NAME))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(of_authority=True), critical=True)
        make_file(path, builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM), 0o644)
    return x509.load_pem_x509_certificate(path.read_bytes())


def _builder(name: str, public: PublicKey, order: Order) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(_name(name)).public_key(public)
    builder = builder.serial_number(int(order.serial, 16))
    builder = builder.not_valid_before(order.begins).not_valid_after(order.ends)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _general(names: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _usage(*, of_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not of_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=of_authority,
        crl_sign=of_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _spki(key: object) -> bytes:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("the authority's key is on an elliptic curve")
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
