"""Pages of an administrator: people, organisations, invitations, audit trail. A change is a POST and a line in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector.parties import forms as ours
from collector.parties import invitations, links, oidc, services, sessions
from collector.parties.doors import roles
from collector.parties.errors import PartyProblem
from collector.parties.models import AuditEntry, Invitation, Membership, Organisation, Person
from collector.parties.roles import ADMINISTRATOR
from collector.parties.sessions import actor_of
from collector.problems import attempt

PER_PAGE = 100
READ_OR_POST = require_http_methods(["GET", "HEAD", "POST"])


@roles(ADMINISTRATOR)
@READ_OR_POST
def people(request: HttpRequest) -> HttpResponse:
    """List people and open invitations, and invite somebody: `/people`."""
    form = ours.Invited(request.POST or None)
    shown = ""
    if request.method == "POST":
        made: list[str] = []
        if attempt(form, lambda told: made.append(_invite(request, told))):
            shown, form = made[0], ours.Invited()
            if not shown:
                return redirect("people")
    rows = Person.objects.order_by("login").prefetch_related("memberships__organisation")
    context = {"people": rows, "invitations": invitations.open_invitations(), "form": form, "link": shown}
    return render(request, "parties/people.html", context)


def _invite(request: HttpRequest, told: dict[str, Any]) -> str:
    """Invite; the link where it has to be shown, empty where it went by mail."""
    organisation, email = told["organisation"], told["email"]
    token = invitations.invite(actor_of(request), organisation, told["role"], name=told["name"], email=email)
    link = request.build_absolute_uri(f"/welcome/{token}")
    if email and invitations.mail_is_set_up():
        if invitations.send(email, link, organisation, get_language() or "en"):
            messages.success(request, _("The invitation went to %(email)s.") % {"email": email})
            return ""
        messages.warning(request, _("The mail server did not take the invitation. Give the link yourself."))
    return link


@roles(ADMINISTRATOR)
@require_POST
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """End an invitation: `/people/invitations/<number>/withdraw`."""
    invitations.withdraw(actor_of(request), get_object_or_404(Invitation, pk=number))
    return redirect("people")


@roles(ADMINISTRATOR)
@READ_OR_POST
def person(request: HttpRequest, number: int) -> HttpResponse:
    """Show a person, and change what is known of them: `/people/<number>`."""
    found = get_object_or_404(Person, pk=number)
    facts = {name: getattr(found, name) for name in ("name", "title", "email", "operator_id")}
    form = ours.PersonFacts(request.POST if request.method == "POST" else None, initial=facts)
    if request.method == "POST":
        if attempt(form, lambda told: services.change_person(actor_of(request), found, **told)):
            return redirect("person", number)
        found.refresh_from_db()
    return _person_page(request, found, form=form)


def _person_page(request: HttpRequest, found: Person, **more: Any) -> HttpResponse:  # noqa: ANN401
    facts = {name: getattr(found, name) for name in ("name", "title", "email", "operator_id")}
    context = {
        "person": found,
        "form": ours.PersonFacts(initial=facts),
        "role_form": ours.OfOrganisation(),
        "memberships": found.memberships.select_related("organisation").order_by("organisation__name", "role"),
        "sessions": sessions.of_person(found),
        "tokens": found.tokens.order_by("-made_at"),
        "identities": oidc.of_person(found),
        "identities_of": f"/people/{found.pk}",
        **more,
    }
    return render(request, "parties/person.html", context)


@roles(ADMINISTRATOR)
@require_POST
def unlink_identity(request: HttpRequest, number: int, identity: int) -> HttpResponse:
    """Take an identity from a person, whose sessions end: `/people/<number>/identities/<identity>/unlink`."""
    found = next((one for one in oidc.of_person(get_object_or_404(Person, pk=number)) if one.pk == identity), None)
    if found is None:
        raise Http404(_("There is nothing at this address."))
    oidc.unlink(actor_of(request), found)
    sessions.end(actor_of(request), get_object_or_404(Person, pk=number))
    return redirect("person", number)


@roles(ADMINISTRATOR)
@require_POST
def give_role(request: HttpRequest, number: int) -> HttpResponse:
    """Give a person a role: `/people/<number>/roles`."""
    found = get_object_or_404(Person, pk=number)
    form = ours.OfOrganisation(request.POST)
    actor = actor_of(request)
    if attempt(form, lambda told: services.join(actor, found, told["organisation"], told["role"])):
        return redirect("person", number)
    return _person_page(request, found, role_form=form)


@roles(ADMINISTRATOR)
@require_POST
def take_role(request: HttpRequest, number: int, membership: int) -> HttpResponse:
    """Take a role away: `/people/<number>/roles/<membership>/remove`."""
    rows = Membership.objects.select_related("person", "organisation")
    held = get_object_or_404(rows, pk=membership, person_id=number)
    return _done(request, number, lambda: services.leave(actor_of(request), held))


@roles(ADMINISTRATOR)
@require_POST
def disable(request: HttpRequest, number: int) -> HttpResponse:
    """Disable a person, and end their sessions: `/people/<number>/disable`."""
    found = get_object_or_404(Person, pk=number)
    return _done(request, number, lambda: services.disable_person(actor_of(request), found))


@roles(ADMINISTRATOR)
@require_POST
def enable(request: HttpRequest, number: int) -> HttpResponse:
    """Let a person in again: `/people/<number>/enable`."""
    found = get_object_or_404(Person, pk=number)
    return _done(request, number, lambda: services.enable_person(actor_of(request), found))


@roles(ADMINISTRATOR)
@require_POST
def end_sessions(request: HttpRequest, number: int) -> HttpResponse:
    """End every session of a person: `/people/<number>/sessions/end`."""
    found = get_object_or_404(Person, pk=number)
    return _done(request, number, lambda: sessions.end(actor_of(request), found))


@roles(ADMINISTRATOR)
@require_POST
def sign_in_link(request: HttpRequest, number: int) -> HttpResponse:
    """Make a link that signs a person in once, and show it: `/people/<number>/link`."""
    found = get_object_or_404(Person, pk=number)
    if not found.is_active:
        messages.error(request, _("A disabled person gets no link."))
        return redirect("person", number)
    link = request.build_absolute_uri(f"/welcome/{links.make('sign-in', found)}")
    services.note(actor_of(request), "link.made", found.login)
    return _person_page(request, found, link=link)


def _done(request: HttpRequest, number: int, do: Callable[[], object]) -> HttpResponse:
    try:
        do()
    except PartyProblem as error:
        messages.error(request, str(error))
    return redirect("person", number)


@roles(ADMINISTRATOR)
@READ_OR_POST
def organisations(request: HttpRequest) -> HttpResponse:
    """List organisations, and add one: `/organisations`."""
    form = ours.NewOrganisation(request.POST or None)
    if request.method == "POST":
        actor = actor_of(request)
        if attempt(form, lambda told: services.add_organisation(actor, **told)):
            return redirect("organisations")
    rows = Organisation.objects.order_by("kind", "name").prefetch_related("names")
    return render(request, "parties/organisations.html", {"organisations": rows, "form": form})


@roles(ADMINISTRATOR)
@READ_OR_POST
def organisation(request: HttpRequest, number: int) -> HttpResponse:
    """Show an organisation, and change its facts: `/organisations/<number>`."""
    found = get_object_or_404(Organisation, pk=number)
    facts = {name: getattr(found, name) for name in ("cvr", "gln", "address")}
    form = ours.OrganisationFacts(request.POST if request.method == "POST" else None, initial=facts)
    if request.method == "POST" and attempt(
        form, lambda told: services.change_organisation(actor_of(request), found, **told)
    ):
        return redirect("organisation", number)
    return _organisation_page(request, found, form, ours.OtherName())


@roles(ADMINISTRATOR)
@require_POST
def give_name(request: HttpRequest, number: int) -> HttpResponse:
    """Give a customer another name: `/organisations/<number>/names`."""
    found = get_object_or_404(Organisation, pk=number)
    name_form = ours.OtherName(request.POST)
    if attempt(name_form, lambda told: services.give_name(actor_of(request), found, told["name"])):
        return redirect("organisation", number)
    facts = {name: getattr(found, name) for name in ("cvr", "gln", "address")}
    return _organisation_page(request, found, ours.OrganisationFacts(initial=facts), name_form)


def _organisation_page(
    request: HttpRequest, found: Organisation, form: forms.Form, name_form: forms.Form
) -> HttpResponse:
    held = found.memberships.select_related("person").order_by("person__login", "role")
    context = {"organisation": found, "form": form, "name_form": name_form, "memberships": held}
    return render(request, "parties/organisation.html", context)


@roles(ADMINISTRATOR)
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """Show who did what, the newest first: `/audit?q=&before=`."""
    rows = AuditEntry.objects.order_by("-pk")
    asked, before = request.GET.get("q", "").strip()[:64], request.GET.get("before", "")
    if asked:
        rows = rows.filter(who=asked) | rows.filter(subject=asked)
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    page = list(rows[: PER_PAGE + 1])
    older = page[PER_PAGE - 1].pk if len(page) > PER_PAGE else None
    return render(request, "parties/audit.html", {"entries": page[:PER_PAGE], "older": older, "q": asked})
