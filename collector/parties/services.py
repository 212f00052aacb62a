"""What happens to organisations and people: one verb, one transaction, one line in the audit trail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.dispatch import Signal

from collector.moments import now
from collector.parties.errors import PartyProblem
from collector.parties.models import AuditEntry, CustomerName, Membership, Organisation, Person
from collector.parties.roles import ADMINISTRATOR, FITS, KINDS, ROLES

LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
customer_named = Signal()
"""Sent in the transaction that gives a customer a name: whoever keeps rows with customers' names listens."""
DIGITS = {"cvr": 8, "gln": 13}


@dataclass(frozen=True)
class Actor:
    """Who does something: a person at a page, or somebody at the command line of the server."""

    who: str
    person: Person | None = None
    address: str = ""


def note(actor: Actor, action: str, subject: str = "", **detail: Any) -> None:  # noqa: ANN401 - JSON
    """Write a line into the audit trail, in the caller's transaction."""
    AuditEntry.objects.create(
        person=actor.person, who=actor.who, action=action, subject=subject, detail=detail, address=actor.address
    )


@transaction.atomic
def add_organisation(actor: Actor, name: str, kind: str, *, cvr: str = "", gln: str = "") -> Organisation:
    """Add an organisation. A customer is known from now on by its name on certificates. Raise PartyProblem."""
    name = " ".join(name.split())
    if not name:
        raise PartyProblem(problem="an organisation needs a name")
    if kind not in KINDS:
        raise PartyProblem(problem=f"kind {kind!r}: allowed is one of {', '.join(KINDS)}")
    for field, value in (("cvr", cvr), ("gln", gln)):
        if value and not (value.isascii() and value.isdigit() and len(value) == DIGITS[field]):
            raise PartyProblem(problem=f"{field} {value!r}: allowed are {DIGITS[field]} digits")
    if Organisation.objects.filter(name=name).exists():
        raise PartyProblem(problem=f"there is an organisation {name!r} already")
    made = Organisation.objects.create(name=name, kind=kind, cvr=cvr, gln=gln)
    if kind == "customer":
        name_customer(made, name)
    note(actor, "organisation.added", name, kind=kind)
    return made


def name_customer(organisation: Organisation, name: str) -> None:
    """Let certificates with this customer's name belong to the organisation, those that came before too."""
    CustomerName.objects.create(name=name, organisation=organisation)
    customer_named.send(sender=CustomerName, organisation=organisation, name=name)


def add_person(
    actor: Actor, login: str, *, name: str, role: str, organisation: Organisation, password: str | None
) -> Person:
    """Add somebody who signs in. Raise PartyProblem."""
    return save_person(actor, draft_person(login, name=name, password=password), organisation, role)


def draft_person(login: str, *, name: str, password: str | None) -> Person:
    """Prepare a person with a hashed password. That takes its time, and so stands before any transaction."""
    login = login.lower()
    if not LOGIN.fullmatch(login):
        raise PartyProblem(problem=f"login {login!r}: allowed are up to 64 of a-z, 0-9 and . _ @ + -, a letter first")
    person = Person(login=login, name=name.strip() or login)
    set_password(person, password)
    return person


@transaction.atomic
def save_person(actor: Actor, person: Person, organisation: Organisation, role: str) -> Person:
    """Keep a person who was prepared, with a role. Raise PartyProblem."""
    if Person.objects.filter(login=person.login).exists():
        raise PartyProblem(problem=f"there is a person {person.login!r} already")
    person.save()
    note(actor, "person.added", person.login)
    join(actor, person, organisation, role)
    return person


def set_password(person: Person, password: str | None) -> None:
    """Set a password that is long enough and not a common one; None: nobody can sign in with one."""
    if password is None:
        person.set_unusable_password()
        return
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise PartyProblem(problem="password: " + " ".join(error.messages)) from None
    person.set_password(password)


@transaction.atomic
def join(actor: Actor, person: Person, organisation: Organisation, role: str) -> Membership:
    """Give a person a role in an organisation of a kind that has such people. Raise PartyProblem."""
    if role not in ROLES:
        raise PartyProblem(problem=f"role {role!r}: allowed is one of {', '.join(ROLES)}")
    if organisation.kind not in FITS[role]:
        allowed = ", ".join(sorted(FITS[role]))
        raise PartyProblem(problem=f"{organisation.name} is a {organisation.kind}; a {role} belongs to: {allowed}")
    membership, new = Membership.objects.get_or_create(person=person, organisation=organisation, role=role)
    if new:
        note(actor, "membership.added", person.login, role=role, organisation=organisation.name)
    return membership


@transaction.atomic
def disable_person(actor: Actor, person: Person) -> None:
    """Let a person sign in no more. The last administrator stays: nobody could let anybody in again."""
    if person.disabled_at is not None:
        return
    others = Membership.objects.filter(role=ADMINISTRATOR, person__disabled_at=None).exclude(person=person)
    if person.sight().has((ADMINISTRATOR,)) and not others.exists():
        raise PartyProblem(problem=f"{person.login} is the last administrator; make another one first")
    person.disabled_at = now()
    person.save(update_fields=["disabled_at"])
    note(actor, "person.disabled", person.login)


def add_or_join(
    actor: Actor, login: str, *, name: str, role: str, organisation: Organisation, password: str | None
) -> Person:
    """Add a person, or give one who is there another role; their name and password stay then. Raise PartyProblem."""
    found = Person.objects.filter(login=login.lower()).first()
    if found is None:
        return add_person(actor, login, name=name, role=role, organisation=organisation, password=password)
    if password is not None:
        raise PartyProblem(problem=f"{found.login} is there already; another role needs no password")
    join(actor, found, organisation, role)
    return found


def person_named(login: str) -> Person:
    """Find a person. Raise PartyProblem if there is none."""
    found = Person.objects.filter(login=login.lower()).first()
    if found is None:
        raise PartyProblem(problem=f"there is no person {login!r}")
    return found


def people() -> list[dict[str, Any]]:
    """List everybody with their roles, for a person at the command line."""
    rows = Person.objects.order_by("login").prefetch_related("memberships__organisation")
    return [
        {
            "login": row.login,
            "name": row.name,
            "disabled": not row.is_active,
            "roles": [{"role": held.role, "organisation": held.organisation.name} for held in row.memberships.all()],
        }
        for row in rows
    ]


def named_or_own(name: str | None, own: str) -> Organisation:
    """Find an organisation by its name; without one, the one that runs this collector. Raise PartyProblem."""
    if name is None:
        return own_organisation(own)
    found = Organisation.objects.filter(name=name).first()
    if found is None:
        raise PartyProblem(problem=f"there is no organisation {name!r}: benchwipe-collector organisation add")
    return found


def own_organisation(name: str) -> Organisation:
    """Return the organisation that runs this collector: the oldest operator, made now if there is none."""
    found = Organisation.objects.filter(kind="operator").order_by("id").first()
    return found or Organisation.objects.create(name=name, kind="operator")
