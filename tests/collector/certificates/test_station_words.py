"""What stations stated is shown with its contents, in both languages, from the signed bytes alone."""

from __future__ import annotations

import hashlib
import html
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import jws
from agent.certificates.certificate import sign
from collector.intake.models import Statement
from collector.parties.roles import ROLES
from tests.collector.certificates.test_pages import KEY, keep, page, put, sql
from tests.collector.conftest import record
from tests.collector.house import House

ORDERED = {"boot_id": "b", "seq": 1, "at": "2026-11-30T10:11:12.000Z", "operator": {"id": "op-7", "name": "Åse Berg"}}
DRIVE = {"vendor": "Acme", "model": "Disk 500", "serial": "BOX-SERIAL", "wwn": "0x5002", "capacity_bytes": 500_000_000}
CUSTOMER = {"name": "Kolding Kommune", "lot": "2026-47"}
STATED: dict[str, tuple[dict[str, Any], dict[str, str], dict[str, str]]] = {
    "disposition": (
        {"asset": "K-17", "disposition": {"grade": "B", "destination": "Resale", "notes": "scratched lid"}},
        {"Grade and destination": "", "Grade": "B", "Destination": "Resale", "Notes": "scratched lid"},
        {"Karakter og sted": "", "Karakter": "B", "Sted": "Resale", "Noter": "scratched lid"},
    ),
    "box": (
        {"box": "BOX-3", "number": "bench-01-000001", "asset": "K-17", "customer": CUSTOMER, "drive": DRIVE},
        {"Put into the box": "", "Box": "BOX-3", "Drive": "Acme Disk 500", "Serial number": "BOX-SERIAL",
         "Capacity": "500\u202f000\u202f000 bytes", "Customer": "Kolding Kommune", "Lot": "2026-47"},
        {"Lagt i kassen": "", "Kasse": "BOX-3", "Certifikatets nummer": "bench-01-000001"},
    ),
    "no-drive": (
        {"asset": "K-18", "customer": None},
        {"A device without a drive": "", "Asset tag": "K-18"},
        {"En enhed uden drev": "", "Inventarnummer": "K-18"},
    ),
    "drive-count": (
        {"asset": "K-19", "drives": 3},
        {"Drives counted in a device": "", "Asset tag": "K-19", "Drives": "3"},
        {"Drev talt i en enhed": "", "Drev": "3"},
    ),
    "gap": (
        {"first": 4, "last": 9, "why": "a backup was put back"},
        {"Numbers that the station does not know": "", "From number": "4", "To number": "9",
         "Why": "a backup was put back"},
        {"Numre, som stationen ikke kender": "", "Fra nummer": "4", "Til nummer": "9"},
    ),
    "key-replaced": (
        {"key": "NEWKEY", "replaces": "OLDKEY", "last": None},
        {"A new key signs from now on": "", "New key": "NEWKEY", "It replaces": "OLDKEY",
         "Last certificate of the old one": "none"},
        {"En ny nøgle underskriver fra nu af": "", "Ny nøgle": "NEWKEY", "Den erstatter": "OLDKEY"},
    ),
    "weighed": (
        {"grams": 412, "scale": "S-1"},
        {"benchwipe-weighed+jws": "", "grams": "412", "scale": "S-1"},
        {"benchwipe-weighed+jws": "", "grams": "412"},
    ),
}  # fmt: skip


def state(what: str, facts: dict[str, Any], key: Ed25519PrivateKey = KEY, station: str = "bench-01") -> bytes:
    body = jws.sign(json.dumps({"station": station, **ORDERED, **facts}).encode(), key, typ=f"benchwipe-{what}+jws")
    keep(key, station, (hashlib.sha256(body).hexdigest(), body, "statement"))
    return body


def said(house: House, language: str = "en", **more: Any) -> str:  # noqa: ANN401
    answer = house.client("team_lead").get("/stations/bench-01/statements", more, headers={"accept-language": language})
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def has(shown: str, facts: dict[str, str]) -> None:
    for name, value in facts.items():
        if not value:
            assert f"<strong>{name}</strong>" in shown, name
            continue
        plain = shown.replace("<code>", "").replace("</code>", "")
        assert f"<dt>{name}</dt><dd>{value}</dd>" in plain, name


@pytest.mark.parametrize("what", STATED)
def test_each_type_is_shown_with_its_contents_in_both_languages(house: House, what: str) -> None:
    facts, english, danish = STATED[what]
    one = sign(record(), KEY)
    put(one)
    state(what, {**facts, "certificate_id": one.id})
    for shown in (said(house), page(house, one)):
        has(shown, english)
        assert "Åse Berg" in shown
        assert "2026-11-30 10:11:12 UTC" in shown
        assert "does NOT hold" not in shown
    for shown in (said(house, "da"), page(house, one, language="da")):
        has(shown, danish)
        assert "holder" in shown
    document = house.client().get(f"/api/v1/certificates/{one.id}").json()
    assert document["statements"][0]["payload"] == {"station": "bench-01", **ORDERED, **facts, "certificate_id": one.id}


@pytest.mark.parametrize("column", ["body", "typ", "certificate", "sha256", "station_id"])
def test_a_statement_that_was_changed_is_shown_as_not_holding_and_nothing_of_it_is_said(
    each_house: House, column: str
) -> None:
    one, other = sign(record(), KEY), sign(record(2), KEY)
    put(one, other)
    body = state("disposition", {"certificate_id": one.id, "disposition": {"grade": "A", "destination": "Resale"}})
    assert "<dt>Grade</dt><dd>A</dd>" in page(each_house, one)
    put(sign(record(station="bench-02"), KEY), station="bench-02")
    header, _, signature = body.split(b".")
    payload = json.dumps({"station": "bench-01", "certificate_id": one.id, "disposition": {"grade": "A"}}).encode()
    changed: dict[str, str | bytes] = {
        "body": b".".join((header, jws._b64(payload), signature)),
        "typ": "benchwipe-box+jws",
        "certificate": other.id,
        "sha256": "0" * 64,
        "station_id": "bench-02",
    }
    sql(f"UPDATE intake_statement SET {column} = %s", changed[column])
    shown = page(each_house, other if column == "certificate" else one)
    assert "does NOT hold" in shown
    assert "<dt>Grade</dt>" not in shown
    assert "Resale" not in shown
    assert "Grade and destination, signed afterwards" not in shown


def test_what_a_statement_says_steers_no_page_and_no_reader(house: House) -> None:
    one = sign(record(), KEY)
    put(one)
    odd = "a\u202eb\x1b[2J\u200b<script>alert(1)</script>"
    state("box", {"certificate_id": one.id, "box": odd, "drive": ["no", {"object": 1}], "customer": "text",
                  "asset": {"a": odd}, "operator": [1], "at": 5})  # fmt: skip
    state(odd_type := "x" * 40, {"certificate_id": one.id, odd: odd, **{f"f{n}": n for n in range(200)}})
    for shown in (said(house), page(house, one)):
        assert "\u202e" not in shown
        assert "\x1b" not in shown
        assert f"benchwipe-{odd_type}+jws" in shown
        assert "f150" not in shown
    raw = house.client().get(f"/certificates/{one.id}").content.decode()
    assert "<script>alert" not in raw


def test_a_stations_statements_are_read_page_by_page_by_who_reads_every_customers_certificates(house: House) -> None:
    for number in range(1, 62):
        state("drive-count", {"asset": f"K-{number:03d}", "drives": 1})
    first = said(house)
    assert ("K-061" in first, "K-012" in first, "K-011" in first) == (True, True, False)
    after = Statement.objects.order_by("-arrival")[49].arrival
    assert f"after={after}" in first
    second = said(house, after=str(after))
    assert ("K-011" in second, "K-001" in second, "K-012" in second, "Further" in second) == (True, True, False, False)
    own = house.organisation("Kolding Kommune", "customer")
    for role in ROLES:
        where = own if role in ("customer_data", "customer_finance", "auditor") else None
        status = (
            house.client(role, where, f"p-{role}".replace("_", "-")).get("/stations/bench-01/statements").status_code
        )
        assert status == (200 if role in ("administrator", "team_lead", "validator") else 403), role
    assert house.client("administrator").get("/stations/a%1bb/statements").status_code == 404
    assert house.stranger().get("/stations/bench-01/statements").status_code == 302
