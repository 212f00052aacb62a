"""Sign-in with the account of one's work: OpenID Connect with Entra ID, as an authorization code with PKCE.

Who somebody is, is `tid` and `oid` of a token whose signature, issuer, audience, time and nonce were checked; never an
e-mail address, which a tenant's administrator may write as they like. Nobody is made by signing in: an identity is
linked by an invitation, or by its person who is signed in. OpenID Connect Core 1.0, 3.1.3.7; RFC 7636.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

import jwt
import requests
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import transaction

from collector.parties import services
from collector.parties.errors import OidcProblem
from collector.parties.models import Person
from collector.parties.services import Actor
from collector.parties.tenants import Provider

TIMEOUT_S = 10
LARGEST = 256 * 1024
LEEWAY_S = 120
"""How far the clocks of two servers may differ."""
WITHIN_S = 600
"""How long somebody may take at the provider."""
ALGORITHMS = ("RS256", "PS256", "ES256")
PROVIDER, METHOD = "entra", "oidc"


@dataclass(frozen=True)
class Identity:
    """Whom a provider vouches for."""

    tenant: str
    object: str
    name: str

    @property
    def uid(self) -> str:
        """What identities are told apart by."""
        return f"{self.tenant}:{self.object}"


def providers() -> dict[str, Provider]:
    """List what the configuration names, by id."""
    return {one.id: one for one in getattr(settings, "COLLECTOR_OIDC", ())}


def begin(provider: Provider, redirect_uri: str, *, again: bool = False) -> tuple[str, dict[str, Any]]:
    """Begin: where the browser goes, and what the session keeps for the way back. Raise OidcProblem.

    `again`: the provider is to ask who it is, also somebody whom it knows already.
    """
    verifier = secrets.token_urlsafe(48)
    kept: dict[str, Any] = {
        "provider": provider.id,
        "state": secrets.token_urlsafe(32),
        "nonce": secrets.token_urlsafe(32),
        "verifier": verifier,
        "until": time.time() + WITHIN_S,
        "redirect_uri": redirect_uri,
    }
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": provider.client_id,
        "response_type": "code",
        "response_mode": "query",
        "redirect_uri": redirect_uri,
        "scope": "openid profile",
        "state": kept["state"],
        "nonce": kept["nonce"],
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **({"prompt": "login"} if again else {}),
    }
    return f"{_described(provider)['authorization_endpoint']}?{urlencode(asked)}", kept


def finish(provider: Provider, kept: dict[str, Any], *, code: str, state: str) -> Identity:
    """Take the code back, and believe the token that it is worth, or not. Raise OidcProblem."""
    if not secrets.compare_digest(str(kept.get("state", "")).encode(), state.encode()) or not state:
        raise _problem(provider, "the answer belongs to no sign-in that began here")
    if time.time() > kept["until"]:
        raise _problem(provider, "it took too long")
    described = _described(provider)
    told = _json(
        provider,
        "POST",
        described["token_endpoint"],
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": kept["redirect_uri"],
            "client_id": provider.client_id,
            "client_secret": provider.client_secret,
            "code_verifier": kept["verifier"],
        },
    )
    return believe(provider, described, str(told.get("id_token", "")), str(kept["nonce"]))


def believe(provider: Provider, described: dict[str, Any], token: str, nonce: str) -> Identity:
    """Check an ID token: signed by a key of the provider, for us, now, for this sign-in, of this tenant."""
    try:
        header = jwt.get_unverified_header(token)
        keys = _json(provider, "GET", described["jwks_uri"]).get("keys", [])
        fitting = [key for key in keys if isinstance(key, dict) and key.get("kid") == header.get("kid")]
        if header.get("alg") not in ALGORITHMS or len(fitting) != 1:
            raise _problem(provider, "it is not signed by a key of the provider")
        claims = jwt.decode(
            token,
            jwt.PyJWK(fitting[0], algorithm=header["alg"]).key,
            algorithms=[header["alg"]],
            audience=provider.client_id,
            issuer=described["issuer"],
            leeway=LEEWAY_S,
            options={"require": ["exp", "iat", "iss", "aud", "nonce", "tid", "oid"]},
        )
    except (jwt.PyJWTError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise _problem(provider, f"{type(error).__name__}: {error}"[:200]) from None
    if not secrets.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise _problem(provider, "its nonce is another sign-in's")
    if claims["tid"] != provider.tenant:
        raise _problem(provider, "it is of another tenant")
    if not isinstance(claims["oid"], str) or not claims["oid"]:
        raise _problem(provider, "it names nobody")
    return Identity(claims["tid"], claims["oid"], str(claims.get("name", ""))[:200])


def person_of(identity: Identity) -> Person | None:
    """Find the person whom an identity was linked to."""
    found = SocialAccount.objects.select_related("user").filter(provider=PROVIDER, uid=identity.uid).first()
    return None if found is None else found.user


def link(identity: Identity, person: Person) -> None:
    """Link an identity to a person. The caller's transaction; a unique key keeps it one person's."""
    SocialAccount.objects.create(provider=PROVIDER, uid=identity.uid, user=person, extra_data={"name": identity.name})


def of_person(person: Person) -> list[SocialAccount]:
    """List the identities that are linked to a person."""
    return list(SocialAccount.objects.filter(provider=PROVIDER, user=person).order_by("date_joined", "pk"))


def provider_of(person: Person) -> Provider | None:
    """Find a provider of this configuration at which a person has an identity."""
    tenants = {one.uid.partition(":")[0] for one in of_person(person)}
    return next((one for one in providers().values() if one.tenant in tenants), None)


@transaction.atomic
def unlink(actor: Actor, identity: SocialAccount) -> None:
    """Take an identity from its person: it signs nobody in any more."""
    person = cast(Person, identity.user)
    services.note(actor, "identity.unlinked", person.login, uid=identity.uid)
    identity.delete()


def is_last_way_in(identity: SocialAccount) -> bool:
    """Say whether its person could not sign in without it: no password, no passkey, no other identity."""
    person = cast(Person, identity.user)
    if person.has_usable_password() or is_mfa_enabled(person, [Authenticator.Type.WEBAUTHN]):
        return False
    return len(of_person(person)) < 2


def _described(provider: Provider) -> dict[str, Any]:
    told = _json(provider, "GET", provider.discovery)
    missing = [
        name for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri") if not told.get(name)
    ]
    if missing:
        raise _problem(provider, f"its description says no {missing[0]}")
    return told


def _json(provider: Provider, method: str, url: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - requests' own
    """Ask the provider, within a time and a size."""
    try:
        with requests.request(
            method,
            url,
            timeout=TIMEOUT_S,
            allow_redirects=False,
            stream=True,
            headers={"Accept": "application/json"},
            **more,
        ) as answer:
            body = answer.raw.read(LARGEST + 1, decode_content=True)
            if answer.status_code != 200 or len(body) > LARGEST:
                raise _problem(provider, f"{method} {url.partition('?')[0]} was answered with {answer.status_code}")
            told = json.loads(body)
    except (requests.RequestException, OSError, ValueError) as error:
        raise _problem(provider, f"it does not answer as it should: {type(error).__name__}") from None
    if not isinstance(told, dict):
        raise _problem(provider, "its answer is no document")
    return told


def _problem(provider: Provider, words: str) -> OidcProblem:
    return OidcProblem(provider=provider.name, problem=words)
