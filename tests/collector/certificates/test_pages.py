"""One certificate as a page: from what was signed, whatever somebody did to its row, its bytes or its key."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection

from agent.certificates import jws
from agent.certificates.certificate import Certificate, sign
from agent.certificates.jws import thumbprint
from agent.certificates.record import Customer, Operator
from collector import guards
from collector.intake import keeping
from collector.intake.judge import Delivery, judge
from collector.intake.models import Certificate as Row
from collector.intake.statements import DISPOSITION
from tests.collector.certificates.samples import NOTHING
from tests.collector.conftest import record
from tests.collector.house import House, enrolled_by

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
ERASED = (
    "The whole drive was erased",
    "The signature is valid",
    '<span class="mark ok"><span aria-hidden="true">✔</span> Erased',
)


def keep(key: Ed25519PrivateKey, station: str, *some: tuple[str, bytes, str]) -> None:
    keys = {thumbprint(key.public_key()): key.public_key()}
    book = enrolled_by(station, key)
    verdicts = [judge(Delivery("t", station, name, body, kind), lambda _: keys) for name, body, kind in some]
    assert [one.reason for one in keeping.keep(verdicts, book) if one.result == "rejected"] == []


def put(*some: Certificate, key: Ed25519PrivateKey = KEY, station: str = "bench-01") -> None:
    keep(key, station, *((one.id, one.compact, "cert") for one in some))


def state(payload: dict[str, Any], key: Ed25519PrivateKey = KEY, station: str = "bench-01") -> bytes:
    body = jws.sign(json.dumps({"station": station, **payload}).encode(), key, typ=DISPOSITION)
    import hashlib

    keep(key, station, (hashlib.sha256(body).hexdigest(), body, "statement"))
    return body


def sql(query: str, *values: str | bytes | bool) -> None:
    """Whoever has the database's password: triggers hold nobody back who drops them."""
    guards.drop(connection)
    with connection.cursor() as cursor:
        cursor.execute(query, values)


def page(house: House, one: Certificate, role: str = "team_lead", language: str = "en", **more: Any) -> str:  # noqa: ANN401
    answer = house.client(role, **more).get(f"/certificates/{one.id}", headers={"accept-language": language})
    assert answer.status_code == 200, answer.content
    return html.unescape(answer.content.decode())


def _cut(part: int, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def made(compact: bytes) -> bytes:
        parts = compact.split(b".")
        parts[part] = base64.urlsafe_b64encode(change(base64.urlsafe_b64decode(parts[part] + b"=="))).rstrip(b"=")
        return b".".join(parts)

    return made


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "nothing left": lambda _: b"",
    "not ASCII": lambda compact: compact[:40] + b"\xff\xfe\x00" + compact[40:],
    "one letter of the signature": lambda compact: (
        compact[:-10] + (b"A" if compact[-10:-9] != b"A" else b"B") + compact[-9:]
    ),
    "cut short": lambda compact: compact[:-20],
    "two parts": lambda compact: compact.rpartition(b".")[0],
    "no JSON within": _cut(1, lambda _: b"\xc3\x28 {"),
    "a list within": _cut(1, lambda _: b"[1, 2]"),
    "nested a thousand deep": _cut(1, lambda _: b"[" * 5000),
    "a figure of 5000 digits": _cut(1, lambda body: body.replace(b'"sequence":1', b'"sequence":' + b"9" * 5000)),
    "another outcome": _cut(1, lambda body: body.replace(b'"erased"', b'"failed"')),
    "another header": _cut(0, lambda head: head.replace(b"benchwipe-certificate", b"benchwipe-receipt")),
    "no algorithm": _cut(0, lambda head: re.sub(rb'"alg":"[^"]+"', b'"alg":"none"', head)),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_bytes_that_were_changed_are_shown_as_not_holding_and_nothing_in_them_is_said(house: House, kind: str) -> None:
    one = sign(record(), KEY)
    put(one)
    sql("UPDATE intake_certificatebytes SET compact = %s", CHANGES[kind](one.compact))
    shown = page(house, one)
    assert "does NOT hold" in shown
    assert [words for words in ERASED if words in shown] == []
    assert "SER-1" not in shown
    client = house.client()
    listed = client.get("/certificates").content.decode()
    assert "Does not hold" in listed
    assert '<span class="mark ok">' not in listed
    document = client.get(f"/api/v1/certificates/{one.id}")
    assert (document.status_code, document.json()["proof"]["valid"]) == (200, False)
    public = house.stranger().get(f"/check/{one.id}")
    assert (public.status_code, "Does not hold" in public.content.decode()) == (200, True)
    assert house.stranger().get(f"/check/{one.id}.jws").status_code == 404
    assert house.stranger().get(f"/check/{one.id}", headers={"accept-language": "da"}).status_code == 200
    for file in ("csv", "jsonl", "xlsx", "zip"):
        answer = client.get(f"/certificates/export/{file}")
        assert answer.status_code == 200
        assert len(b"".join(answer)) > 0
    assert client.get(f"/certificates/{one.id}.pdf").status_code == 404


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("outcome", "erased"),
        ("serial", "ANOTHER"),
        ("asset_tag", "T"),
        ("customer_name", "Odense Kommune"),
        ("number", "bench-01-999999"),
        ("finished_at", "2020-01-01T00:00:00Z"),
        ("operator", "somebody"),
        ("clock_synchronised", False),
    ],
)
def test_a_column_that_was_changed_is_not_believed_and_the_page_says_so(
    house: House, column: str, value: str | bool
) -> None:
    failed = sign(record(outcome="failed", sanitization=NOTHING), KEY)
    put(failed)
    sql(f"UPDATE intake_certificate SET {column} = %s", value)
    shown = page(house, failed)
    assert "a row was changed" in shown
    assert "could NOT be erased completely" in shown
    assert [words for words in (ERASED[0], ERASED[2]) if words in shown] == []
    listed = house.client().get("/certificates").content.decode()
    assert ("Failed" in listed, '<span class="mark ok">' in listed) == (True, False)
    assert "Not erased: destroy" in html.unescape(house.stranger().get(f"/check/{failed.id}").content.decode()) or (
        "Failed" in house.stranger().get(f"/check/{failed.id}").content.decode()
    )


def test_a_key_that_was_put_in_its_place_proves_nothing(house: House) -> None:
    one = sign(record(), KEY)
    put(one)
    forged = sign(record(), OTHER)
    sql("UPDATE intake_stationkey SET x = %s", jws.public_jwk(OTHER.public_key())["x"])
    assert "does NOT hold" in page(house, one)
    sql("UPDATE intake_certificatebytes SET compact = %s", forged.compact)
    assert "does NOT hold" in page(house, one)


def test_the_proof_is_shown_step_by_step_and_stops_where_it_fails(house: House) -> None:
    one = sign(record(), KEY)
    put(one)
    steps = re.findall(r"<li><span aria-hidden=\"true\">(.)</span> [^<]+: <strong>", page(house, one))
    assert steps == ["●"] * 6
    other = sign(record(), OTHER)
    sql("UPDATE intake_certificatebytes SET compact = %s, id = id", other.compact)
    steps = re.findall(r"<li><span aria-hidden=\"true\">(.)</span> [^<]+: <strong>", page(house, one))
    assert steps == ["≠"] + ["◌"] * 5


def test_a_number_that_was_signed_twice_or_is_another_stations_is_a_contradiction(house: House) -> None:
    first = sign(record(1), KEY)
    twice = sign(record(2, previous=first.id, number=" BENCH-01-000001"), KEY)
    put(first, twice)
    elsewhere = sign(record(7, station="bench-02", number="bench-01-000001"), OTHER)
    put(elsewhere, key=OTHER, station="bench-02")
    shown = page(house, first)
    assert "signed this number, or this place in its chain, more than once" in shown
    assert "another station uses this number too" in shown
    assert f'href="/certificates/{twice.id}"' in shown
    assert f'href="/certificates/{elsewhere.id}"' in shown
    assert "Contradiction" in page(house, elsewhere)
    alone = sign(record(3, previous=twice.id), KEY)
    put(alone)
    assert "Contradiction" not in page(house, alone)


def test_a_contradiction_with_another_customers_certificate_shows_nothing_of_it(house: House) -> None:
    kolding = house.organisation("Kolding Kommune", "customer")
    house.organisation("Odense Kommune", "customer")
    first, foreign = sign(record(1), KEY), sign(record(1, customer=Customer(name="Odense Kommune", lot="L9")), KEY)
    put(first, foreign)
    shown = page(house, first, "customer_data", organisation=kolding)
    assert "1 that you may not open" in shown
    assert foreign.id not in shown
    assert "Odense" not in shown


def test_grades_that_came_later_are_shown_and_those_that_do_not_hold_are_told(house: House) -> None:
    one = sign(record(), KEY)
    put(one)
    told = {"certificate_id": one.id, "boot_id": "b1", "seq": 1, "at": "2026-11-22T11:00:00Z"}
    state({**told, "disposition": {"grade": "B", "destination": "Resale"}, "operator": {"id": "op-1", "name": "Ida"}})
    shown = page(house, one)
    assert "B, Resale" in shown
    assert "Ida" in shown
    state({**told, "seq": 9, "disposition": {"grade": "Z"}}, OTHER, "bench-02")
    shown = page(house, one)
    assert "another station's: it changes nothing" in shown
    assert "B, Resale" in shown
    sql("UPDATE intake_statement SET body = %s WHERE station_id = 'bench-01'", b"x.y.z")
    shown = page(house, one)
    assert "B, Resale" not in shown
    assert "does NOT hold" in shown


def test_who_sees_id_and_outcome_sees_no_more_of_it_on_any_page_or_file(house: House) -> None:
    kolding = house.organisation("Kolding Kommune", "customer")
    one = sign(record(operator=Operator(id="op-7", name="Åse Berg")), KEY)
    put(one)
    secret = ("TAG-1", "SER-1", "LOT-7", "op-7", "Åse", "ACME")
    for role, where in (("finance", None), ("customer_finance", kolding)):
        client = house.client(role, where)
        for path in ("/certificates", f"/certificates/{one.id}", f"/api/v1/certificates/{one.id}",
                     "/api/v1/certificates",
                     "/certificates/export/csv", "/certificates/export/jsonl"):  # fmt: skip
            answer = client.get(path)
            text = answer.getvalue().decode() if not answer.streaming else b"".join(answer).decode()
            assert one.id in text, path
            assert [word for word in secret if word in text] == [], path
        assert client.get(f"/certificates/{one.id}.jws").status_code == 403
        assert client.get(f"/certificates/{one.id}.pdf").status_code == 403
        assert client.get("/certificates/export/zip").status_code == 403
    own = house.client("customer_data", kolding, login="d")
    assert own.get(f"/certificates/{one.id}.jws").content == one.compact
    assert "TAG-1" in own.get(f"/certificates/{one.id}").content.decode()
    assert house.client("customer_data", house.organisation("X", "customer"), login="x").get(
        f"/certificates/{one.id}"
    ).status_code == 404  # fmt: skip


def test_the_pdf_is_the_stations_page_with_the_certificate_attached(house: House) -> None:
    pytest.importorskip("fpdf")
    one = sign(record(), KEY)
    put(one)
    made = house.client().get(f"/certificates/{one.id}.pdf")
    assert (made.status_code, made.headers["content-type"]) == (200, "application/pdf")
    from collector.certificates.posted import attached

    assert list(attached(made.content)) == [one.compact]


def test_a_danish_page_says_what_holds_in_danish(house: House) -> None:
    one = sign(record(), KEY)
    put(one)
    house.person("team_lead", language="da")
    shown = page(house, one, language="da")
    for words in ("Hele drevet blev slettet.", "Underskriften er gyldig", "Hvad der blev gjort", "Slettet"):
        assert words in shown
    assert msgspec.json.decode(house.client().get(f"/api/v1/certificates/{one.id}").content)["heading"] == "erased"
    assert Row.unfiltered.count() == 1


def test_damages_by_sql_are_seen_on_both_databases(each_house: House) -> None:
    """Four kinds of changed bytes, a changed column, another key; and numbers that contradict each other."""
    chain = [sign(record(n), KEY) for n in range(1, 9)]
    put(*chain)
    kinds = ("nothing left", "not ASCII", "one letter of the signature", "another outcome")
    for one, kind in zip(chain, kinds, strict=False):
        sql("UPDATE intake_certificatebytes SET compact = %s WHERE id = %s", CHANGES[kind](one.compact), one.id)
        shown = page(each_house, one)
        assert ("does NOT hold" in shown, [words for words in ERASED if words in shown]) == (True, []), kind
    sql("UPDATE intake_certificate SET serial = %s WHERE id = %s", "ANOTHER", chain[4].id)
    shown = page(each_house, chain[4])
    assert "The database says otherwise than what was signed" in shown
    assert "ANOTHER" in shown
    put(sign(record(1, station="bench-02"), OTHER), key=OTHER, station="bench-02")
    sql(
        "UPDATE intake_certificate SET signed_by_id = (SELECT id FROM intake_stationkey WHERE station_id = 'bench-02') "
        "WHERE id = %s",
        chain[5].id,
    )
    assert "does NOT hold" in page(each_house, chain[5])
    elsewhere = sign(record(7, station="bench-02", number="bench-01-000007"), OTHER)
    put(elsewhere, sign(record(9, station="bench-02", number="bench-01-000008"), OTHER), key=OTHER, station="bench-02")
    twice = sign(record(8, previous=chain[6].id, drive=record(9).drive), KEY)
    put(twice)
    assert "another station uses this number too" in page(each_house, chain[6])
    shown = page(each_house, chain[7])
    assert "signed this number, or this place in its chain, more than once" in shown
    assert "another station uses this number too" in shown
    listed = each_house.client().get("/certificates").content.decode()
    assert listed.count("Does not hold") >= 5
