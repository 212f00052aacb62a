"""What a one-time link does: make the first administrator, sign its person in, or let somebody accept an invitation.

Opening the link changes nothing, so that a mail program that looks at addresses uses none up; a button does.
"""

from __future__ import annotations

from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from collector.parties import invitations, links, services
from collector.parties.doors import first_page, public
from collector.parties.errors import LinkProblem, PartyProblem
from collector.parties.forms import Accepted, FirstAdministrator
from collector.parties.models import Invitation, OneTimeLink, Person
from collector.parties.roles import ADMINISTRATOR
from collector.parties.services import Actor
from collector.parties.sessions import address_of
from collector.problems import NOT_THERE, problem

OVER = _("This link was used, or its time is over. Ask whoever sent it for another one.")
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@public
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest, token: str) -> HttpResponse:
    """Open a one-time link: `/welcome/<token>`."""
    try:
        link = links.find(token)
        if link.purpose == "first-administrator":
            return _first(request, link)
        if link.purpose == "sign-in" and link.person is not None:
            return _sign_in(request, link, link.person)
        if link.purpose == "invitation":
            return _accept(request, link, invitations.of_link(link), token)
    except LinkProblem:
        return problem(request, 410, OVER)
    return problem(request, 404, NOT_THERE)


def _first(request: HttpRequest, link: OneTimeLink) -> HttpResponse:
    form = FirstAdministrator(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        actor = Actor(who="first administrator's link", address=address_of(request))
        try:
            person = services.draft_person(told["login"], name=told["name"], password=told["password"])
            with transaction.atomic():
                links.use(link)
                own = services.own_organisation(told["organisation"])
                services.save_person(actor, person, own, ADMINISTRATOR)
        except PartyProblem as error:
            form.add_error(None, str(error))
        else:
            login(request, person, BACKEND)
            return redirect("/")
    return render(request, "parties/first.html", {"form": form}, status=200)


def _accept(request: HttpRequest, link: OneTimeLink, invitation: Invitation, token: str) -> HttpResponse:
    form = Accepted(request.POST or None, initial={"name": invitation.name, "login": invitation.email.lower()})
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        actor = Actor(who="an invitation's link", address=address_of(request))
        try:
            person = services.draft_person(told["login"], name=told["name"], password=told["password"])
            invitations.accept(actor, link, invitation, person)
        except PartyProblem as error:
            form.add_error(None, str(error))
        else:
            request.__dict__["signed_in_by"] = "invitation"
            login(request, person, BACKEND)
            return redirect("/me")
    return render(request, "parties/accept.html", {"form": form, "invitation": invitation, "token": token})


def _sign_in(request: HttpRequest, link: OneTimeLink, person: Person) -> HttpResponse:
    if request.method != "POST":
        return render(request, "parties/sign_in.html", {"person": person})
    with transaction.atomic():
        links.use(link)
    request.__dict__["signed_in_by"] = "link"
    login(request, person, BACKEND)
    return redirect(first_page(person.sight()))
