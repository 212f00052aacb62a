"""What happens to organisations and people: one verb, one transaction, one line in the audit trail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.dispatch import Signal
from django.utils.translation import gettext as _

from collector.moments import now
from collector.parties.errors import PartyProblem
from collector.parties.models import AuditEntry, CustomerName, Membership, Organisation, Person
from collector.parties.roles import ADMINISTRATOR, FITS, KINDS, ROLES
from collector.text import visible

LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
customer_named = Signal()
"""Sent in the transaction that gives a customer a name: whoever keeps rows with customers' names listens."""
person_disabled = Signal()
"""Sent in the transaction that disables a person: their sessions end with it."""
DIGITS = {"cvr": 8, "gln": 13}
LONGEST_NAME, LONGEST_PASSWORD = 200, 1000


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
    name = shown_name(name)
    if not name:
        raise PartyProblem(problem=_("an organisation needs a name"))
    if kind not in KINDS:
        raise PartyProblem(
            problem=_("kind '%(kind)s': allowed is one of %(kinds)s") % {"kind": kind, "kinds": ", ".join(KINDS)}
        )
    numbers_problem(cvr=cvr, gln=gln)
    if Organisation.objects.filter(name=name).exists():
        raise PartyProblem(problem=_("there is an organisation '%(name)s' already") % {"name": name})
    made = Organisation.objects.create(name=name, kind=kind, cvr=cvr, gln=gln)
    if kind == "customer":
        name_customer(made, name)
    note(actor, "organisation.added", name, kind=kind)
    return made


def numbers_problem(**numbers: str) -> None:
    """Raise PartyProblem for a CVR or GLN that is none."""
    for field, value in numbers.items():
        if value and not (value.isascii() and value.isdigit() and len(value) == DIGITS[field]):
            raise PartyProblem(
                problem=_("%(field)s '%(value)s': allowed are %(digits)d digits")
                % {"field": field, "value": value, "digits": DIGITS[field]}
            )


def shown_name(name: str) -> str:
    """Write a name as it is shown: single spaces. Raise PartyProblem where it is too long, or turns or hides text."""
    name = " ".join(name.split())
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise PartyProblem(
            problem=_("name '%(name)s': allowed are up to %(most)d characters, none that turns, hides or steers text")
            % {"name": visible(name, 60), "most": LONGEST_NAME}
        )
    return name


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
        raise PartyProblem(
            problem=_("login '%(login)s': allowed are up to 64 of a-z, 0-9 and . _ @ + -, a letter or digit first")
            % {"login": login}
        )
    person = Person(login=login, name=shown_name(name) or login)
    set_password(person, password)
    return person


@transaction.atomic
def save_person(actor: Actor, person: Person, organisation: Organisation, role: str) -> Person:
    """Keep a person who was prepared, with a role. Raise PartyProblem."""
    if Person.objects.filter(login=person.login).exists():
        raise PartyProblem(problem=_("there is a person '%(login)s' already") % {"login": person.login})
    person.save()
    note(actor, "person.added", person.login)
    join(actor, person, organisation, role)
    return person


def set_password(person: Person, password: str | None) -> None:
    """Set a password that is long enough and not a common one; None: nobody can sign in with one."""
    if password is None:
        person.set_unusable_password()
        return
    if len(password) > LONGEST_PASSWORD or "\0" in password:
        raise PartyProblem(problem=_("password: up to %(most)d characters, no NUL") % {"most": LONGEST_PASSWORD})
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise PartyProblem(problem=_("password: %(why)s") % {"why": " ".join(error.messages)}) from None
    person.set_password(password)


@transaction.atomic
def join(actor: Actor, person: Person, organisation: Organisation, role: str) -> Membership:
    """Give a person a role in an organisation of a kind that has such people. Raise PartyProblem."""
    if role not in ROLES:
        raise PartyProblem(
            problem=_("role '%(role)s': allowed is one of %(roles)s") % {"role": role, "roles": ", ".join(ROLES)}
        )
    if organisation.kind not in FITS[role]:
        allowed = ", ".join(sorted(FITS[role]))
        told = {"name": organisation.name, "kind": organisation.kind, "role": role, "kinds": allowed}
        raise PartyProblem(problem=_("%(name)s is a %(kind)s; a %(role)s belongs to: %(kinds)s") % told)
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
        raise PartyProblem(
            problem=_("%(login)s is the last administrator; make another one first") % {"login": person.login}
        )
    person.disabled_at = now()
    person.save(update_fields=["disabled_at"])
    note(actor, "person.disabled", person.login)
    person_disabled.send(sender=Person, actor=actor, person=person)


@transaction.atomic
def enable_person(actor: Actor, person: Person) -> None:
    """Let a disabled person sign in again."""
    if person.disabled_at is None:
        return
    person.disabled_at = None
    person.save(update_fields=["disabled_at"])
    note(actor, "person.enabled", person.login)


@transaction.atomic
def leave(actor: Actor, membership: Membership) -> None:
    """Take a role away. The last administrator's stays. Raise PartyProblem."""
    person = membership.person
    if membership.role == ADMINISTRATOR and person.is_active:
        others = Membership.objects.filter(role=ADMINISTRATOR, person__disabled_at=None).exclude(pk=membership.pk)
        if not others.exists():
            raise PartyProblem(
                problem=_("%(login)s is the last administrator; make another one first") % {"login": person.login}
            )
    told = {"role": membership.role, "organisation": membership.organisation.name}
    membership.delete()
    note(actor, "membership.removed", person.login, **told)


@transaction.atomic
def change_person(actor: Actor, person: Person, **facts: str) -> None:
    """Change name, title, e-mail address or operator id. Raise PartyProblem."""
    allowed = ("name", "title", "email", "operator_id")
    if unknown := set(facts) - set(allowed):
        raise ValueError(f"no facts of a person: {sorted(unknown)}")
    told = {name: shown_name(value) for name, value in facts.items()}
    changed = {name: value for name, value in told.items() if getattr(person, name) != value}
    wanted = changed.get("operator_id")
    if wanted and Person.objects.filter(operator_id=wanted).exclude(pk=person.pk).exists():
        raise PartyProblem(problem=_("operator id '%(id)s' is another person's") % {"id": wanted})
    if changed.get("name") == "":
        raise PartyProblem(problem=_("a person needs a name"))
    for name, value in changed.items():
        setattr(person, name, value)
    if changed:
        person.save(update_fields=list(changed))
        note(actor, "person.changed", person.login, fields=sorted(changed))


@transaction.atomic
def change_organisation(actor: Actor, organisation: Organisation, *, cvr: str, gln: str, address: str) -> None:
    """Change an organisation's numbers and address. Raise PartyProblem."""
    numbers_problem(cvr=cvr, gln=gln)
    organisation.cvr, organisation.gln, organisation.address = cvr, gln, address.strip()
    organisation.save(update_fields=["cvr", "gln", "address"])
    note(actor, "organisation.changed", organisation.name, cvr=cvr, gln=gln)


@transaction.atomic
def give_name(actor: Actor, organisation: Organisation, name: str) -> None:
    """Give a customer another name under which certificates know it. Raise PartyProblem."""
    name = " ".join(name.split())
    if organisation.kind != "customer" or not name:
        raise PartyProblem(problem=_("a customer takes another name, and the name is not empty"))
    if CustomerName.objects.filter(name=name).exists():
        raise PartyProblem(problem=_("'%(name)s' is a customer's name already") % {"name": name})
    name_customer(organisation, name)
    note(actor, "organisation.named", organisation.name, name=name)


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
    return found or Organisation.objects.create(name=shown_name(name), kind="operator")
