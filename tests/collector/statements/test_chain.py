"""What people say is signed by a process of its own, follows the one before it, and stays as it was said."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import DatabaseError, connection, transaction

from agent.certificates import jws, receipt
from agent.certificates.jws import public_jwk, thumbprint
from agent.errors import CertificateProblem
from collector import guards
from collector.intake import signing
from collector.parties.models import AuditEntry
from collector.parties.services import Actor, disable_person
from collector.statements import queries, rules, services, signer
from collector.statements.errors import NoSignature, NotTheirs, StatementProblem
from collector.statements.models import ChainHead, SignedStatement
from collector.statements.services import About, Speaker, say
from tests.collector.house import House, migrate
from tests.patience import PROGRAM_S


def by_page(house: House, role: str = "validator", **facts: Any) -> Speaker:  # noqa: ANN401
    person = house.person(role, **facts)
    return services.speaker(Actor(person.login, person), (role,))


def speak(house: House, name: str = "c" * 64, **payload: Any) -> SignedStatement:  # noqa: ANN401 - JSON
    return say("validation", [About("certificate", name, "accepted")], payload, by_page(house), word="accepted")


def test_each_statement_names_the_one_before_it_and_holds(each_house: House) -> None:
    first, second = speak(each_house, reason="seen"), speak(each_house, "d" * 64)
    told = rules.verify(bytes(second.compact), services.own_keys())
    assert (first.previous, second.previous, told.previous) == ("", first.sha256, first.sha256)
    assert told.kind == "validation"
    assert told.payload["by"]["role"] == "validator"
    assert told.payload["by"]["organisation"] == "Workshop"
    assert services.problems() == []
    assert [row.sha256 for row in queries.about("certificate", "d" * 64)] == [second.sha256]
    assert AuditEntry.objects.filter(action="statement.validation").count() == 2


def test_a_statement_that_is_undone_leaves_no_hole_in_the_chain(each_house: House) -> None:
    first = speak(each_house)
    with transaction.atomic():
        speak(each_house, "d" * 64)
        transaction.set_rollback(True)
    assert speak(each_house, "e" * 64).previous == first.sha256
    assert services.problems() == []


def test_many_who_speak_at_once_make_one_chain(each_house: House) -> None:
    speaker = by_page(each_house)

    def talk(name: str) -> None:
        try:
            for n in range(5):
                say("validation", [About("certificate", name)], {"n": n}, speaker)
        finally:
            connection.close()

    threads = [threading.Thread(target=talk, args=(str(n),)) for n in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(PROGRAM_S)
    assert (SignedStatement.unfiltered.count(), services.problems()) == (20, [])


def test_rows_stay_as_they_are(each_house: House) -> None:
    speak(each_house)
    again = (
        "TRUNCATE statements_signedstatement, statements_subject, statements_commitment"
        if connection.vendor == "postgresql"
        else "INSERT OR REPLACE INTO statements_signedstatement SELECT seq, sha256, previous, kind, 'x', who, said_at, "
        "compact, customer_id, person_id FROM statements_signedstatement"
    )
    for _ in range(2):
        for sql in (
            "UPDATE statements_signedstatement SET word = 'rejected'",
            "DELETE FROM statements_signedstatement",
            "UPDATE statements_subject SET word = 'rejected'",
            "DELETE FROM statements_subject",
            again,
        ):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)
        migrate()


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("UPDATE statements_signedstatement SET kind = 'grade' WHERE seq = 2", "is no statement's"),
        ("UPDATE statements_signedstatement SET previous = 'x' WHERE seq = 2", "its row names another"),
        ("DELETE FROM statements_subject; DELETE FROM statements_signedstatement WHERE seq = 2", "does not follow"),
        ("DELETE FROM statements_subject; DELETE FROM statements_signedstatement WHERE seq = 3", "of another end"),
    ],
)
def test_what_somebody_changed_in_the_database_is_found(house: House, sql: str, why: str) -> None:
    for name in "cde":
        speak(house, name * 64)
    guards.drop(connection)
    with connection.cursor() as cursor:
        for one in sql.split(";"):
            cursor.execute(one)
    assert any(why in line for line in services.problems()), services.problems()


def test_nobody_speaks_without_the_role(house: House) -> None:
    lead = house.person("team_lead")
    with pytest.raises(NotTheirs):
        services.speaker(Actor(lead.login, lead), ("validator",))
    with pytest.raises(NotTheirs):
        services.speaker(Actor("by command line, root"), ("validator",))
    gone = house.person("validator")
    assert services.speaker(Actor(gone.login, gone), ("validator",)).role == "validator"
    with pytest.raises(NotTheirs, match="in Elsewhere"):
        services.speaker(Actor(gone.login, gone), ("validator",), house.organisation("Elsewhere"))
    disable_person(Actor("test"), gone)
    gone.refresh_from_db()
    with pytest.raises(NotTheirs):
        services.speaker(Actor(gone.login, gone), ("validator",))


def test_nothing_else_is_signed_with_this_key(house: House) -> None:
    with pytest.raises(StatementProblem):
        say("settlement", [], {}, by_page(house))
    with pytest.raises(StatementProblem):
        say("validation", [], {"previous_sha256": "x"}, by_page(house))
    for typ in ("benchwipe-receipt+jws", "benchwipe-directory+jws", "benchwipe-certificate+jws"):
        with pytest.raises(NoSignature, match="is signed"):
            services.sign(typ, b"{}")
    assert services.sign("benchwipe-settlement+jws", b"{}").count(b".") == 2
    assert ChainHead.objects.filter(count__gt=0).count() == 0


def test_a_signer_that_dies_is_begun_again(house: House) -> None:
    speak(house)
    process = signer.HAND._process
    assert process is not None
    process.kill()
    process.wait()
    assert speak(house, "d" * 64).previous != ""


def test_a_long_list_is_signed_whole(house: House) -> None:
    row = say("closing", [], {"units": [f"{n:064x}" for n in range(7000)]}, by_page(house, "team_lead"))
    assert len(row.compact) > jws.MAX_BYTES
    assert len(rules.verify(bytes(row.compact), services.own_keys()).payload["units"]) == 7000


# --- statement verify -----------------------------------------------------------------------------------------------


def verify(house: House, data: bytes, *more: str) -> subprocess.CompletedProcess[str]:
    file = house.folder / "one.jws"
    file.write_bytes(data)
    command = [sys.executable, "-m", "collector.cli", "statement", "verify", str(file), *more]
    if "--key" not in more:
        command += ["--config", str(house.folder / "c.toml")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROGRAM_S)


def test_the_command_verifies_any_statement_offline(house: House) -> None:
    compact = bytes(speak(house).compact)
    keys = house.folder / "keys.jwks"
    keys.write_text(json.dumps({"keys": [public_jwk(k) for k in services.own_keys().values()]}))
    done = verify(house, compact + b"\n", "--key", str(keys), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kind"] == "validation"
    own = signing.load_or_make(house.configuration.keys_dir, "receipt")
    said = receipt.SignedReceipt(station="bench-01", certificate="c" * 64, result="stored", stored_at="2026-11-22")
    for data in (receipt.sign(said, own), json.dumps({"result": "stored", "sig": receipt.sign(said, own)})):
        assert verify(house, data.encode()).returncode == 0


WRONG = {
    "changed": (lambda c: c[:-9] + b"AAAAAAAAA", "does not fit"),
    "a stranger's": (lambda _: jws.sign(b"{}", Ed25519PrivateKey.generate(), typ="benchwipe-grade+jws"), "unknown key"),
    "no JWS": (lambda _: b"hello", "three parts"),
    "empty": (lambda _: b"", "three parts"),
}


@pytest.mark.parametrize(("change", "why"), WRONG.values(), ids=WRONG)
def test_the_command_says_what_does_not_hold(house: House, change: Any, why: str) -> None:  # noqa: ANN401
    done = verify(house, change(bytes(speak(house).compact)))
    assert (done.returncode, why in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_says_what_cannot_be_used(house: House) -> None:
    done = verify(house, b"x", "--key", __file__)
    assert (done.returncode, "not a JWK" in done.stderr) == (2, True)
    (house.folder / "empty").mkdir()
    (house.folder / "c.toml").write_text('stations_dir = "empty/stations"\n')
    assert verify(house, b"x").returncode == 2
    assert list((house.folder / "empty").iterdir()) == []


@pytest.mark.parametrize(
    "payload",
    [b'{"kind":"a","kind":"b"}', b"[1]", b'{"a":NaN}', b"\xff", b"[" * 40_000],
    ids=["twice", "list", "nan", "bytes", "nest"],
)
def test_what_readers_read_differently_does_not_hold(payload: bytes) -> None:
    key = Ed25519PrivateKey.generate()
    compact = jws.sign(payload, key, typ="benchwipe-validation+jws")
    with pytest.raises(CertificateProblem):
        rules.verify(compact, {thumbprint(key.public_key()): key.public_key()})


def test_a_certificate_is_no_statement(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    compact = jws.sign(b"{}", key, typ="benchwipe-certificate+jws")
    with pytest.raises(CertificateProblem, match="benchwipe certificate verify"):
        rules.verify(compact, {thumbprint(key.public_key()): key.public_key()})
