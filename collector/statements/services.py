"""Says something for somebody: one statement, signed, chained and kept, in the caller's transaction or its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import transaction
from django.dispatch import Signal

from agent.certificates.jws import thumbprint
from collector import moments
from collector.parties.errors import PartyProblem
from collector.parties.models import Membership, Organisation
from collector.parties.roles import FITS
from collector.parties.services import Actor, note, person_named
from collector.running import configuration
from collector.statements import signer
from collector.statements.errors import NotTheirs, StatementProblem
from collector.statements.kinds import FIXED, SAID
from collector.statements.models import ChainHead, SignedStatement, Subject
from collector.statements.rules import Kept, chain_problems, sha256

SCHEMA = "benchwipe.statement/1"
said = Signal()
"""Sent in the transaction that keeps a statement, with `row`, `told` (its payload) and `about`: whoever keeps a state
that follows from it listens, and refuses by raising."""
_OURS = frozenset({"schema", "kind", "collector", "said_at", "by", "about", "previous_sha256"})


@dataclass(frozen=True)
class About:
    """A thing that a statement is about, and what it says of just that, in a word."""

    kind: str
    """certificate, unit, drive, lot, sample .."""
    name: str
    word: str = ""


@dataclass(frozen=True)
class Speaker:
    """Who says it, and by which role where."""

    actor: Actor
    role: str
    organisation: Organisation


def as_login(actor: Actor, login: str) -> Actor:
    """Let a command line speak for a person; the record says both. Raise NotTheirs where there is no such person."""
    try:
        return replace(actor, person=person_named(login))
    except PartyProblem:
        raise NotTheirs(login=login, roles="a person of this collector", where="") from None


def speaker(actor: Actor, roles: Iterable[str], organisation: Organisation | None = None) -> Speaker:
    """Find the role by which somebody may speak, in this organisation or in any that has such people.

    Raise NotTheirs where they hold none, or sign in no more.
    """
    wanted, person = tuple(roles), actor.person
    rows = Membership.objects.none() if person is None else person.memberships.select_related("organisation")
    if organisation is not None:
        rows = rows.filter(organisation=organisation)
    held = {row.role: row for row in rows.order_by("-pk") if row.organisation.kind in FITS[row.role]}
    role = next((role for role in wanted if role in held), None)
    if person is None or not person.is_active or role is None:
        where = "" if organisation is None else f" in {organisation.name}"
        raise NotTheirs(login=person.login if person else actor.who, roles=" or ".join(wanted), where=where)
    return Speaker(actor, role, held[role].organisation)


@transaction.atomic
def say(
    kind: str,
    about: Iterable[About],
    payload: Mapping[str, Any],
    speaker: Speaker,
    *,
    customer: Organisation | None = None,
    word: str = "",
    at: datetime | None = None,
) -> SignedStatement:
    """Sign a statement, chain it to the one before it, and keep it. Raise StatementProblem or NoSignature.

    Whoever speaks at the same time waits until this one is kept, or undone with the transaction around it.
    """
    if kind not in SAID or kind in FIXED or _OURS & payload.keys():
        raise StatementProblem(problem=f"nothing of the kind {kind!r} is said in this form")
    things, now = tuple(about), at or moments.now()
    head = _head()
    told = {
        "schema": SCHEMA,
        "kind": kind,
        "collector": configuration().settings.id,
        "said_at": moments.text(now),
        "by": by(speaker),
        "about": [{"kind": one.kind, "name": one.name, **({"word": one.word} if one.word else {})} for one in things],
        **payload,
        "previous_sha256": head.sha256 or None,
    }
    compact = sign(SAID[kind], msgspec.json.encode(told))
    row = SignedStatement(
        sha256=sha256(compact),
        previous=head.sha256,
        kind=kind,
        word=word,
        person=speaker.actor.person,
        who=speaker.actor.who,
        said_at=now,
        compact=compact,
        customer=customer,
    )
    row.save(force_insert=True)
    Subject.objects.bulk_create([Subject(statement=row, kind=a.kind, name=a.name, word=a.word) for a in things], 500)
    head.sha256, head.count = row.sha256, head.count + 1
    head.save(update_fields=["sha256", "count"])
    note(speaker.actor, f"statement.{kind}", row.sha256, word=word, about=len(things))
    said.send(sender=SignedStatement, row=row, told=told, about=things)
    return row


def sign(typ: str, payload: bytes) -> bytes:
    """Sign a document with the statement key, which another process holds. Raise NoSignature.

    A settlement is signed so: its form, its chain and its row are its own room's.
    """
    told = configuration()
    return signer.sign(typ, payload, told.keys_dir, told.settings.signature_alg)


def by(speaker: Speaker) -> dict[str, Any]:
    """Write who speaks, as it stands in what is signed."""
    person = speaker.actor.person
    assert person is not None
    told = {
        "login": person.login,
        "name": person.name,
        "title": person.title,
        "contact": person.email,
        "operator_id": person.operator_id,
        "role": speaker.role,
        "organisation": speaker.organisation.name,
        "location": speaker.organisation.address,
    }
    return {**told, "how": speaker.actor.who if speaker.actor.who.startswith("by command line") else "page"}


def own_keys() -> dict[str, Ed25519PublicKey]:
    """Return the public half of the key that statements are signed with. Raise NoSignature."""
    told = configuration()
    key = signer.public_key(told.keys_dir, told.settings.signature_alg)
    return {thumbprint(key): key}


def problems() -> list[str]:
    """Verify every statement and the chain of all: a line for each that does not hold, or is gone from the end."""
    found: list[str] = []
    last, count = "", 0

    def rows() -> Iterator[Kept]:
        nonlocal last, count
        for row in SignedStatement.unfiltered.order_by("seq").iterator(200):
            yield Kept(row.sha256, row.previous, row.kind, bytes(row.compact))
            last, count = row.sha256, count + 1

    found += chain_problems(rows(), own_keys())
    head = ChainHead.objects.filter(pk=1).first()
    if (head.sha256, head.count) != (last, count) if head else count:
        found.append(f"the chain of statements ends after {count}, and its head tells of another end")
    return found


def _head() -> ChainHead:
    ChainHead.objects.get_or_create(pk=1)
    return ChainHead.objects.select_for_update().get(pk=1)
