"""API tokens: shown once, kept as a hash, with scopes and an end; a token sees no more than its person does."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from collector.moments import now
from collector.parties import services
from collector.parties.errors import TokenProblem
from collector.parties.models import ApiToken, Person
from collector.parties.services import Actor

SCOPES = ("certificates:read", "stations:read", "metrics:read")
"""What a token may be used for; each operation of the API names the one that it needs."""
PREFIX = "bwc_"
"""So that a program that looks for secrets in files knows one of ours."""
LONGEST_DAYS = 400
MOST = 50
USED_EVERY = timedelta(minutes=1)
"""How often "last used" is written: a token that asks a thousand times a minute writes once."""


@transaction.atomic
def make(actor: Actor, person: Person, name: str, scopes: list[str], days: int) -> str:
    """Make a token; it is what is returned, once. Raise TokenProblem."""
    name = name.strip()[:100]
    if not name:
        raise TokenProblem(problem=_("a token needs a name: what uses it"))
    if not scopes or not set(scopes) <= set(SCOPES):
        raise TokenProblem(problem=_("scopes: allowed are %(scopes)s, one at least") % {"scopes": ", ".join(SCOPES)})
    if not 1 <= days <= LONGEST_DAYS:
        raise TokenProblem(problem=_("days: allowed are 1 to %(days)d") % {"days": LONGEST_DAYS})
    if person.tokens.filter(revoked_at=None, ends_at__gt=now()).count() >= MOST:
        raise TokenProblem(problem=_("a person has at most %(most)d tokens; revoke one first") % {"most": MOST})
    token = PREFIX + secrets.token_urlsafe(32)
    made = now()
    ApiToken.objects.create(
        person=person,
        name=name,
        token_sha256=_hash(token),
        scopes=sorted(set(scopes)),
        made_at=made,
        ends_at=made + timedelta(days=days),
    )
    services.note(actor, "token.made", person.login, name=name, scopes=sorted(set(scopes)), days=days)
    return token


def find(token: str) -> ApiToken | None:
    """Find a token that may be used now: not ended, not revoked, its person not disabled."""
    moment = now()
    rows = ApiToken.objects.select_related("person")
    row = rows.filter(token_sha256=_hash(token), revoked_at=None, ends_at__gt=moment).first()
    if row is None or not row.person.is_active:
        return None
    if row.last_used_at is None or moment - row.last_used_at > USED_EVERY:
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=moment)
    return row


@transaction.atomic
def revoke(actor: Actor, token: ApiToken) -> None:
    """End a token now."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now()):
        services.note(actor, "token.revoked", token.person.login, name=token.name)


def _hash(token: str) -> str:
    """A token of 256 random bits needs no slow hash: nobody guesses it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
