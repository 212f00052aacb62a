"""The way to a provider and back: `/account/oidc/<id>/begin` and `/account/oidc/<id>/callback`."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST, require_safe

from collector.parties import invitations, links, oidc, services
from collector.parties.doors import public, roles
from collector.parties.errors import LinkProblem, OidcProblem, PartyProblem
from collector.parties.models import Person
from collector.parties.oidc import Identity
from collector.parties.onward import onward
from collector.parties.roles import ROLES
from collector.parties.services import Actor
from collector.parties.sessions import NOBODY, actor_of, address_of
from collector.parties.tenants import Provider
from collector.problems import problem

LOG = logging.getLogger(__name__)
KEPT = "collector_oidc"
LONGEST_ADDRESS = 500


@public
@require_POST
def begin(request: HttpRequest, provider: str) -> HttpResponse:
    """Send the browser to the provider: to sign in, to accept an invitation, or to link an identity to oneself."""
    found, again = _provider(provider), request.POST.get("again", "")[:LONGEST_ADDRESS]
    try:
        back = request.build_absolute_uri(f"/account/oidc/{found.id}/callback")
        where, kept = oidc.begin(found, back, again=bool(again))
    except OidcProblem as error:
        return _refused(request, found, error)
    kept["invitation"] = request.POST.get("invitation", "")[:200]
    kept["again"] = again
    kept["person"] = request.user.pk if isinstance(request.user, Person) else None
    request.session[KEPT] = kept
    # Not a redirect: `form-action 'self'` of our policy covers where a form is led on to, too.
    return render(request, "parties/onward.html", {"where": where, "name": found.name})


@public
@require_GET
def callback(request: HttpRequest, provider: str) -> HttpResponse:
    """Take the browser back. What the session kept is used once, whatever comes of it."""
    found, kept = _provider(provider), request.session.pop(KEPT, None)
    try:
        if not isinstance(kept, dict) or kept.get("provider") != found.id:
            raise OidcProblem(provider=found.name, problem="the answer belongs to no sign-in that began here")
        if request.GET.get("error"):
            raise OidcProblem(provider=found.name, problem="the provider refused")
        code, state = request.GET.get("code", "")[:4096], request.GET.get("state", "")[:200]
        identity = oidc.finish(found, kept, code=code, state=state)
    except OidcProblem as error:
        return _refused(request, found, error)
    if kept["again"]:
        return _shown_again(request, identity, kept)
    if kept["person"] is not None:
        return _link_to_self(request, identity, int(kept["person"]))
    person = oidc.person_of(identity)
    if person is None and kept["invitation"]:
        person = _accept(request, identity, str(kept["invitation"]))
    if person is None or not person.is_active:
        services.note(Actor(NOBODY, None, address_of(request)), "identity.refused", identity.uid)
        return problem(
            request,
            403,
            _("Nobody here has this account. Ask for an invitation, and open its link to link the account."),
        )
    record_authentication(request, person, method=oidc.METHOD)
    answer: HttpResponse = perform_login(request, Login(user=person))
    return answer


@roles(*ROLES)
@require_safe
def again(request: HttpRequest, provider: str) -> HttpResponse:
    """Ask somebody who signed in with this provider to do so again, before what guards their account is changed."""
    context = {"provider": _provider(provider), "next": request.GET.get("next", "")[:LONGEST_ADDRESS] or "/me"}
    return render(request, "parties/again.html", context)


def _shown_again(request: HttpRequest, identity: Identity, kept: dict[str, Any]) -> HttpResponse:
    """Believe for some minutes that it is still this person, if the provider says that it is the same one."""
    person = request.user
    if not isinstance(person, Person) or person.pk != kept["person"] or oidc.person_of(identity) != person:
        return problem(request, 403, _("Somebody else is signed in now. Begin again."))
    record_authentication(request, person, method=oidc.METHOD, reauthenticated=True)
    return onward(str(kept["again"]), "/me")


def _accept(request: HttpRequest, identity: Identity, token: str) -> Person | None:
    """Make the person of an invitation, with this identity and no password."""
    try:
        link = links.find(token)
        invitation = invitations.of_link(link)
        login = f"{identity.object}@{identity.tenant[:8]}".lower()[:64]
        person = services.draft_person(login, name=identity.name or invitation.name or login, password=None)
        actor = Actor(who="an invitation's link", address=address_of(request))
        with transaction.atomic():
            invitations.accept(actor, link, invitation, person)
            oidc.link(identity, person)
            services.note(actor, "identity.linked", person.login, uid=identity.uid)
    except (LinkProblem, PartyProblem, IntegrityError):
        return None
    return person


def _link_to_self(request: HttpRequest, identity: Identity, began: int) -> HttpResponse:
    """Link an identity to whoever is signed in, if it is still who began."""
    person = request.user
    if not isinstance(person, Person) or person.pk != began:
        return problem(request, 403, _("Somebody else is signed in now. Begin again."))
    holder = oidc.person_of(identity)
    if holder is not None and holder.pk != person.pk:
        return problem(request, 403, _("This account belongs to another person here."))
    if holder is None:
        with transaction.atomic():
            oidc.link(identity, person)
            services.note(actor_of(request), "identity.linked", person.login, uid=identity.uid)
    return redirect("me")


def _refused(request: HttpRequest, provider: Provider, error: OidcProblem) -> HttpResponse:
    LOG.warning("%s", error.line())
    services.note(Actor(NOBODY, None, address_of(request)), "person.sign_in_failed", "", by=f"oidc {provider.id}")
    return problem(request, 403, _("The sign-in at %(name)s is not believed. Try again.") % {"name": provider.name})


def _provider(name: str) -> Provider:
    found = oidc.providers().get(name)
    if found is None:
        raise Http404(_("There is nothing at this address."))
    return found
