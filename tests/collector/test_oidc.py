"""Sign-in at a provider: a real HTTP server with discovery, keys and RS256 tokens, and tokens that must not count."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.test import Client

from collector.parties import invitations, links, services
from collector.parties.models import AuditEntry, Person
from collector.parties.services import Actor
from collector.parties.tenants import Provider
from tests.collector.house import House

TENANT = "11111111-2222-3333-4444-555555555555"
ACTOR = Actor("test")
Change = Callable[[dict[str, Any]], None]


class Entra:
    """A provider of our own. It answers a code with whatever token the test wants."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.claims: dict[str, Any] = {"tid": TENANT, "oid": "object-1", "name": "Kirsten", "email": "k@example.dk"}
        self.change: Change = lambda _claims: None
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(
            claims, self.key, "RS256", headers={"kid": "k1"}
        )
        self.asked: dict[str, str] = {}
        self.codes: dict[str, dict[str, str]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_args: object) -> None:
                """Say nothing."""

            def answer(self, document: object, status: int = 200) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self.answer(outer.jwks() if self.path == "/keys" else outer.described())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                told = {name: values[0] for name, values in parse_qs(body).items()}
                self.answer(*outer.token(told))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def described(self) -> dict[str, str]:
        ends = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        return {"issuer": f"{self.address}/{TENANT}/v2.0", **{name: self.address + end for name, end in ends.items()}}

    def jwks(self) -> dict[str, Any]:
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": "k1", "use": "sig"}]}

    def authorize(self, where: str) -> str:
        """What its page does once somebody signed in there: a code for the address that asked."""
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = self.asked
        return code

    def token(self, told: dict[str, str]) -> tuple[dict[str, Any], int]:
        asked = self.codes.pop(told.get("code", ""), None)
        digest = hashlib.sha256(told.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or told.get("client_secret") != "very secret":
            return {"error": "invalid_grant"}, 400
        now = int(time.time())
        claims = {
            "iss": self.described()["issuer"],
            "aud": "our-client",
            "iat": now,
            "exp": now + 600,
            "nonce": asked["nonce"],
            **self.claims,
        }
        self.change(claims)
        return {"id_token": self.sign(claims)}, 200


@pytest.fixture
def entra(house: House) -> Iterator[Entra]:
    one = Entra()
    settings.COLLECTOR_OIDC = (Provider("work", "Kolding", one.address, TENANT, "our-client", "very secret"),)
    yield one
    one.server.shutdown()
    settings.COLLECTOR_OIDC = ()


def go(client: Client, entra: Entra, invitation: str = "") -> Any:  # noqa: ANN401
    """There and back, as a browser does it."""
    page = client.post("/account/oidc/work/begin", {"invitation": invitation})
    (where,) = re.findall(r'href="(http[^"]*authorize[^"]*)"', page.text)
    code = entra.authorize(where.replace("&amp;", "&"))
    return client.get("/account/oidc/work/callback", {"code": code, "state": entra.asked["state"]})


def member(house: House, entra: Entra) -> Any:  # noqa: ANN401
    """Somebody whose identity is linked."""
    token = invitations.invite(ACTOR, house.organisation(), "team_lead", name="Kirsten")
    client = house.stranger()
    assert go(client, entra, token).status_code == 302
    return SocialAccount.objects.get().user


def test_an_invitation_links_an_identity_and_it_signs_in_from_then_on(house: House, entra: Entra) -> None:
    person = member(house, entra)
    assert SocialAccount.objects.get().uid == f"{TENANT}:object-1"
    assert not person.has_usable_password()
    client = house.stranger()
    assert go(client, entra).status_code == 302
    assert client.get("/").status_code == 200
    assert AuditEntry.objects.filter(action="person.signed_in").latest("pk").detail == {"by": "oidc"}


def test_nobody_comes_in_who_was_not_invited(house: House, entra: Entra) -> None:
    client = house.stranger()
    assert go(client, entra).status_code == 403
    assert client.get("/").status_code == 302
    assert Person.objects.count() == 0


def test_the_same_e_mail_with_another_object_is_another_person(house: House, entra: Entra) -> None:
    person = member(house, entra)
    person.email = "k@example.dk"
    person.save()
    entra.claims["oid"] = "object-2"
    entra.claims["preferred_username"] = entra.claims["upn"] = person.login
    client = house.stranger()
    assert go(client, entra).status_code == 403
    assert client.get("/").status_code == 302


def changed(**claims: Any) -> Change:  # noqa: ANN401
    return lambda told: told.update(claims)


ATTACKS: dict[str, Change] = {
    "another tenant": changed(tid="99999999-2222-3333-4444-555555555555"),
    "another nonce": changed(nonce="another"),
    "another audience": changed(aud="another-client"),
    "another issuer": changed(iss="https://evil.example/v2.0"),
    "expired": changed(exp=int(time.time()) - 3600, iat=int(time.time()) - 7200),
    "issued in the future": changed(iat=int(time.time()) + 7200, nbf=int(time.time()) + 7200),
    "no nonce": lambda told: told.pop("nonce"),
    "no tenant": lambda told: told.pop("tid"),
    "no object": lambda told: told.pop("oid"),
    "an empty object": changed(oid=""),
    "an object that is none": changed(oid=["object-1"]),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_token_that_is_not_for_us_now_lets_nobody_in(house: House, entra: Entra, attack: str) -> None:
    member(house, entra)
    entra.change = ATTACKS[attack]
    client = house.stranger()
    assert go(client, entra).status_code == 403
    assert client.get("/").status_code == 302
    assert AuditEntry.objects.latest("pk").action == "person.sign_in_failed"


def test_a_token_that_is_not_signed_by_the_provider_lets_nobody_in(house: House, entra: Entra) -> None:
    member(house, entra)
    stranger = rsa.generate_private_key(65537, 2048)
    public = entra.key.public_key()
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def confused(claims: dict[str, Any]) -> str:
        """HS256 with the public key as the secret, as careless libraries take it."""
        head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"k1"}').rstrip(b"=")
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
        import hmac

        mac = base64.urlsafe_b64encode(hmac.digest(pem, head + b"." + body, "sha256")).rstrip(b"=")
        return b".".join((head, body, mac)).decode()

    for sign in (
        lambda claims: jwt.encode(claims, "", "none", headers={"kid": "k1"}),
        lambda claims: jwt.encode(claims, stranger, "RS256", headers={"kid": "k1"}),
        lambda claims: jwt.encode(claims, stranger, "RS256", headers={"kid": "k2"}),
        lambda claims: jwt.encode(claims, entra.key, "RS256"),
        confused,
        lambda _claims: "nonsense",
        lambda _claims: "",
    ):
        entra.sign = sign
        client = house.stranger()
        assert go(client, entra).status_code == 403
        assert client.get("/").status_code == 302


def test_an_answer_that_belongs_to_no_sign_in_here_lets_nobody_in(house: House, entra: Entra) -> None:
    member(house, entra)
    victim, attacker = house.stranger(), house.stranger()
    page = attacker.post("/account/oidc/work/begin")
    (where,) = re.findall(r'href="(http[^"]*authorize[^"]*)"', page.text)
    code = entra.authorize(where.replace("&amp;", "&"))
    answer = {"code": code, "state": entra.asked["state"]}
    assert victim.get("/account/oidc/work/callback", answer).status_code == 403, "another browser's code"
    assert attacker.get("/account/oidc/work/callback", {**answer, "state": "x"}).status_code == 403
    assert attacker.get("/account/oidc/work/callback", answer).status_code == 403, "what was kept is used once"


def test_a_disabled_persons_identity_lets_nobody_in(house: House, entra: Entra) -> None:
    person = member(house, entra)
    services.disable_person(ACTOR, person)
    assert go(house.stranger(), entra).status_code == 403


def test_somebody_signed_in_links_their_own_identity_and_takes_no_others(house: House, entra: Entra) -> None:
    client = house.client("validator")
    assert go(client, entra).headers["Location"] == "/me"
    assert SocialAccount.objects.get().user.login == "validator"
    assert go(house.client("team_lead"), entra).status_code == 403
    assert SocialAccount.objects.get().user.login == "validator"


def test_an_invitation_that_ended_links_nothing(house: House, entra: Entra) -> None:
    token = invitations.invite(ACTOR, house.organisation(), "team_lead")
    links.withdraw("invitation")
    assert go(house.stranger(), entra, token).status_code == 403
    assert SocialAccount.objects.count() == Person.objects.count() == 0


def test_a_provider_that_does_not_answer_is_one_sentence(house: House, entra: Entra) -> None:
    entra.server.shutdown()
    entra.server.server_close()
    answer = house.stranger().post("/account/oidc/work/begin")
    assert answer.status_code == 403
    assert "Kolding" in answer.text


def test_somebody_without_a_password_adds_a_second_factor_after_signing_in_at_the_provider_again(
    house: House, entra: Entra
) -> None:
    """Nothing that guards an account is changed in an old session; here there is no password to ask for."""
    member(house, entra)
    client = house.stranger()
    go(client, entra)
    sent = client.get("/account/2fa/totp/activate/")
    assert sent.status_code == 302
    assert sent["Location"].startswith("/account/oidc/work/again?next=")
    page = client.get(sent["Location"])
    assert (page.status_code, "Sign in at Kolding" in page.text) == (200, True)
    onward = client.post("/account/oidc/work/begin", {"again": "/account/2fa/totp/activate/"})
    (where,) = re.findall(r'href="(http[^"]*authorize[^"]*)"', onward.text)
    code = entra.authorize(where.replace("&amp;", "&"))
    assert entra.asked["prompt"] == "login"
    back = client.get("/account/oidc/work/callback", {"code": code, "state": entra.asked["state"]})
    assert (back.status_code, back["Location"]) == (302, "/account/2fa/totp/activate/")
    assert client.get("/account/2fa/totp/activate/").status_code == 200
    assert SocialAccount.objects.count() == 1


def again(client: Client, entra: Entra, onward: str = "/me") -> Any:  # noqa: ANN401
    page = client.post("/account/oidc/work/begin", {"again": onward})
    (where,) = re.findall(r'href="(http[^"]*authorize[^"]*)"', page.text)
    code = entra.authorize(where.replace("&amp;", "&"))
    return client.get("/account/oidc/work/callback", {"code": code, "state": entra.asked["state"]})


def test_another_account_at_the_provider_proves_nothing_and_links_nothing(house: House, entra: Entra) -> None:
    member(house, entra)
    client = house.stranger()
    go(client, entra)
    entra.claims["oid"] = "object-2"
    assert again(client, entra).status_code == 403
    assert SocialAccount.objects.count() == 1
    assert client.get("/account/2fa/totp/activate/").status_code == 302


@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_the_way_back_leads_to_no_other_site(house: House, entra: Entra, onward: str) -> None:
    member(house, entra)
    client = house.stranger()
    go(client, entra)
    assert again(client, entra, onward)["Location"] == "/me"


def test_an_old_proof_counts_no_more(house: House, entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    member(house, entra)
    client = house.stranger()
    go(client, entra)
    again(client, entra)
    assert client.get("/account/2fa/totp/activate/").status_code == 200
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 301)
    assert client.get("/account/2fa/totp/activate/").status_code == 302


def test_an_identity_is_unlinked_by_its_person_or_an_administrator_and_signs_in_no_more(
    house: House, entra: Entra
) -> None:
    person = member(house, entra)
    client = house.stranger()
    go(client, entra)
    (identity,) = SocialAccount.objects.all()
    assert identity.uid in client.get("/me").text
    refused = client.post(f"/me/identities/{identity.pk}/unlink")
    assert (refused.status_code, "could not sign in without it" in refused.text) == (403, True)
    person.set_password("a long enough password")
    person.save()
    go(client, entra)  # a new password ends the sessions of before
    other = house.client("team_lead", login="other")
    assert other.post(f"/me/identities/{identity.pk}/unlink").status_code == 404
    assert client.post(f"/me/identities/{identity.pk}/unlink").status_code == 302
    assert SocialAccount.objects.count() == 0
    assert AuditEntry.objects.latest("pk").action == "identity.unlinked"
    assert go(house.stranger(), entra).status_code == 403


def test_an_administrator_unlinks_an_identity_and_its_sessions_end(house: House, entra: Entra) -> None:
    person = member(house, entra)
    client = house.stranger()
    go(client, entra)
    (identity,) = SocialAccount.objects.all()
    administrator = house.client("administrator", login="boss")
    assert identity.uid in administrator.get(f"/people/{person.pk}").text
    stranger = house.person("team_lead", login="third")
    assert administrator.post(f"/people/{stranger.pk}/identities/{identity.pk}/unlink").status_code == 404
    assert administrator.post(f"/people/{person.pk}/identities/{identity.pk}/unlink").status_code == 302
    assert SocialAccount.objects.count() == 0
    assert client.get("/").status_code == 302
    assert AuditEntry.objects.filter(action="identity.unlinked", who="boss", subject=person.login).count() == 1
