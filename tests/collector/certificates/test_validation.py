"""A person's decision about an erasure: by whom it may come, what it may accept, and where it is seen."""

from __future__ import annotations

import html
import io
import json
import shutil
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import IO, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from agent.certificates.certificate import Certificate, sign
from agent.certificates.record import Asset, Customer, Drives, Identifier, Operator, Reason, Verification
from collector import guards
from collector.certificates import statements_validation as validation
from collector.certificates.check_views import ASKED
from collector.certificates.report import report
from collector.parties.services import Actor
from collector.statements import policy, rules, services
from collector.statements.errors import NotTheirs, StatementProblem
from collector.statements.models import SignedStatement
from collector.statements.policy import Policy
from tests.collector.certificates.samples import NOTHING
from tests.collector.conftest import record
from tests.collector.house import House
from tests.collector.test_web import Site
from tests.patience import PROGRAM_S

KEY = Ed25519PrivateKey.generate()
FAILED: dict[str, Any] = {
    "outcome": "failed",
    "reason": Reason("BW-E02", "Parts of the drive could not be read", "Destroy it."),
    "sanitization": NOTHING,
    "verification": Verification(kind="none", result="not-run"),
}


def put(site: Site, **facts: Any) -> Certificate:  # noqa: ANN401 - fields of Record
    told = {"customer": Customer(name="Kolding Kommune", lot="L1"), "operator": Operator(id="ida", name="Ida"), **facts}
    one = sign(record(1, None, **told), site.key)
    site.put(one)
    return one


@pytest.fixture
def site(house: House) -> Site:
    house.organisation("Kolding Kommune", "customer")
    return Site(house)


def validator(house: House, **facts: Any) -> Actor:  # noqa: ANN401
    person = house.person("validator", **facts)
    return Actor(person.login, person)


def test_the_newest_decision_counts_and_all_stay(house: House, site: Site) -> None:
    one, who = put(site), validator(house)
    assert [row.id for row in validation.waiting(who.person.sight())] == [one.id]  # type: ignore[union-attr]
    (first,) = validation.validate(who, [one.id], "accepted")
    assert [row.id for row in validation.waiting(who.person.sight())] == []  # type: ignore[union-attr]
    text = site.text(f"/certificates/{one.id}")
    assert "Validation: accepted." in text
    (second,) = validation.validate(who, [one.record.number], "rejected", "a second look")
    text = site.text(f"/certificates/{one.id}")
    assert "Validation: rejected." in text
    assert text.count(first.sha256) == text.count(second.sha256) == 1
    assert "Reason: a second look" in text
    told = rules.verify(bytes(second.compact), services.own_keys()).payload
    assert told["certificates"] == [
        {"id": one.id, "number": one.record.number, "outcome": "erased", "level": "clear", "verification": "full"}
    ]
    assert told["by"]["login"] == "validator"
    assert second.customer is not None
    assert second.customer.name == "Kolding Kommune"


def test_whoever_erased_does_not_decide(house: House, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    one, who = put(site), validator(house, operator_id="IDA")
    with pytest.raises(StatementProblem, match="somebody else has to decide"):
        validation.validate(who, [one.id], "accepted")
    page = html.unescape(house.client("validator").get("/validation").content.decode())
    assert "You did this work: another person decides." in page
    assert SignedStatement.unfiltered.count() == 0
    monkeypatch.setattr(policy, "SOURCES", [lambda _c, _d: Policy(validator_differs=False)])
    assert len(validation.validate(who, [one.id], "accepted")) == 1


def test_where_nobody_has_to_accept_nothing_waits(house: House, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    put(site)
    monkeypatch.setattr(policy, "SOURCES", [lambda _c, _d: Policy(validation=False)])
    assert list(validation.waiting(validator(house).person.sight())) == []  # type: ignore[union-attr]


def test_what_does_not_say_that_data_is_gone_is_accepted_by_nobody(house: House, site: Site) -> None:
    one = put(site, **FAILED)
    with pytest.raises(StatementProblem, match="says failed, and nothing to accept"):
        validation.validate(validator(house), [one.id], "accepted")
    assert len(validation.validate(validator(house), [one.id], "rejected", "destroy it")) == 1


def test_what_somebody_changed_is_accepted_by_nobody(house: House, site: Site) -> None:
    one = put(site, **FAILED)
    guards.drop(connection)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE intake_certificate SET outcome = 'erased'")
        cursor.execute("UPDATE intake_certificatebytes SET compact = %s", [put_aside().compact])
    with pytest.raises(StatementProblem, match="does not hold"):
        validation.validate(validator(house), [one.id], "accepted")


def put_aside() -> Certificate:
    return sign(record(), KEY)


def test_nothing_is_said_of_some_where_one_is_wrong(house: House, site: Site) -> None:
    one = put(site)
    for names, why in (([one.id, "f" * 64], "no certificate"), ([], "between 1"), (["no"], "no certificate")):
        with pytest.raises(StatementProblem, match=why):
            validation.validate(validator(house), names, "accepted")
    with pytest.raises(StatementProblem, match="says why"):
        validation.validate(validator(house), [one.id], "rejected", " ")
    lead = house.person("team_lead")
    with pytest.raises(NotTheirs):
        validation.validate(Actor(lead.login, lead), [one.id], "accepted")
    assert SignedStatement.unfiltered.count() == 0


def test_a_validator_decides_on_the_page_with_one_action(house: House, site: Site) -> None:
    one, client = put(site), house.client("validator")
    assert one.record.number in client.get("/validation").content.decode()
    assert client.post("/validation", {"reject": one.id}).status_code == 400
    assert client.post("/validation", {"reject": one.id, f"reason-{one.id}": "it smells"}).status_code == 302
    assert client.post("/validation", {"accept": one.id}).status_code == 302
    assert client.post("/validation", {"chosen": [one.id], "decision": "accepted"}).status_code == 302
    assert [row.word for row in SignedStatement.unfiltered.order_by("seq")] == ["rejected", "accepted", "accepted"]
    assert "Nothing waits" in client.get("/validation").content.decode()
    danish = client.get("/validation", headers={"accept-language": "da"}).content.decode()
    assert "Intet venter" in danish


def test_the_signed_file_is_given_to_whoever_may_read_the_certificate(house: House, site: Site) -> None:
    one = put(site)
    (row,) = validation.validate(validator(house), [one.id], "accepted")
    kolding, other = house.organisation("Kolding Kommune"), house.organisation("Odense Kommune", "customer")
    address = f"/statements/{row.sha256}.jws"
    asked = {
        "own": house.client("customer_data", kolding, "own"),
        "lead": house.client("team_lead"),
        "finance": house.client("customer_finance", kolding, "finance"),
        "other": house.client("customer_data", other, "other"),
        "stranger": house.stranger(),
    }
    codes = {name: client.get(address).status_code for name, client in asked.items()}
    assert codes == {"own": 200, "lead": 200, "finance": 403, "other": 404, "stranger": 302}
    assert asked["own"].get(address).content == bytes(row.compact)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is missing: apt-get install poppler-utils")
def test_the_pdf_prints_what_was_said(house: House, site: Site) -> None:
    one = put(site)
    validation.validate(validator(house), [one.id], "accepted", "seen by daylight")
    text = printed(site.client.get(f"/certificates/{one.id}.pdf").content)
    assert "seen by daylight" in text
    assert "signed by the collector" in text


def printed(page: bytes) -> str:
    told = subprocess.run(["pdftotext", "-layout", "-", "-"], input=page, capture_output=True, check=True)
    return " ".join(told.stdout.decode().split())


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is missing: apt-get install poppler-utils")
def test_the_pages_in_an_archive_print_what_was_said_as_the_one_page_does(
    house: House, site: Site, tmp_path: Path
) -> None:
    one = put(site)
    before = pages_in(io.BytesIO(sent(site)))
    assert one.id in before
    assert "signed by the collector" not in before, "nobody said anything yet"
    validation.validate(validator(house), [one.id], "accepted", "seen by daylight")
    told = pages_in(io.BytesIO(sent(site)))
    assert all(word in told for word in ("signed by the collector", "seen by daylight"))
    out = tmp_path / "year.zip"
    report(Actor("test"), "Kolding Kommune", date(2026, 1, 1), date(2099, 12, 31), out, "da")
    told = pages_in(out)
    assert all(word in told for word in ("underskrevet af indsamleren", "Validering: godkendt", "seen by daylight"))


def sent(site: Site) -> bytes:
    answer: Any = site.client.get("/certificates/export/zip")
    return b"".join(answer)


def pages_in(archive: IO[bytes] | Path) -> str:
    with zipfile.ZipFile(archive) as opened:
        return " ".join(printed(opened.read(name)) for name in opened.namelist() if name.endswith(".pdf"))


def test_the_public_check_shows_decisions_and_nobodys_name(house: House, site: Site) -> None:
    one = put(site)
    (row,) = validation.validate(
        validator(house, name="Vera Validator"), [one.id], "accepted", "Kolding Kommune said so"
    )
    stranger = house.stranger()
    pages = [stranger.get(f"/check/{name}").content.decode() for name in (one.id, row.sha256)]
    file = SimpleUploadedFile("said.jws", bytes(row.compact) + b"\n")
    pages.append(stranger.post("/check", {"file": file}).content.decode())
    for text in pages:
        assert "Validation" in text
        assert row.sha256 in text
        assert not any(word in text for word in ("Vera", "Kolding", "said so", "Workshop"))
    assert "accepted" in pages[0]
    assert one.id in pages[2]
    wrong = bytes(row.compact)[:-6] + b"AAAAAA"
    for text in (stranger.post("/check", {"file": SimpleUploadedFile("x.jws", wrong)}).content.decode(),):
        assert "Does not hold" in text
    assert ASKED is not None


def command(house: House, *words: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "collector.cli", *words, "--config", str(house.folder / "c.toml")]
    return subprocess.run(whole, capture_output=True, text=True, check=False, timeout=PROGRAM_S)


def test_the_command_speaks_for_a_validator_and_says_how(house: House, site: Site) -> None:
    one = put(site)
    house.person("validator")
    house.person("team_lead", login="tina")
    refused = [
        (command(house, "validate", one.id, "--accept", "--as", "tina"), 1, "BW-C71"),
        (command(house, "validate", one.id, "--accept", "--as", "nobody"), 1, "BW-C71"),
        (command(house, "validate", "nonsense", "--accept", "--as", "validator"), 1, "BW-C70"),
        (command(house, "validate", one.id, "--as", "validator"), 2, "either"),
        (command(house, "validate", "--accept", "--as", "validator"), 2, "at least one"),
    ]
    for done, status, why in refused:
        assert (done.returncode, why in done.stderr) == (status, True), done.stderr
    assert SignedStatement.unfiltered.count() == 0
    first = command(house, "validate", "--accept", one.id, "--as", "validator", "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["statements"][0]["word"] == "accepted"
    second = command(house, "validate", one.id, "--reject", "no", "--as", "validator")
    assert second.returncode == 0, second.stderr
    rows = list(SignedStatement.unfiltered.order_by("seq"))
    assert [row.word for row in rows] == ["accepted", "rejected"]
    told = rules.verify(bytes(rows[0].compact), services.own_keys()).payload
    assert told["by"]["how"].startswith("by command line, ")
    assert rows[0].who.startswith("by command line, ")


def test_the_certificates_page_tells_both_imeis_and_the_drives_that_were_counted(house: House, site: Site) -> None:
    numbers = tuple(Identifier(kind="imei", value=value) for value in ("490154203237518", "490154203999992"))
    one = put(site, asset=Asset(tag="T1", kind="phone", identifiers=numbers, drives=Drives(index=1, of=2)))
    text = html.unescape(site.text(f"/certificates/{one.id}"))
    assert "IMEI 490154203237518; IMEI 490154203999992" in text
    assert "this is drive 1 of 2" in text
