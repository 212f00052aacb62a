"""Pages over a real database; the broker is absent, which the pages must say."""

from __future__ import annotations

import hashlib
import html
import subprocess
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from joserfc import jws
from joserfc.jwk import OKPKey

from agent.certificates.attestation import QUESTIONS, Handset, attest
from agent.certificates.certificate import Certificate, sign
from agent.certificates.jws import public_jwk, thumbprint
from agent.certificates.record import (
    Asset,
    Customer,
    Interruption,
    Mismatch,
    Operator,
    Position,
    Reason,
    Sanitization,
    Unreached,
    Verification,
)
from agent.jobs.certify import Circumstances, Occasion, draft_attested
from agent.messages import Birth
from collector import guards
from collector.certificates import search_follow
from collector.fleet.sources import SOURCES, Health
from collector.intake import enrolment
from collector.intake.judge import Delivery, judge
from collector.intake.keeping import keep
from collector.intake.models import CertificateBytes
from collector.parties.services import Actor
from tests.collector.conftest import WHEN, chain_of, drive, record
from tests.collector.house import House, enrolled_by

EVIL = "<script>alert(1)</script>\"'&"
EVIL_SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;"


class Site:
    """The pages over a database of their own, a station that signs, and a team lead who is signed in."""

    def __init__(self, house: House) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.public = self.key.public_key()
        self.kid = thumbprint(self.public)
        self.live = SOURCES.live
        self.client = house.client()
        enrolled_by("bench-01", self.key)

    def put(self, *certificates: Certificate) -> None:
        verdicts = [
            judge(Delivery("t", "bench-01", c.id, c.compact), lambda _station: {self.kid: self.public})
            for c in certificates
        ]
        assert {s.result for s in keep(verdicts, enrolled_by("bench-01", self.key))} == {"stored"}
        search_follow.catch_up()

    def text(self, path: str, **ask: str) -> str:
        return self.client.get(path, ask).content.decode()

    def found(self, **ask: str) -> list[str]:
        answer = self.client.get("/api/v1/certificates", ask)
        assert answer.status_code == 200, answer.content
        return [row["number"] for row in answer.json()["certificates"]]


@pytest.fixture
def site(house: House) -> Site:
    return Site(house)


def test_every_page_is_there_and_carries_the_security_headers(site: Site) -> None:
    for path in ("/", "/certificates", "/quarantine", "/api/v1/certificates", "/api/v1/stations", "/static/style.css"):
        answer = site.client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert b'style="' not in answer.getvalue()
    assert '<html lang="en">' in site.text("/")


def test_health_says_yes_or_no_to_strangers_and_the_page_says_why(site: Site, house: House) -> None:
    for path in ("/healthz", "/healthz/intake", "/healthz/web"):
        assert (house.stranger().get(path).status_code, house.stranger().get(path).json()) == (200, {"status": "ok"})
    SOURCES.intake = lambda: Health(False, "broker localhost:1883 cannot be reached")
    for path in ("/healthz", "/healthz/intake"):
        answer = house.stranger().get(path)
        assert (answer.status_code, answer.json()) == (503, {"status": "degraded"})
    assert house.stranger().get("/healthz/web").status_code == 200
    assert "No messages come in" in site.text("/")


def test_a_hostile_serial_number_is_shown_and_never_run(site: Site) -> None:
    one = sign(
        record(
            number=EVIL,
            drive=drive(EVIL, model=EVIL),
            asset=Asset(tag=EVIL, manufacturer=EVIL),
            customer=Customer(name=EVIL, lot=EVIL),
            reason=Reason(code=EVIL, text=EVIL),
            outcome="failed",
            sanitization=Sanitization(
                level="none",
                level_nist_800_88_r1="none",
                level_ieee_2883="none",
                standard=EVIL,
                method=EVIL,
                technique="",
            ),
            unreached=(Unreached(offset=0, bytes=512, reason=EVIL),),
            interruptions=(Interruption(at=EVIL, reason=EVIL, resumed_at_offset=1),),
        ),
        site.key,
    )
    site.put(one)
    topic = f"er/1/bench-01/cert/{EVIL}"
    keep([judge(Delivery(topic, EVIL, EVIL, EVIL.encode()), lambda _s: {})], enrolled_by("bench-01", site.key))
    bay = b'{"bay":"1","state":"<script>","drive":{"model":"<script>alert(1)</script>"},"job":null,"rev":1,"ts":""}'
    site.live.read("er/1/bench-01/bay/1/state", bay)
    site.live.read(
        "er/1/bench-01/alarm/x", b'{"severity":"critical","code":"<script>","text":"<script>","since":"<b>"}'
    )
    for path in ("/", "/certificates", f"/certificates/{one.id}", "/quarantine", "/certificates?q=<script>alert(1)"):
        answer = site.client.get(path)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode()
        assert "<script>" not in answer.content.decode().replace("<script src=", "")
        assert "&lt;script&gt;" in answer.content.decode(), path


def test_search_finds_by_number_serial_tag_lot_model_and_id(site: Site) -> None:
    chain = chain_of(site.key, 3)
    site.put(*chain)
    for question in ("bench-01-000002", "SER-2", "ser-2", "TAG-2", chain[1].id[:10], chain[1].id, "acme ser-2"):
        assert site.found(q=question) == ["bench-01-000002"], question
    assert len(site.found(q="LOT-7")) == 3
    assert len(site.found(q="ACME 500")) == 3
    assert len(site.found(outcome="erased")) == 3
    assert site.found(outcome="failed") == []
    assert site.found(q="nothing of the kind") == []


@pytest.mark.parametrize("odd", ["%", "_", "'", '"', "\\", "' OR 1=1 --", "\x00", "\ud83d\ude00", "Ø%_'", "/"])
def test_odd_characters_in_a_search_are_themselves(site: Site, odd: str) -> None:
    site.put(*chain_of(site.key, 2))
    odd = odd.encode("utf-16", "surrogatepass").decode("utf-16")
    if odd.strip("\x00"):
        assert site.found(q=odd) == []
        named = sign(record(sequence=9, previous="0" * 64, drive=drive(f"XA{odd}BX"), number="odd"), site.key)
        site.put(named)
        assert site.found(q=f"A{odd}B") == ["odd"]
    assert site.client.get("/certificates", {"q": odd}).status_code == 200


def test_a_search_of_ten_thousand_characters_is_answered_in_words(site: Site) -> None:
    assert "at most" in site.client.get("/certificates", {"q": "x" * 10_000}).content.decode()
    assert site.client.get("/api/v1/certificates", {"q": "x" * 10_000}).status_code == 400


@pytest.mark.parametrize("page", ["0", "-1", "abc", "99999999999999999999", "1.5", "", "٣", "999999999"])
def test_bad_page_numbers_and_places_are_answered_in_words(site: Site, page: str) -> None:
    site.put(*chain_of(site.key, 60))
    for path in ("/certificates", "/quarantine"):
        assert site.client.get(path, {"page": page, "after": page}).status_code == 200
    answer = site.client.get("/api/v1/certificates", {"per_page": page})
    assert answer.status_code in (400, 422) or 1 <= len(answer.json()["certificates"]) <= 60
    assert site.client.get("/api/v1/certificates", {"after": page}).status_code in ((400, 422) if page else (200,))


def test_paging_shows_every_certificate_once(site: Site) -> None:
    site.put(*chain_of(site.key, 120))
    seen: list[str] = []
    after = ""
    while not seen or after:
        answer = site.client.get("/api/v1/certificates", {"after": after}).json()
        seen += [row["number"] for row in answer["certificates"]]
        after = answer["next"]
    assert len(seen) == len(set(seen)) == 120
    assert 'rel="next" href="/certificates?q=TAG&amp;after=' in site.text("/certificates?q=TAG")


def test_a_download_is_the_exact_bytes_and_any_jose_library_verifies_it(site: Site) -> None:
    (one,) = chain_of(site.key, 1)
    site.put(one)
    answer = site.client.get(f"/certificates/{one.id}.jws")
    assert answer.content == one.compact
    assert hashlib.sha256(answer.content).hexdigest() == one.id
    assert answer.headers["content-disposition"] == f'attachment; filename="{one.id}.jws"'
    key = OKPKey.import_key(site.client.get(f"/certificates/{one.id}.jwk").json())
    assert jws.deserialize_compact(answer.content, key, algorithms=["EdDSA", "Ed25519"]).payload.startswith(b"{")
    document = site.client.get(f"/api/v1/certificates/{one.id}").json()
    assert document["jws"].encode() == one.compact
    assert document["record"]["drive"]["serial"] == "SER-1"


def test_the_commands_on_the_page_verify_a_certificate_as_they_stand(site: Site, tmp_path: Path) -> None:
    (one,) = chain_of(site.key, 1)
    site.put(one)
    for kind in ("jws", "pem"):
        (tmp_path / f"{one.id}.{kind}").write_bytes(site.client.get(f"/certificates/{one.id}.{kind}").content)
    page = site.text(f"/certificates/{one.id}")
    commands = page.split("<pre")[2].split("<code>")[1].split("</code>")[0]
    done = subprocess.run(
        ["bash", "-c", html.unescape(commands)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith(one.id)
    assert "Signature Verified Successfully" in done.stdout
    assert '"schema":"benchwipe.certificate/1"' in done.stdout


def test_the_proof_is_made_from_the_stored_bytes_and_not_from_a_flag(site: Site) -> None:
    (one,) = chain_of(site.key, 1)
    site.put(one)
    assert "The signature is valid" in site.text(f"/certificates/{one.id}")
    other = sign(record(drive=drive("FORGED")), Ed25519PrivateKey.generate())
    guards.drop(connection)
    CertificateBytes.objects.update(compact=other.compact)
    page = site.text(f"/certificates/{one.id}")
    assert "does NOT hold" in page
    assert "The signature is valid" not in page
    assert site.client.get(f"/api/v1/certificates/{one.id}").json()["proof"]["valid"] is False


def test_a_revoked_key_still_proves_what_was_accepted_and_the_page_says_so(site: Site) -> None:
    (one,) = chain_of(site.key, 1)
    site.put(one)
    enrolment.revoke(Actor("test"), "bench-01")
    page = site.text(f"/certificates/{one.id}")
    assert "The signature is valid" in page
    assert "no longer enrolled" in page


def test_a_failed_drive_lists_its_ranges_and_says_what_to_do(site: Site) -> None:
    one = sign(
        record(
            outcome="failed",
            sanitization=Sanitization(
                level="none",
                level_nist_800_88_r1="none",
                level_ieee_2883="none",
                standard="s",
                method="zero",
                technique="o",
            ),
            verification=Verification(
                kind="full", result="failed", bytes=512, mismatches=(Mismatch(offset=7_340_032, bytes=512),)
            ),
            unreached=(Unreached(offset=1_048_576, bytes=4096, reason="write: EIO"),),
            interruptions=(Interruption(at=WHEN, reason="pulled out", resumed_at_offset=2_097_152),),
        ),
        site.key,
    )
    site.put(one)
    page = site.text(f"/certificates/{one.id}").replace("\u202f", " ")
    for words in ("NOT be erased completely", "1 048 576 bytes", "write: EIO", "7 340 032 bytes", "pulled out"):
        assert words in page


@pytest.mark.parametrize("name", ["x", "0" * 64, "0" * 64 + ".jws", "%00", "..%2f..%2fetc%2fpasswd", "a" * 5000])
def test_what_is_not_there_is_a_404_in_words(site: Site, name: str) -> None:
    assert site.client.get(f"/certificates/{name}").status_code == 404
    assert site.client.get(f"/api/v1/certificates/{name}").status_code == 404


def test_nothing_can_be_written_through_the_web(site: Site) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert site.client.generic(method, "/certificates").status_code == 405


def test_a_database_that_is_away_is_a_503_in_words(site: Site) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE intake_certificate RENAME TO gone")
    for path in ("/", "/certificates", "/api/v1/certificates"):
        answer = site.client.get(path)
        assert answer.status_code == 503
        assert "database does not answer" in answer.content.decode()
        assert "Content-Security-Policy" in answer.headers


def test_bays_show_words_and_shapes_and_alarms(site: Site) -> None:
    site.live.read("er/1/bench-01/state", b'{"state":"online","boot_id":"b","conn_no":1}')
    site.live.read(
        "er/1/bench-01/bay/1/state",
        b'{"bay":"1","state":"erasing","drive":{"model":"WD Blue","serial":"W1"},"job":"j","rev":1,"ts":""}',
    )
    progress = b'{"bay":"1","job":"j","phase":"pass 1","bytes_done":25,"bytes_total":100,"mb_per_s":151.2,"celsius":41}'
    site.live.read("er/1/bench-01/bay/1/progress", progress)
    site.live.read("er/1/bench-01/alarm/a", b'{"severity":"critical","code":"BW-D04","text":"Dock gone","since":""}')
    page = site.text("/")
    for words in ("▶", "Erasing", "WD Blue W1", "25 %", "151 MB/s", "41 °C", "Dock gone", "BW-D04", "Online"):
        assert words in page
    site.live.read("er/1/bench-01/alarm/a", b"")
    assert "Dock gone" not in site.text("/")


def test_a_station_that_is_not_enrolled_is_shown_with_the_key_to_compare(site: Site) -> None:
    stranger = Ed25519PrivateKey.generate().public_key()
    birth = Birth(
        software={"name": "benchwipe", "version": "1"}, bays=(), capabilities=(), policy_hash="", clock={},
        outbox_depth=7, key=public_jwk(stranger), boot_id="b", ts="",
    )  # fmt: skip
    site.live.read("er/1/bench-77/birth", msgspec.json.encode(birth))
    page = site.text("/")
    assert "Not enrolled" in page
    assert thumbprint(stranger) in page


def test_an_attested_reset_is_told_from_every_measured_erasure(site: Site) -> None:
    at = "2026-11-25T10:00:00Z"
    ida = Operator(id="ida", name="Ida")
    reset = attest(ida, dict.fromkeys(QUESTIONS, True), at=at)
    facts = Circumstances(finished_at=at, clock=record().clock, station=record().station)
    handset = Handset("490154203237518", "KK-4711")
    phone = sign(draft_attested(handset, reset, Occasion("j", at, ida), Position(1, None), facts), site.key)
    site.put(phone, sign(record(2, previous=phone.id), site.key))
    assert site.found(outcome="erased") == ["bench-01-000002"]
    assert site.found(outcome="attested") == ["bench-01-000001"]
    page = site.text(f"/certificates/{phone.id}")
    assert "Attested, not measured" in page
    assert "Nothing was measured." in page
    assert "It starts empty, like a new one" in page
    assert "All of it was read back" not in page
    assert site.client.get(f"/api/v1/certificates/{phone.id}").json()["record"]["attestation"]["by"] == "ida"
    assert "Attested, not measured" in site.text("/certificates")
