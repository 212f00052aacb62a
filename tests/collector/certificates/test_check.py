"""The public check as strangers reach it: files, ids, keys, extracts, and that nobody's name is on any of it."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from agent.certificates import jws
from agent.certificates.certificate import sign
from agent.certificates.jws import public_key_from_jwk, thumbprint
from agent.certificates.record import Operator
from collector.certificates import check_views, export_views, extract
from collector.certificates.rates import Rate, network_of
from collector.intake import enrolment
from collector.intake.models import StationKey
from collector.parties.models import AuditEntry
from collector.parties.services import Actor
from tests.collector.certificates.test_pages import KEY, OTHER, put
from tests.collector.conftest import chain_of, record
from tests.collector.house import House

ONE = sign(record(operator=Operator(id="op-7", name="Åse Berg")), KEY)
SECRETS = ("Kolding Kommune", "LOT-7", "TAG-1", "op-7", "Åse")


@pytest.fixture(autouse=True)
def _fresh_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_views, "ASKED", Rate(120, 120))
    monkeypatch.setattr(check_views, "HANDED_OUT", Rate(10, 10))


def post(client: Client, *files: tuple[str, bytes], **headers: str) -> str:
    sent = [SimpleUploadedFile(name, data) for name, data in files]
    answer = client.post("/check", {"file": sent}, headers=headers)
    assert answer.status_code == 200, answer.content
    return html.unescape(answer.content.decode())


def test_a_posted_file_gets_one_word_and_its_facts_and_nobodys_name(house: House) -> None:
    put(ONE)
    client = house.stranger()
    shown = post(client, ("c.jws", ONE.compact + b"\n"))
    assert "Holds" in shown
    for fact in ("SER-1", "bench-01", ONE.id, ONE.key_id, "Erased"):
        assert fact in shown
    assert [word for word in SECRETS if word in shown] == []
    assert "Holder" in post(client, ("c.jws", ONE.compact), **{"accept-language": "da"})
    broken = ONE.compact[:-9] + (b"A" if ONE.compact[-9:-8] != b"A" else b"B") + ONE.compact[-8:]
    told = json.loads(post(client, ("a", ONE.compact), ("b", broken), ("c", sign(record(), OTHER).compact),
                           ("d", b"\x89PNG" * 9), accept="application/json"))  # fmt: skip
    assert [one["verdict"] for one in told["files"]] == ["holds", "does_not_hold", "unknown_key", "no_certificate"]


def test_an_id_or_a_labels_text_leads_to_its_page_and_a_number_to_none(house: House) -> None:
    put(ONE)
    client = house.stranger()
    for text in (ONE.id, ONE.id.upper(), f"https://collector.example/check/{ONE.id}", f"benchwipe:{ONE.id}"):
        answer = client.get("/check", {"id": text})
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/check/{ONE.id}")
    for text in ("bench-01-000001", "SER-1", "x" * 5000, "0" * 63):
        assert client.get("/check", {"id": text}).status_code == 400
    assert client.get(f"/check/{'0' * 64}").status_code == 404
    assert client.get("/check/bench-01-000001").status_code == 404
    shown = client.get(f"/check/{ONE.id}").content.decode()
    assert ("Holds" in shown, "SER-1" in shown) == (True, True)
    assert [word for word in SECRETS if word in html.unescape(shown)] == []
    assert client.get(f"/certificates/{ONE.id}").headers["Location"] == f"/check/{ONE.id}"


def test_the_extract_is_signed_by_the_collectors_statement_key_and_holds_nobodys_name(house: House) -> None:
    put(ONE)
    client = house.stranger()
    handed = client.get(f"/check/{ONE.id}.jws")
    assert handed.status_code == 200, handed.content
    keys = {jwk["kid"]: public_key_from_jwk(jwk) for jwk in client.get("/keys.jwks").json()["keys"]}
    assert len(keys) == 3
    told = extract.verify(handed.content, keys)
    assert (told.certificate, told.outcome, told.drive.serial, told.station) == (ONE.id, "erased", "SER-1", "bench-01")
    assert told.key.enrolled_at is not None
    payload = jws.verify(handed.content, keys, typ=extract.TYPE).payload.decode()
    assert [word for word in SECRETS if word in payload] == []
    assert ONE.compact not in handed.content
    with pytest.raises(Exception, match="key"):
        extract.verify(handed.content, {thumbprint(KEY.public_key()): KEY.public_key()})


def test_a_stations_key_is_told_with_the_day_it_was_enrolled_and_retired(house: House) -> None:
    put(ONE)
    client = house.stranger()
    told = client.get(f"/check/keys/{ONE.key_id}").json()
    assert thumbprint(public_key_from_jwk(told)) == told["kid"] == ONE.key_id
    assert told["enrolled_at"].endswith("Z")
    enrolment.revoke(Actor("test"), "bench-01")
    assert client.get(f"/check/keys/{ONE.key_id}").json()["retired_at"].endswith("Z")
    assert "Key retired" in client.get(f"/check/{ONE.id}").content.decode()
    for other in ("x", "x" * 43, "ø" * 43, "../" + ONE.key_id):
        assert client.get(f"/check/keys/{other}").status_code == 404
    StationKey.objects.update(x="A" * 43)
    assert client.get(f"/check/keys/{ONE.key_id}").status_code == 404


def test_who_asks_too_often_is_told_to_wait_and_others_are_not(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    put(ONE)
    monkeypatch.setattr(check_views, "ASKED", Rate(3, 1))
    client = house.stranger()
    assert [client.get(f"/check/{ONE.id}").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert client.get(f"/check/{ONE.id}").headers["Retry-After"] == "60"
    assert client.get(f"/check/{ONE.id}", REMOTE_ADDR="192.0.2.9").status_code == 200
    assert client.get("/check").status_code == 200


def test_a_bucket_fills_again_and_an_address_of_ipv6_is_its_network() -> None:
    now = [0.0]
    rate = Rate(2, 60, clock=lambda: now[0])
    assert [rate.allows("a") for _ in range(3)] == [True, True, False]
    now[0] = 1.0
    assert [rate.allows("a") for _ in range(2)] == [True, False]
    assert network_of("2001:db8::1") == network_of("2001:db8::2") != network_of("2001:db9::1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")


def test_files_that_are_too_large_none_or_too_many_are_answered_in_words(house: House) -> None:
    client = house.stranger()
    assert client.post("/check").status_code == 400
    assert client.post("/check", {"file": SimpleUploadedFile("f", b"x" * (5 << 20))}).status_code == 413
    assert "larger than any certificate" in post(client, ("f", b"x" * (3 << 20)))
    assert "No more files" in post(client, *((f"f{n}", b"x") for n in range(25)))
    hostile = post(client, ("<script>alert(1)</script>\x1b[31m\u202e", b"x"))
    assert "<script>alert" not in hostile.replace("&lt;", "<").split("</h1>")[0]
    assert "\u202e" not in hostile


def test_the_page_is_one_that_the_browsers_script_understands(house: House) -> None:
    shown = house.stranger().get("/check", headers={"accept-language": "da"}).content.decode()
    assert 'data-check="/check/keys/{kid}"' in shown
    assert 'data-word-holds="Holder"' in shown
    for name in ("check.js", "certificate.js", "record.js"):
        assert house.stranger().get(f"/static/{name}").status_code == 200
    assert re.search(r'<script type="module" src="/static/check[^"]*\.js">', shown)


def test_a_file_of_what_was_found_holds_what_the_search_found_and_is_written_down(house: House) -> None:
    pytest.importorskip("xlsxwriter")
    chain = chain_of(KEY, 3)
    put(*chain)
    client = house.client()
    text = b"".join(client.get("/certificates/export/csv", {"q": "SER-2"})).decode("utf-8-sig")
    assert ("SER-2" in text, "SER-1" in text) == (True, False)
    lines = b"".join(client.get("/certificates/export/jsonl")).splitlines()
    assert [json.loads(line)["record"]["sequence"] for line in lines] == [3, 2, 1]
    machine = b"".join(client.get("/certificates/export/csv", {"for": "program"})).decode().splitlines()
    assert len(machine) == 4
    assert b"".join(client.get("/certificates/export/xlsx")).startswith(b"PK")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(client.get("/certificates/export/zip", {"q": "SER-3"}))))
    assert f"{chain[2].id}.jws" in archive.namelist()
    assert AuditEntry.objects.filter(action="certificates.exported").count() == 5
    assert client.get("/certificates/export/exe").status_code == 404


def test_only_so_many_files_are_made_at_once_and_a_reader_who_goes_away_frees_the_place(house: House) -> None:
    put(ONE)
    client = house.client()
    held = [client.get("/certificates/export/csv") for _ in range(export_views.AT_ONCE)]
    refused = client.get("/certificates/export/csv")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
    for one in held:
        one.close()
    again = client.get("/certificates/export/csv")
    assert again.status_code == 200
    again.close()
