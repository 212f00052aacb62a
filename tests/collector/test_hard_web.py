"""What strangers send: without an end, for another host, from another site, over and over, with others' ids."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from collector import web_server
from collector.parties.doors import PUBLIC, doors_of
from collector.parties.models import AuditEntry
from tests.collector.conftest import Collector, StationClient, chain_of, wait_for
from tests.collector.house import PASSWORD, House
from tests.collector.test_walk import World, addresses, everything, foreign, routes, world
from tests.patience import PROGRAM_S, SOON_S
from tests.slices import some

__all__ = ["world"]
OPEN_TO_FORMS_WITHOUT_A_TOKEN = {"check", "enrol", "enrol/renew"}
"""Routes that answer a POST without our own page's token: the public check, which knows nobody and changes nothing, and
a station's, which no cookie lets in: a code and a signature do."""
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"')


# Requests without an end


def resident(process: int) -> int:
    """KiB of memory that a process holds."""
    told = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", told)[1])  # type: ignore[index]


def until_closed(wire: socket.socket, piece: bytes, most: int) -> int:
    """Send until the other end has enough; how many bytes it took."""
    sent = 0
    wire.settimeout(SOON_S)
    try:
        while sent < most:
            wire.sendall(piece)
            sent += len(piece)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return sent


@pytest.mark.parametrize("kind", ["chunks", "a length of ten gigabytes", "headers"])
def test_a_request_without_an_end_is_cut_off_and_takes_no_memory(collector: Collector, kind: str) -> None:
    before = resident(collector.child("web"))
    head = b"POST /check HTTP/1.1\r\nHost: localhost\r\n"
    piece = b"x" * 65536
    if kind == "chunks":
        head, piece = head + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + piece + b"\r\n"
    elif kind == "headers":
        piece = b"X-Much: " + piece[:1000] + b"\r\n"
    else:
        head += b"Content-Length: 10000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", collector.port), timeout=SOON_S) as wire:
        wire.sendall(head)
        assert until_closed(wire, piece, 256 * 1024 * 1024) < 64 * 1024 * 1024
    assert collector.get("/healthz/web").status_code == 200
    assert resident(collector.child("web")) - before < 100 * 1024


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /check HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /check HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500) + b"\r\n\r\n",
        b"GET  /\x00 HTTP/9.9\r\n\r\n",
        b"\r\n" * 20_000 + b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_nothing_breaks(collector_once: Collector, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", collector_once.port), timeout=SOON_S) as wire:
        wire.sendall(raw)
        wire.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := wire.recv(65536):
            answer += piece
    assert b" 200 " not in answer.partition(b"\r\n")[0]
    assert answer.count(b"HTTP/1.") <= 2, "nobody's second request was hidden in the first"
    assert b"Traceback" not in answer
    assert collector_once.get("/healthz/web").status_code == 200
    assert "Traceback" not in collector_once.log


@pytest.fixture(scope="module")
def collector_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One that all of them ask, with no broker."""
    one = Collector(tmp_path_factory.mktemp("collector"), 1)
    try:
        yield one.start(healthy=False)
    finally:
        one.kill()


class Wire:
    """A channel that is not connected to anything."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from waitress.adjustments import Adjustments
        from waitress.channel import HTTPChannel

        monkeypatch.setattr(HTTPChannel, "__init__", lambda *_: None)
        monkeypatch.setattr(HTTPChannel, "handle_close", lambda _self: None)
        self.channel = web_server.Channel()
        self.channel.adj = Adjustments()
        self.channel.requests, self.channel.requests_lock = [], threading.Lock()
        self.channel.server = self
        self.tasks = 0

    def add_task(self, _channel: object) -> None:
        self.tasks += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(web_server, "HELD", web_server.Held())
    monkeypatch.setattr("collector.web_server.time.monotonic", lambda: now[0])
    return now


HALF = b"POST /check HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


def test_a_byte_now_and_then_keeps_no_connection_for_ever(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch)
    assert wire.channel.received(HALF)
    while not wire.channel.will_close:
        clock[0] += 10
        wire.channel.received(b"x")
        assert clock[0] <= web_server.WITHIN_S + 10
    assert web_server.HELD.total == 0


def test_half_sent_bodies_hold_no_more_than_their_bound_together(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "MOST_HELD", 1_000)
    first, second = Wire(monkeypatch), Wire(monkeypatch)
    assert first.channel.received(HALF + b"x" * 700)
    assert not second.channel.received(HALF + b"x" * 700)
    assert (first.channel.will_close, second.channel.will_close) == (False, True)
    first.channel.handle_close()
    assert web_server.HELD.total == 0
    third = Wire(monkeypatch)
    for _ in range(5):
        assert third.channel.received(HALF[:-4].replace(b"1000", b"300") + b"\r\n\r\n" + b"x" * 300)
    assert (third.tasks > 0, web_server.HELD.total) == (True, 0), "whole requests hold nothing"


def test_a_thousand_connections_that_dribble_stop_neither_a_receipt_nor_a_page(
    collector: Collector, station: StationClient, key: Ed25519PrivateKey
) -> None:
    collector.enrol("bench-01", key)
    wires = [socket.create_connection(("127.0.0.1", collector.port), timeout=SOON_S) for _ in range(1_100)]
    try:
        for round_ in (b"POST /check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n\r\n", b"x", b"x"):
            for wire in wires:
                wire.sendall(round_)
        (certificate,) = chain_of(key, 1)
        station.deliver(certificate)
        assert station.wait(certificate.id)[0].result == "stored"
        assert collector.get("/check").status_code == 200
    finally:
        for wire in wires:
            wire.close()


# Names of hosts


@pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "local host",
                                  "localhost/../x", "[::1", "localhost:x", "169.254.169.254"])  # fmt: skip
@pytest.mark.parametrize("address", ["/", "/check", "/account/login/", "/api/v1/openapi.json", "/healthz", "/metrics"])
def test_a_name_that_is_not_configured_is_refused_on_every_page(house: House, name: str, address: str) -> None:
    answer = house.stranger().get(address, headers={"host": name})
    if name == "" or (address == "/healthz" and answer.status_code == 200):
        assert answer.status_code in (200, 302, 400, 401, 503)
        return
    assert answer.status_code == 400, address
    assert name not in answer.text


def test_a_forwarded_name_counts_for_nothing(house: House) -> None:
    answer = house.stranger().get("/", headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"})
    assert answer.status_code == 302
    assert "evil" not in answer.headers["Location"]
    page = house.client("administrator").get("/people", headers={"X-Forwarded-Host": "evil.example"}).text
    assert "evil" not in page


# Forms of other sites


def posted(world: World, client: Client, data: dict[str, str]) -> dict[str, int]:
    """POST to every route of ours and of the libraries', with one's own ids and another's; the statuses."""
    found = {}
    for pattern, view in routes():
        if pattern.startswith("static/"):
            continue
        for address in addresses(world, pattern):
            found[f"{address} {view.__module__}"] = client.post(address, data).status_code
    return found


@pytest.mark.parametrize("who", ["administrator", None])
def test_a_form_of_another_site_does_nothing_on_any_route(world: World, who: str | None) -> None:
    """Without our page's token, and with one that another site made up."""
    if who is None:
        client = Client(enforce_csrf_checks=True, raise_request_exception=False, SERVER_NAME="localhost")
    else:
        client = Client(enforce_csrf_checks=True, raise_request_exception=False, SERVER_NAME="localhost")
        client.force_login(world.house.person("administrator", None, "walker"))
    before = everything(set())
    for data in some(
        ({"csrfmiddlewaretoken": "x" * 64}, {}, {"login": "administrator", "password": "guess", "id": "x"}), each=3
    ):
        statuses = posted(world, client, data)
        assert len(statuses) > 60
        taken = {address: status for address, status in statuses.items() if status not in (401, 403, 404, 405)}
        assert {a: s for a, s in taken.items() if a.split()[0].strip("/") not in OPEN_TO_FORMS_WITHOUT_A_TOKEN} == {}
    assert everything(set()) == before


def test_a_right_token_from_another_origin_is_refused(house: House) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False, SERVER_NAME="localhost")
    page = client.get("/account/login/").text
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    told = {"csrfmiddlewaretoken": token, "language": "da", "back": "/"}
    for origin in ("http://evil.example", "null", "http://localhost:1"):
        assert client.post("/language", told, headers={"Origin": origin}).status_code == 403
    assert client.post("/language", told, headers={"Origin": "http://localhost"}).status_code == 302


def test_cookies_are_not_read_by_scripts_nor_sent_from_other_sites(house: House) -> None:
    person = house.person("team_lead")
    client = house.stranger()
    client.get("/account/login/")
    person.set_password(PASSWORD)
    person.save()
    assert client.post("/account/login/", {"login": person.login, "password": PASSWORD}).status_code == 302
    found = {cookie.key: (cookie["httponly"], cookie["samesite"]) for cookie in client.cookies.values() if cookie.value}
    assert {"benchwipe_session", "benchwipe_csrf"} <= set(found)
    assert set(found.values()) == {(True, "Lax")}


# Other people's ids


def test_ids_of_another_customer_and_ids_of_nobody_are_answered_alike(world: World) -> None:
    """Nobody learns from an answer that a row of somebody else's is there."""
    client = world.house.client("customer_data", world.own, "walker")
    nobody, told = "f" * 64, {}
    for ending in ("", ".jws", ".jwk", ".pem", ".pdf"):
        other = client.get(f"/certificates/{world.theirs.id}{ending}")
        none = client.get(f"/certificates/{nobody}{ending}")
        told[ending] = (other.status_code, none.status_code)
        pages = [other.getvalue().replace(world.theirs.id.encode(), b""), none.getvalue().replace(nobody.encode(), b"")]
        assert TOKEN.sub(b"", pages[0]) == TOKEN.sub(b"", pages[1])
    assert set(told.values()) == {(404, 404)}
    for address in ("/api/v1/certificates/{}",):
        answers = [client.get(address.format(name)) for name in (world.theirs.id, nobody)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json() == answers[1].json()


ODD = ["-1", "0", "99999999999999999999999", "1e9", "٣", "1;DROP TABLE x", "%00", "..%2f..", "x" * 3000]


@pytest.mark.parametrize("odd", ODD)
def test_odd_ids_are_answered_in_words_on_every_route(world: World, odd: str) -> None:
    client = world.house.client("administrator", None, "walker")
    asked = 0
    for pattern, view in routes():
        if "<" not in pattern or foreign(view):
            continue
        address = "/" + re.sub(r"<[^>]+>", odd, pattern)
        for answer in (client.get(address), client.post(address, {})):
            asked += 1
            assert answer.status_code < 500, address
    assert asked > 20


# Over and over


def test_a_password_is_not_guessed_however_fast_it_is_tried(house: House) -> None:
    """More of them in tests/collector/test_signing_in.py; here through the whole of it, from many addresses."""
    person = house.person("team_lead")
    person.set_password("the right password 1")
    person.save()
    tried = []
    for number in range(12):
        client = house.stranger()
        told = {"login": "team_lead", "password": f"guess {number}"}
        tried.append(client.post("/account/login/", told, REMOTE_ADDR=f"192.0.2.{number}").status_code)
    told = {"login": "team_lead", "password": "the right password 1"}
    last = house.stranger().post("/account/login/", told, REMOTE_ADDR="192.0.2.99")
    assert last.status_code != 302, "not even the right one is looked at now"
    assert AuditEntry.objects.filter(action="person.sign_in_failed").count() >= 5
    assert tried[-1] == 429 or tried[-1] == 200


def test_a_token_is_not_guessed_by_its_beginning(house: House) -> None:
    from collector.parties import tokens
    from collector.parties.services import Actor

    secret = tokens.make(Actor("test"), house.person("team_lead"), "x", ["certificates:read"], 1)
    for guess in (secret[:-1], secret + "x", secret.upper(), secret[:10], "bwc_", "", "\x00", "é" * 40):
        answer = house.stranger().get("/api/v1/certificates", HTTP_AUTHORIZATION=f"Bearer {guess}")
        assert answer.status_code == 401


# Files


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "x\x00y.jws", "\u202ecod.jws", "x" * 5000, "<img src=x>.jws", "'; DROP"]
)
def test_a_files_name_does_nothing_but_name_it(house: House, name: str) -> None:
    answer = house.stranger().post("/check", {"file": SimpleUploadedFile(name, b"no certificate")})
    assert answer.status_code == 200
    assert "<img" not in answer.text
    assert "\u202e" not in answer.text


def test_more_fields_and_files_than_a_form_has_are_refused(house: House) -> None:
    client = house.stranger()
    assert client.post("/check", {f"f{n}": "x" for n in range(2_000)}).status_code == 400
    many = {"file": [SimpleUploadedFile(f"{n}.jws", b"x") for n in range(300)]}
    assert client.post("/check", many).status_code == 400
    assert client.post("/account/login/", {"login": "x" * 3_000_000}).status_code == 400


def test_an_upload_is_answered_or_cut_off_and_leaves_no_file_behind(collector: Collector) -> None:
    """A body larger than any form's; temporary files go with their request."""
    process = collector.child("web")

    def held() -> set[str]:
        names = set()
        for one in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed while we looked
                names.add(str(one.readlink()))
        return {one for one in names if "deleted" in one}

    before = held()
    body = b"--b\r\nContent-Disposition: form-data; name=file; filename=x\r\n\r\n" + b"x" * 30_000_000
    connection = http.client.HTTPConnection("127.0.0.1", collector.port, timeout=PROGRAM_S)
    try:
        connection.request("POST", "/check", body, {"Content-Type": "multipart/form-data; boundary=b"})
        assert connection.getresponse().status in (400, 403, 413)
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        connection.close()

    def gone() -> bool:
        try:
            return held() <= before
        except FileNotFoundError:  # closed between the list and the look
            return False

    wait_for(gone, what="its temporary files are gone")


def test_every_public_page_is_one_that_is_meant_to_be() -> None:
    """A page that became public by mistake is named here."""
    found = {pattern for pattern, view in routes() if PUBLIC in (doors_of(view) or ())}
    assert found == PUBLIC_PAGES


PUBLIC_PAGES = {
    "account/oidc/<str:provider>/begin",
    "account/oidc/<str:provider>/callback",
    "api/<path:rest>",  # leads to the addresses with a version, and shows nothing
    "api/v1/openapi.json",
    "certificates/<str:name>",  # leads a stranger to the public check
    "check",
    "check/<str:name>",
    "check/keys/<str:kid>",
    "effect/method",  # how the figures are calculated, with their sources; of nobody
    "enrol",  # a station's: a code and its signature let it in
    "enrol/ca.crt",  # the authority's certificate is public
    "enrol/renew",
    "healthz",
    "healthz/intake",
    "healthz/web",
    "keys.jwks",
    "language",
    "metrics",  # to this machine, and by token
    "welcome/<str:token>",
}
