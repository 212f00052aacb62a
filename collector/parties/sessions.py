"""Sessions: which there are of a person, and their end. What signs in, by whatever way, is listed and written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.signals import password_changed, password_set
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest

from collector.parties import services
from collector.parties.models import Person
from collector.parties.services import Actor

NOBODY = "nobody"
WAYS = "account_authentication_methods"
"""Where allauth keeps in the session how somebody proved who they are."""


def actor_of(request: HttpRequest) -> Actor:
    """Say who does what a request asks for."""
    person = request.user if isinstance(request.user, Person) else None
    return Actor(NOBODY if person is None else person.login, person, address_of(request))


def address_of(request: HttpRequest | None) -> str:
    """Return where the request came from, as the server saw it."""
    return "" if request is None else str(request.META.get("REMOTE_ADDR", ""))[:45]


def of_person(person: Person) -> list[UserSession]:
    """List the sessions that stand, the newest first."""
    rows: list[UserSession] = UserSession.objects.purge_and_list(person)
    return sorted(rows, key=lambda row: row.created_at, reverse=True)


@transaction.atomic
def end(actor: Actor, person: Person, number: int | None = None) -> int:
    """End one session of a person by its number, or all of them; how many there were."""
    rows = UserSession.objects.filter(user=person)
    if number is not None:
        rows = rows.filter(pk=number)
    keys = list(rows.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    rows.delete()
    if keys:
        services.note(actor, "sessions.ended", person.login, sessions=len(keys))
    return len(keys)


def signed_in(sender: object, request: HttpRequest, user: Person, **_more: object) -> None:
    """Write down who signed in and how, and list the session."""
    ways = [str(way.get("type") or way.get("method")) for way in request.session.get(WAYS, ()) if isinstance(way, dict)]
    by = request.__dict__.get("signed_in_by") or "+".join(ways) or "link"
    UserSession.objects.create_from_request(request, user=user)
    services.note(Actor(user.login, user, address_of(request)), "person.signed_in", user.login, by=by)


def signed_out(sender: object, request: HttpRequest, user: Person | None, **_more: object) -> None:
    """Write down who signed out."""
    if user is not None:
        services.note(Actor(user.login, user, address_of(request)), "person.signed_out", user.login)


def failed(sender: object, credentials: dict[str, Any], request: HttpRequest | None = None, **_more: object) -> None:
    """Write down a password that did not fit. A login that nobody has is not written: it may be a password."""
    login = str(credentials.get("username", "")).lower()
    person = Person.objects.filter(login=login).first()
    subject = "a login that nobody has" if person is None else person.login
    services.note(Actor(NOBODY, None, address_of(request)), "person.sign_in_failed", subject, by="password")


def second_failed(sender: object, request: HttpRequest, user: Person, **_more: object) -> None:
    """Write down a code or a passkey that did not fit."""
    services.note(Actor(NOBODY, None, address_of(request)), "person.sign_in_failed", user.login, by="second factor")


def factor_changed(action: str) -> Callable[..., None]:
    """Make the receiver that writes down what happened to a person's second factor."""

    def receiver(
        sender: object, request: HttpRequest, user: Person, authenticator: Authenticator, **_more: object
    ) -> None:
        services.note(actor_of(request), action, user.login, type=authenticator.type)

    return receiver


def password_is_new(sender: object, request: HttpRequest, user: Person, **_more: object) -> None:
    """Write down that a password was changed."""
    services.note(actor_of(request), "person.password_changed", user.login)


def disabled(sender: object, actor: Actor, person: Person, **_more: object) -> None:
    """End every session of somebody who may not sign in any more."""
    end(actor, person)


def listen() -> None:
    """Hear of everything that is to be written down. Receivers are held: they are functions made here."""
    user_logged_in.connect(signed_in, dispatch_uid="parties")
    user_logged_out.connect(signed_out, dispatch_uid="parties")
    user_login_failed.connect(failed, dispatch_uid="parties")
    services.person_disabled.connect(disabled, dispatch_uid="parties")
    mfa.authentication_failed.connect(second_failed, dispatch_uid="parties")
    for signal, action in (
        (mfa.authenticator_added, "second_factor.added"),
        (mfa.authenticator_removed, "second_factor.removed"),
        (mfa.authenticator_reset, "second_factor.reset"),
    ):
        signal.connect(factor_changed(action), weak=False, dispatch_uid="parties")
    for signal in (password_changed, password_set):
        signal.connect(password_is_new, dispatch_uid="parties")
