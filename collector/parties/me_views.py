"""What people see and change of themselves: roles, sessions, tokens. Each object is looked for among their own."""

from __future__ import annotations

from typing import cast

from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector.parties import oidc, sessions, tokens
from collector.parties.doors import roles
from collector.parties.errors import TokenProblem
from collector.parties.forms import NewToken
from collector.parties.models import ApiToken, Person
from collector.parties.roles import ROLES
from collector.parties.sessions import actor_of
from collector.problems import problem


@roles(*ROLES)
@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """Show a person to themselves: `/me`."""
    return _page(request, NewToken())


@roles(*ROLES)
@require_POST
def end_session(request: HttpRequest, number: int) -> HttpResponse:
    """End one of one's own sessions: `/me/sessions/<number>/end`."""
    person = _person(request)
    get_object_or_404(UserSession, pk=number, user=person)
    sessions.end(actor_of(request), person, number)
    return redirect("me")


@roles(*ROLES)
@require_http_methods(["POST"])
def make_token(request: HttpRequest) -> HttpResponse:
    """Make an API token, and show it once: `/me/tokens`."""
    form = NewToken(request.POST)
    if not form.is_valid():
        return _page(request, form)
    told = form.cleaned_data
    try:
        token = tokens.make(actor_of(request), _person(request), told["name"], told["scopes"], told["days"])
    except TokenProblem as error:
        form.add_error(None, str(error))
        return _page(request, form)
    return _page(request, NewToken(), token)


@roles(*ROLES)
@require_POST
def revoke_token(request: HttpRequest, number: int) -> HttpResponse:
    """End one of one's own tokens: `/me/tokens/<number>/revoke`."""
    tokens.revoke(actor_of(request), get_object_or_404(ApiToken, pk=number, person=_person(request)))
    return redirect("me")


@roles(*ROLES)
@require_POST
def unlink_identity(request: HttpRequest, number: int) -> HttpResponse:
    """Take an identity from oneself: `/me/identities/<number>/unlink`. Not the only way in."""
    found = next((one for one in oidc.of_person(_person(request)) if one.pk == number), None)
    if found is None:
        raise Http404(_("There is nothing at this address."))
    if oidc.is_last_way_in(found):
        return problem(request, 403, _("You could not sign in without it. Set a password or a passkey first."))
    oidc.unlink(actor_of(request), found)
    return redirect("me")


def _page(request: HttpRequest, form: NewToken, token: str = "") -> HttpResponse:
    person = _person(request)
    context = {
        "person": person,
        "memberships": person.memberships.select_related("organisation").order_by("organisation__name", "role"),
        "sessions": sessions.of_person(person),
        "here": request.session.session_key,
        "tokens": person.tokens.order_by("-made_at"),
        "form": form,
        "token": token,
        "second_factor": is_mfa_enabled(person),
        "identities": oidc.of_person(person),
    }
    return render(request, "parties/me.html", context)


def _person(request: HttpRequest) -> Person:
    return cast(Person, request.user)
