"""Both names of Ed25519 are verified wherever something signed is read; a setting says which one is signed."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws as joserfc_jws
from joserfc.jwk import OKPKey

from agent.certificates import certificate, jws, receipt, signature
from agent.certificates.keys import jwk_line, read_public
from agent.certificates.receipt import SignedReceipt
from agent.certificates.record import Disposition
from agent.certificates.signature import ALGS, CHANGE_DAY, Alg, overdue
from agent.commands.work import check
from agent.errors import CertificateProblem, SettingsError
from agent.jobs import chain_events, key_change
from agent.jobs.chain import Span
from agent.jobs.job import Job
from agent.jobs.registrar import Registrar
from agent.jobs.statements import DISPOSITION
from agent.messages import Receipt
from agent.settings import Settings, StationSettings, parse
from agent.uplink import controller_command
from collector.intake.judge import Rejected, Stated, Verified, delivery, judge
from collector.intake.signing import Signer
from tests.agent.engine_rig import drive
from tests.agent.samples import record

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KID = jws.thumbprint(KEY.public_key())
KEYS = {KID: KEY.public_key()}
NAMES: tuple[Alg, ...] = ("EdDSA", "Ed25519")
OTHERS: tuple[object, ...] = (
    "none", "HS256", "ES256", "RS256", "Ed448", "ed25519", "EDDSA", "Ed25519 ", "", None, 7, ["EdDSA"], {"Ed25519": 1},
)  # fmt: skip

both = pytest.mark.parametrize("alg", NAMES)


def header(compact: bytes) -> dict[str, Any]:
    return dict(json.loads(jws._unb64(compact.split(b".")[0])))


def forge(alg: object, typ: str, payload: bytes) -> bytes:
    """A right signature under any name."""
    head = json.dumps({"alg": alg, "kid": KID, "typ": typ}).encode()
    signing_input = jws._b64(head) + b"." + jws._b64(payload)
    return signing_input + b"." + jws._b64(KEY.sign(signing_input))


def a_certificate(alg: object) -> None:
    certificate.verify(forge(alg, certificate.TYPE, msgspec.json.encode(record())), KEYS)


def a_receipt(alg: object) -> None:
    said = SignedReceipt(station="bench-01", certificate="c" * 64, result="stored", stored_at="now")
    sig = forge(alg, receipt.TYPE, msgspec.json.encode(said)).decode()
    if why := receipt.doubt(Receipt(result="stored", stored_at="now", sig=sig), "bench-01", "c" * 64, KEYS):
        raise CertificateProblem(problem=why)


def a_command(alg: object) -> None:
    facts: dict[str, Any] = {"args": {"job": "j"}, "issued": "t", "not_after": "t", "expected_rev": None}
    sig = forge(alg, controller_command.TYPE, json.dumps({"topic": "er/1/x/cmd/cancel/1", **facts}).encode())
    controller_command.read("er/1/x/cmd/cancel/1", json.dumps({**facts, "sig": sig.decode()}).encode(), KEYS)


def through_the_judge(kind: str, compact: bytes) -> None:
    arrived = delivery(f"er/1/bench-01/{kind}/{certificate.certificate_id(compact)}", compact)
    assert arrived is not None
    verdict = judge(arrived, lambda _: KEYS)
    if isinstance(verdict, Rejected):
        raise CertificateProblem(problem=verdict.reason)
    assert isinstance(verdict, Verified | Stated)


def a_certificate_at_the_collector(alg: object) -> None:
    through_the_judge("cert", forge(alg, certificate.TYPE, msgspec.json.encode(record())))


def a_statement_at_the_collector(alg: object) -> None:
    through_the_judge("statement", forge(alg, DISPOSITION, b'{"station":"bench-01"}'))


READERS = (a_certificate, a_receipt, a_command, a_certificate_at_the_collector, a_statement_at_the_collector)
every_reader = pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)


@both
@every_reader
def test_both_names_are_verified_everywhere(read: Callable[[object], None], alg: Alg) -> None:
    read(alg)


@pytest.mark.parametrize("alg", OTHERS, ids=repr)
@every_reader
def test_every_other_name_is_refused_everywhere(read: Callable[[object], None], alg: object) -> None:
    with pytest.raises((CertificateProblem, controller_command.CommandProblem), match="not alg EdDSA or Ed25519"):
        read(alg)


def queued_by(station: Registrar) -> Iterator[tuple[str, str]]:
    """(type, name of the signature) of everything that the station signed and that waits for its receipt."""
    for row in station.ledger.outbox.waiting(100):
        if row.payload.count(b".") == 2:
            told = header(row.payload)
            yield told["typ"], told["alg"]


@pytest.mark.parametrize("named", [None, *NAMES])
def test_the_setting_says_which_name_stands_in_what_a_station_signs(tmp_path: Path, named: Alg | None) -> None:
    about = StationSettings() if named is None else StationSettings(signature_alg=named)
    alg = about.signature_alg
    with closing(Registrar(Settings(station=about), tmp_path)) as station:
        made = station.ledger.issue(lambda position: station._sign(record(position), position))
        job = station.open_job(Job(id="j", bay="A1", drive=drive(), plan=None, created_at="t", certificate_id=made.id))
        station.rate(msgspec.structs.replace(job, disposition=Disposition(grade="A")), None)
        chain_events.tell_gap(station.ledger, station.key, "bench-01", Span(2, 3), "why", alg=alg)
    key_change.replace(tmp_path, "bench-01", alg=alg)
    with closing(Registrar(Settings(station=about), tmp_path)) as station:
        queued = set(queued_by(station))
    kinds = (certificate.TYPE, DISPOSITION, "benchwipe-gap+jws", "benchwipe-key-replaced+jws")
    assert queued == {(kind, named or "EdDSA") for kind in kinds}


@both
def test_the_collectors_receipts_bear_the_name_of_its_setting(alg: Alg) -> None:
    sig = Signer(KEY, alg).receipt("bench-01", "c" * 64, "stored", "now").encode()
    assert header(sig)["alg"] == alg
    assert header(Signer(KEY).receipt("bench-01", "c" * 64, "stored", "now").encode())["alg"] == "EdDSA"


def test_a_name_that_nobody_verifies_cannot_be_set() -> None:
    with pytest.raises(SettingsError) as refused:
        parse({"station": {"signature_alg": "ES256"}}, where="station.toml")
    assert [problem for problem in refused.value.problems if "station.signature_alg" in problem]


@both
def test_an_independent_library_verifies_both_with_the_key_as_it_is_printed(alg: Alg) -> None:
    compact = certificate.sign(record(), KEY, alg=alg).compact
    printed = json.loads(jwk_line(KEY.public_key()))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "EdDSA is deprecated")
        token = joserfc_jws.deserialize_compact(compact, OKPKey.import_key(printed), algorithms=["EdDSA", "Ed25519"])
    assert token.headers()["alg"] == alg


def test_a_key_that_an_earlier_version_printed_is_read_as_ever(tmp_path: Path) -> None:
    file = tmp_path / "old.jwk"
    file.write_text(json.dumps({**json.loads(jwk_line(KEY.public_key())), "alg": "EdDSA"}), "utf-8")
    assert read_public(file).keys() == {KID}


def test_nothing_is_said_before_the_day_and_the_old_name_is_named_from_it_on() -> None:
    assert overdue("EdDSA", CHANGE_DAY - timedelta(days=1)) == ""
    for alg in NAMES:
        assert bool(overdue(alg, CHANGE_DAY)) is (alg == "EdDSA")
    assert f"since {CHANGE_DAY}" in overdue("EdDSA", date(2030, 1, 1))


def test_check_says_it_from_that_day_on(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Settings(), Settings(station=StationSettings(signature_alg="Ed25519"))
    assert not any("signature_alg" in note for note in check.find_notes(old))
    monkeypatch.setattr(signature, "CHANGE_DAY", date(2020, 1, 1))
    assert any("station.signature_alg" in note for note in check.find_notes(old))
    assert not any("signature_alg" in note for note in check.find_notes(new))


def test_the_names_that_are_verified_are_those_that_can_be_signed() -> None:
    assert frozenset(NAMES) == ALGS
