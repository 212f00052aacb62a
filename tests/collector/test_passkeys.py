"""Passkeys, with an authenticator in software: kept, signed in with, and every answer that must not count."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.core.cache import cache
from django.test import Client
from fido2 import cbor

from collector.parties.models import AuditEntry
from tests.collector.house import PASSWORD, House

ORIGIN = "https://localhost"
PRESENT_VERIFIED, NEW = 0x05, 0x40


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """An authenticator: one ES256 key, resident, which says that its person was there and was verified."""

    def __init__(self) -> None:
        self.id = os.urandom(16)
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.handle = ""
        self.count = 0

    def _data(self, flags: int, rp: str, more: bytes = b"") -> bytes:
        self.count += 1
        return hashlib.sha256(rp.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big") + more

    def create(self, options: dict[str, Any], origin: str = ORIGIN) -> dict[str, Any]:
        told = options["publicKey"]
        self.handle = told["user"]["id"]
        numbers = self.private.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        more = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor.encode(cose)
        data = self._data(PRESENT_VERIFIED | NEW, told["rp"]["id"], more)
        client = json.dumps({"type": "webauthn.create", "challenge": told["challenge"], "origin": origin}).encode()
        whole = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        response = {"clientDataJSON": b64(client), "attestationObject": b64(whole)}
        return self._credential(response, {"credProps": {"rk": True}})

    def get(self, options: dict[str, Any], origin: str = ORIGIN, flags: int = PRESENT_VERIFIED) -> dict[str, Any]:
        told = options["publicKey"]
        data = self._data(flags, told["rpId"])
        client = json.dumps({"type": "webauthn.get", "challenge": told["challenge"], "origin": origin}).encode()
        signature = self.private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        parts = {"clientDataJSON": client, "authenticatorData": data, "signature": signature}
        return self._credential({**{name: b64(part) for name, part in parts.items()}, "userHandle": self.handle}, {})

    def _credential(self, response: dict[str, str], results: dict[str, Any]) -> dict[str, Any]:
        name = b64(self.id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": results,
        }


def enrolled(house: House) -> Key:
    """A team lead who has a passkey."""
    cache.clear()
    person = house.person("team_lead")
    person.set_password(PASSWORD)
    person.save()
    client, key = house.client("team_lead"), Key()
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.get("/account/2fa/passkeys/add/").text
    (data,) = re.findall(r'<script id="js_data" type="application/json">(.*?)</script>', page)
    made = json.dumps(key.create(json.loads(data)["creation_options"]))
    told = {"name": "phone", "passwordless": "on", "credential": made}
    assert client.post("/account/2fa/passkeys/add/", told).status_code == 302
    return key


def options_of(client: Client) -> dict[str, Any]:
    told = client.get("/account/2fa/passkeys/login/", HTTP_ACCEPT="application/json").json()
    found: dict[str, Any] = told["request_options"]
    return found


def sign_in(client: Client, answer: dict[str, Any]) -> bool:
    client.post("/account/2fa/passkeys/login/", {"credential": json.dumps(answer)})
    return bool(client.get("/").status_code == 200)


def test_a_passkey_signs_in_without_a_password(house: House) -> None:
    key, client = enrolled(house), house.stranger()
    assert sign_in(client, key.get(options_of(client)))
    assert AuditEntry.objects.filter(action="second_factor.added", detail__type="webauthn").count() == 1
    assert AuditEntry.objects.filter(action="person.signed_in").latest("pk").detail == {"by": "webauthn"}


@pytest.mark.parametrize(
    "attack", ["another origin", "another key", "no verification", "another challenge", "replayed"]
)
def test_an_answer_that_must_not_count_lets_nobody_in(house: House, attack: str) -> None:
    key, client = enrolled(house), house.stranger()
    options = options_of(client)
    if attack == "another origin":
        answer = key.get(options, "https://evil.example")
    elif attack == "another key":
        other = Key()
        other.id, other.handle = key.id, key.handle
        answer = other.get(options)
    elif attack == "no verification":
        answer = key.get(options, flags=0x01)
    elif attack == "another challenge":
        answer = key.get(options_of(house.stranger()))
    else:
        answer = key.get(options)
        assert sign_in(client, answer)
        client.post("/account/logout/")
        options_of(client)
    assert not sign_in(client, answer)


def test_with_a_passkey_the_password_alone_lets_nobody_in(house: House) -> None:
    enrolled(house)
    client = house.stranger()
    answer = client.post("/account/login/", {"login": "team_lead", "password": PASSWORD})
    assert answer.headers["Location"].startswith("/account/2fa/authenticate/")
    assert client.get("/").status_code == 302


def test_nobody_takes_away_another_persons_passkey(house: House) -> None:
    enrolled(house)
    row = Authenticator.objects.get(type="webauthn")
    other = house.person("validator")
    other.set_password(PASSWORD)
    other.save()
    client = house.client("validator")
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    for end in ("remove", "edit"):
        assert client.post(f"/account/2fa/passkeys/keys/{row.pk}/{end}/", {"name": "mine"}).status_code == 404
    assert Authenticator.objects.get(pk=row.pk).wrap().name == "phone"
