"""One-time links: made of a token that only the link holds, used once, within their time."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction

from collector.moments import now
from collector.parties.errors import LinkProblem
from collector.parties.models import OneTimeLink, Person

HOUR = timedelta(hours=1)


def make(purpose: str, person: Person | None = None, *, within: timedelta = HOUR) -> str:
    """Make a link's token. The database keeps its hash alone."""
    token = secrets.token_urlsafe(32)
    OneTimeLink.objects.create(token_sha256=_hash(token), purpose=purpose, person=person, ends_at=now() + within)
    return token


def find(token: str) -> OneTimeLink:
    """Find the link of a token. It is not used by that. Raise LinkProblem if it does nothing any more."""
    rows = OneTimeLink.objects.select_related("person")
    link = rows.filter(token_sha256=_hash(token), used_at=None, ends_at__gt=now()).first()
    if link is None or (link.person is not None and not link.person.is_active):
        raise LinkProblem
    return link


def use(link: OneTimeLink) -> None:
    """Use it up, in the caller's transaction. Raise LinkProblem where somebody else was faster."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a link is used in the transaction of what it does")
    if OneTimeLink.objects.filter(id=link.id, used_at=None, ends_at__gt=now()).update(used_at=now()) != 1:
        raise LinkProblem


def withdraw(purpose: str) -> None:
    """End every link of a purpose, since a newer one takes their place."""
    OneTimeLink.objects.filter(purpose=purpose, used_at=None).update(ends_at=now())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
