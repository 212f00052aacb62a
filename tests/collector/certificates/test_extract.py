"""An extract says what anybody may know, is signed by the collector alone, and holds nothing of customer or person."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws as joserfc_jws
from joserfc.jwk import OKPKey

from agent.certificates import certificate as certificates
from agent.certificates.certificate import Certificate, claim_of
from agent.certificates.jws import _unb64, public_jwk, thumbprint
from agent.certificates.record import Asset, Disposition, Validation
from agent.certificates.signature import Alg
from agent.errors import CertificateProblem
from collector.certificates import extract as extracts
from collector.certificates.extract import Extract, extract_of, sign, verify
from collector.intake.statements import read
from tests.agent.samples import record
from tests.collector.certificates.samples import KEY, KEYS, KID, attested, erased, forge, not_erased, unread

COLLECTOR = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
COLLECTOR_KEYS = {thumbprint(COLLECTOR.public_key()): COLLECTOR.public_key()}
SECRETS = ("Kolding Kommune", "LOT-7", "Ø-99", "op-17", "Åse", "Teknikker", "TAG-SECRET", "DEV-SERIAL", "note", "Bænk")


def of(certificate: Certificate) -> Extract:
    return extract_of(
        certificate, collector="collector", issued_at="2026-12-01T00:00:00Z", enrolled_at="2026-11-01T00:00:00Z"
    )


@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("make", [erased, unread, attested, not_erased])
def test_an_extract_is_signed_and_comes_back_the_same(make: Callable[[], Certificate], alg: Alg) -> None:
    made = make()
    extract = of(made)
    assert verify(sign(extract, COLLECTOR, alg=alg), COLLECTOR_KEYS) == extract
    assert (extract.certificate, extract.key.kid) == (made.id, KID)
    assert (extract.outcome, extract.claim) == (made.record.outcome, claim_of(made.record))


def test_it_holds_what_the_public_may_know_and_no_more() -> None:
    document = msgspec.to_builtins(of(erased()))
    assert set(document) == {
        "schema", "certificate", "number", "outcome", "claim", "level", "verification", "drive", "finished_at",
        "clock_synchronised", "station", "key", "collector", "issued_at",
    }  # fmt: skip
    assert set(document["drive"]) == {"vendor", "model", "serial", "wwn", "media", "capacity_bytes"}
    assert set(document["key"]) == {"kid", "enrolled_at", "retired_at"}
    assert document["station"] == "bench-01"


def test_nothing_of_customer_tag_or_person_is_in_its_bytes() -> None:
    made = erased(
        asset=Asset(tag="TAG-SECRET", serial="DEV-SERIAL", manufacturer="M", model="X1"),
        disposition=Disposition(grade="A", destination="shop", notes="note"),
        validation=Validation(decision="accepted", by="Åse", at="t"),
    )
    payload = sign(of(made), COLLECTOR).split(b".")[1]
    told = json.dumps(json.loads(_unb64(payload)), ensure_ascii=False)
    assert [secret for secret in SECRETS if secret in told] == []


def test_a_drive_that_steers_a_terminal_steers_nothing_here() -> None:
    drive = msgspec.structs.replace(record().drive, model="\x1b[2J\u202eevil", serial="S\u200b1")
    extract = of(erased(drive=drive))
    assert (extract.drive.model, extract.drive.serial) == ("\\u001b[2J\\u202eevil", "S\\u200b1")


def test_an_independent_library_verifies_it() -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "EdDSA is deprecated")
        token = joserfc_jws.deserialize_compact(
            sign(of(erased()), COLLECTOR),
            OKPKey.import_key({**public_jwk(COLLECTOR.public_key())}),
            algorithms=["EdDSA"],
        )
    assert token.headers()["typ"] == "benchwipe-extract+jws"
    assert json.loads(token.payload)["outcome"] == "erased"


def test_a_station_cannot_make_one_and_one_is_no_certificate() -> None:
    extract = sign(of(erased()), COLLECTOR)
    with pytest.raises(CertificateProblem, match="unknown key"):
        verify(sign(of(erased()), KEY), COLLECTOR_KEYS)
    with pytest.raises(CertificateProblem, match="header"):
        certificates.verify(extract, COLLECTOR_KEYS)
    with pytest.raises(CertificateProblem, match="header"):
        verify(erased().compact, KEYS)
    with pytest.raises(CertificateProblem, match="no statement"):
        read(forge({"alg": "EdDSA", "typ": extracts.TYPE, "kid": KID}, b'{"station":"bench-01"}'), "bench-01", KEYS)


def test_any_changed_byte_and_any_odd_payload_is_refused() -> None:
    compact = sign(of(erased()), COLLECTOR)
    for place in range(0, len(compact), 5):
        changed = bytearray(compact)
        changed[place] ^= 1
        with pytest.raises(CertificateProblem):
            verify(bytes(changed), COLLECTOR_KEYS)
    header: dict[str, object] = {"alg": "EdDSA", "typ": extracts.TYPE, "kid": next(iter(COLLECTOR_KEYS))}
    for payload in (b"", b"{}", b"[" * 9000, b"\xff", b'{"schema":"benchwipe.extract/2"}', compact.split(b".")[0]):
        with pytest.raises(CertificateProblem):
            verify(forge(header, payload, COLLECTOR), COLLECTOR_KEYS)
