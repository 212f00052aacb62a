"""Pages over a real database; the broker is absent, which the pages must say."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey
from sqlalchemy import Engine, make_url, update
from starlette.testclient import TestClient

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
from collector.fleet.live import Live
from collector.intake.judge import Delivery, judge
from collector.intake.link import Link
from collector.intake.signing import Signer
from collector.old.database import connect
from collector.old.enrolment import KeyBook, enrol
from collector.old.intake import Intake
from collector.old.schema import CERTIFICATE_BYTES
from collector.old.store import Store
from collector.old.web import Sources, make_app
from collector.settings import load
from tests.collector.conftest import WHEN, chain_of, drive, record

EVIL = "<script>alert(1)</script>\"'&"
EVIL_SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;"


class Site:
    """The application over a database of its own, and a station that signs."""

    def __init__(self, folder: Path) -> None:
        (folder / "c.toml").write_text("")
        configuration = load(folder / "c.toml")
        self.engine: Engine = connect(make_url(f"sqlite:///{folder}/c.db"))
        self.store = Store(self.engine)
        self.store.prepare()
        self.key = Ed25519PrivateKey.generate()
        self.public = self.key.public_key()
        self.kid = thumbprint(self.public)
        self.stations = configuration.stations_dir
        enrol(self.stations, "bench-01", {self.kid: self.public})
        self.live = Live()
        book = KeyBook(configuration)
        link = Link(configuration, lambda _message: None)
        intake = Intake(self.store, book, link.publish_receipt, Signer(Ed25519PrivateKey.generate()))
        self.client = TestClient(
            make_app(Sources(self.engine, book, self.live, intake, link)), raise_server_exceptions=False
        )

    def put(self, *certificates: Certificate) -> None:
        verdicts = [
            judge(Delivery("t", "bench-01", c.id, c.compact), lambda _station: {self.kid: self.public})
            for c in certificates
        ]
        assert {s.result for s in self.store.keep(verdicts, {self.kid: public_jwk(self.public)["x"]})} == {"stored"}

    def found(self, **ask: str) -> list[str]:
        answer = self.client.get("/api/certificates", params=ask)
        assert answer.status_code == 200, answer.text
        return [row["number"] for row in answer.json()["certificates"]]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    one = Site(tmp_path)
    yield one
    one.engine.dispose()


def test_every_page_is_there_and_carries_the_security_headers(site: Site) -> None:
    for path in ("/", "/certificates", "/quarantine", "/api/certificates", "/api/stations", "/static/style.css"):
        answer = site.client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert 'style="' not in answer.text
    assert '<html lang="en">' in site.client.get("/").text


def test_health_says_that_the_broker_is_away(site: Site) -> None:
    answer = site.client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "degraded"
    assert "No messages come in" in site.client.get("/").text


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
    site.store.keep([judge(Delivery(topic, EVIL, EVIL, EVIL.encode()), lambda _s: {})], {})
    bay = b'{"bay":"1","state":"<script>","drive":{"model":"<script>alert(1)</script>"},"job":null,"rev":1,"ts":""}'
    site.live.read("er/1/bench-01/bay/1/state", bay)
    site.live.read(
        "er/1/bench-01/alarm/x", b'{"severity":"critical","code":"<script>","text":"<script>","since":"<b>"}'
    )
    for path in ("/", "/certificates", f"/certificates/{one.id}", "/quarantine", "/certificates?q=<script>alert(1)"):
        answer = site.client.get(path)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<script>" not in answer.text.replace("<script src=", "")
        assert "&lt;script&gt;" in answer.text, path


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
        named = sign(record(sequence=9, previous="0" * 64, drive=drive(f"A{odd}B"), number="odd"), site.key)
        site.put(named)
        assert site.found(q=odd) == ["odd"]
    assert site.client.get("/certificates", params={"q": odd}).status_code == 200


def test_a_search_of_ten_thousand_characters_is_answered_in_words(site: Site) -> None:
    assert "at most" in site.client.get("/certificates", params={"q": "x" * 10_000}).text
    assert site.client.get("/api/certificates", params={"q": "x" * 10_000}).status_code == 400


@pytest.mark.parametrize("page", ["0", "-1", "abc", "99999999999999999999", "1.5", "", "٣", "999999999"])
def test_bad_page_numbers_show_a_page_that_exists(site: Site, page: str) -> None:
    site.put(*chain_of(site.key, 60))
    for path in ("/certificates", "/quarantine"):
        assert site.client.get(path, params={"page": page}).status_code == 200
    answer = site.client.get("/api/certificates", params={"page": page, "per_page": page}).json()
    assert 1 <= answer["page"] <= answer["pages"]
    assert answer["total"] == 60


def test_paging_shows_every_certificate_once(site: Site) -> None:
    site.put(*chain_of(site.key, 120))
    seen = [n for page in "123" for n in site.found(page=page)]
    assert len(seen) == len(set(seen)) == 120
    assert 'rel="next" href="/certificates?q=TAG&amp;page=2"' in site.client.get("/certificates?q=TAG").text


def test_a_download_is_the_exact_bytes_and_any_jose_library_verifies_it(site: Site) -> None:
    (one,) = chain_of(site.key, 1)
    site.put(one)
    answer = site.client.get(f"/certificates/{one.id}.jws")
    assert answer.content == one.compact
    assert hashlib.sha256(answer.content).hexdigest() == one.id
    assert answer.headers["content-disposition"] == f'attachment; filename="{one.id}.jws"'
    key = OKPKey.import_key(site.client.get(f"/certificates/{one.id}.jwk").json())
    assert jws.deserialize_compact(answer.content, key, algorithms=["EdDSA", "Ed25519"]).payload.startswith(b"{")
    document = site.client.get(f"/api/certificates/{one.id}").json()
    assert document["jws"].encode() == one.compact
    assert document["record"]["drive"]["serial"] == "SER-1"


def test_the_commands_on_the_page_verify_a_certificate_as_they_stand(site: Site, tmp_path: Path) -> None:
    (one,) = chain_of(site.key, 1)
    site.put(one)
    for kind in ("jws", "pem"):
        (tmp_path / f"{one.id}.{kind}").write_bytes(site.client.get(f"/certificates/{one.id}.{kind}").content)
    page = site.client.get(f"/certificates/{one.id}").text
    commands = page.split("<pre")[2].split("<code>")[1].split("</code>")[0].replace("&#39;", "'").replace("&gt;", ">")
    done = subprocess.run(["bash", "-c", commands], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(one.id)
    assert "Signature Verified Successfully" in done.stdout
    assert '"schema":"benchwipe.certificate/1"' in done.stdout


def test_the_proof_is_made_from_the_stored_bytes_and_not_from_a_flag(site: Site) -> None:
    (one,) = chain_of(site.key, 1)
    site.put(one)
    assert "The signature is valid" in site.client.get(f"/certificates/{one.id}").text
    with site.engine.begin() as connection:
        other = sign(record(drive=drive("FORGED")), Ed25519PrivateKey.generate())
        connection.execute(update(CERTIFICATE_BYTES).values(compact=other.compact))
    page = site.client.get(f"/certificates/{one.id}").text
    assert "does NOT hold" in page
    assert "The signature is valid" not in page
    assert site.client.get(f"/api/certificates/{one.id}").json()["proof"]["valid"] is False


def test_a_revoked_key_still_proves_what_was_accepted_and_the_page_says_so(site: Site) -> None:
    (one,) = chain_of(site.key, 1)
    site.put(one)
    (site.stations / "bench-01.jwk").unlink()
    page = site.client.get(f"/certificates/{one.id}").text
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
    page = site.client.get(f"/certificates/{one.id}").text.replace("\u202f", " ")
    for words in ("NOT be erased completely", "1 048 576 bytes", "write: EIO", "7 340 032 bytes", "pulled out"):
        assert words in page


@pytest.mark.parametrize("name", ["x", "0" * 64, "0" * 64 + ".jws", "%00", "..%2f..%2fetc%2fpasswd", "a" * 5000])
def test_what_is_not_there_is_a_404_in_words(site: Site, name: str) -> None:
    assert site.client.get(f"/certificates/{name}").status_code == 404
    assert site.client.get(f"/api/certificates/{name}").status_code == 404


def test_nothing_can_be_written_through_the_web(site: Site) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert site.client.request(method, "/certificates").status_code == 405


def test_a_database_that_is_away_is_a_503_in_words(site: Site) -> None:
    with site.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE certificate RENAME TO gone")
    for path in ("/", "/certificates", "/api/certificates"):
        answer = site.client.get(path)
        assert answer.status_code == 503
        assert "database does not answer" in answer.text
        assert "content-security-policy" in answer.headers


def test_bays_show_words_and_shapes_and_alarms(site: Site) -> None:
    site.live.read("er/1/bench-01/state", b'{"state":"online","boot_id":"b","conn_no":1}')
    site.live.read(
        "er/1/bench-01/bay/1/state",
        b'{"bay":"1","state":"erasing","drive":{"model":"WD Blue","serial":"W1"},"job":"j","rev":1,"ts":""}',
    )
    progress = b'{"bay":"1","job":"j","phase":"pass 1","bytes_done":25,"bytes_total":100,"mb_per_s":151.2,"celsius":41}'
    site.live.read("er/1/bench-01/bay/1/progress", progress)
    site.live.read("er/1/bench-01/alarm/a", b'{"severity":"critical","code":"BW-D04","text":"Dock gone","since":""}')
    page = site.client.get("/").text
    for words in ("▶", "Erasing", "WD Blue W1", "25 %", "151 MB/s", "41 °C", "Dock gone", "BW-D04", "Online"):
        assert words in page
    site.live.read("er/1/bench-01/alarm/a", b"")
    assert "Dock gone" not in site.client.get("/").text


def test_a_station_that_is_not_enrolled_is_shown_with_the_key_to_compare(site: Site) -> None:
    stranger = Ed25519PrivateKey.generate().public_key()
    birth = Birth(
        software={"name": "benchwipe", "version": "1"}, bays=(), capabilities=(), policy_hash="", clock={},
        outbox_depth=7, key=public_jwk(stranger), boot_id="b", ts="",
    )  # fmt: skip
    site.live.read("er/1/bench-77/birth", msgspec.json.encode(birth))
    page = site.client.get("/").text
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
    page = site.client.get(f"/certificates/{phone.id}").text
    assert "Attested, not measured" in page
    assert "Nothing was measured." in page
    assert "It starts empty, like a new one" in page
    assert "All of it was read back" not in page
    assert site.client.get(f"/api/certificates/{phone.id}").json()["record"]["attestation"]["by"] == "ida"
    assert "Attested, not measured" in site.client.get("/certificates").text
