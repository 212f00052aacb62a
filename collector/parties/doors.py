"""Who may open a page. Every view says it, by one of two decorators; one that says nothing is opened to nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext as _

from collector.parties import tokens
from collector.parties.models import Person
from collector.parties.roles import (
    ADMINISTRATOR,
    BUYER,
    CUSTOMERS,
    EVERY_CUSTOMER,
    FINANCE,
    MONEY,
    NOTHING,
    ROLES,
    SEE_CERTIFICATES,
    STAFF,
    TEAM_LEAD,
    TECHNICIAN,
    VALIDATOR,
    Sight,
)
from collector.problems import AWAY

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
PUBLIC = "public"
FOREIGN = ("allauth.", "django.")
"""Views of libraries decide by themselves; collector/urls.py lists which of them are reached at all."""
PROGRAMS = "/api/v1/"
"""Where programs ask. They are never sent to a page on which a person signs in."""
PAGES = (
    ("/today", "today", ROLES),
    ("/", "stations", STAFF),
    ("/certificates", "certificates", SEE_CERTIFICATES),
    ("/validation", "validation", (VALIDATOR,)),
    ("/samples", "samples", (VALIDATOR, TEAM_LEAD)),
    ("/grading", "grading", (TEAM_LEAD, TECHNICIAN)),
    ("/destruction", "destruction", (TEAM_LEAD, TECHNICIAN)),
    ("/units", "units", SEE_CERTIFICATES),
    ("/lots", "lots", SEE_CERTIFICATES),
    ("/register", "register", SEE_CERTIFICATES - {TECHNICIAN}),
    ("/questions", "questions", (TEAM_LEAD, VALIDATOR, ADMINISTRATOR)),
    ("/quarantine", "quarantine", STAFF),
    ("/effect", "effect", EVERY_CUSTOMER | CUSTOMERS),
    ("/agreements", "agreements", MONEY),
    ("/sales", "sales", MONEY),
    ("/settlements", "settlements", MONEY),
    ("/foreign", "foreign", (TEAM_LEAD, VALIDATOR, ADMINISTRATOR)),
    ("/stock", "stock", (TEAM_LEAD, FINANCE)),
    ("/sell", "sell", (FINANCE,)),
    ("/prices", "prices", (FINANCE,)),
    ("/purchases", "purchases", (BUYER,)),
    ("/stations", "enrolment", (ADMINISTRATOR,)),
    ("/directory", "directory", (ADMINISTRATOR, TEAM_LEAD)),
    ("/notices", "notices", (ADMINISTRATOR,)),
    ("/people", "people", (ADMINISTRATOR,)),
    ("/organisations", "organisations", (ADMINISTRATOR,)),
    ("/audit", "audit", (ADMINISTRATOR,)),
)
"""Address, name in the navigation (a key of words), who sees it there."""


def public(view: View) -> View:
    """Open a page to everybody, signed in or not."""
    view.__dict__["doors"] = frozenset({PUBLIC})
    return view


def roles(*allowed: str) -> Callable[[View], View]:
    """Open a page to people who hold one of these roles anywhere."""
    unknown = set(allowed) - set(ROLES)
    if unknown or not allowed:
        raise ValueError(f"no roles: {sorted(unknown)}")

    def mark(view: View) -> View:
        view.__dict__["doors"] = frozenset(allowed)
        return view

    return mark


def sight_of(request: HttpRequest) -> Sight:
    """Return what the request's person may see; nothing for a stranger. Asked for once a request."""
    return cast(Sight, request.__dict__["sight"])


def first_page(sight: Sight) -> str:
    """Say where somebody begins who just came in."""
    return next((address for address, _, who in PAGES if sight.has(who)), "/me")


def doors_of(view: Callable[..., Any]) -> frozenset[str] | None:
    """Return what a view said about who may open it; None where it said nothing."""
    return getattr(view, "doors", None)


class Doors:
    """Middleware: gives each request its sight, and opens no view that does not say who may see it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.__dict__["sight"] = SimpleLazyObject(lambda: _sight(request))
        request.__dict__["token"] = None
        if request.path.startswith(PROGRAMS):
            refusal = _program(request)
            if refusal is not None:
                return refusal
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: object, _kwargs: object
    ) -> HttpResponseBase | None:
        """Send strangers to the sign-in, and people without the role away."""
        doors = doors_of(view)
        if doors is None and view.__module__.startswith(FOREIGN):
            return None
        if doors is not None and PUBLIC in doors:
            return None
        if not request.user.is_authenticated:
            if request.path.startswith(PROGRAMS):
                return _refused(401, _("Sign in, or send a token: Authorization: Bearer TOKEN."))
            return redirect_to_login(request.get_full_path(), resolve_url(settings.LOGIN_URL))
        token, scope = request.__dict__["token"], getattr(view, "scope", None)
        if token is not None and (scope is None or scope not in token.scopes):
            return _refused(403, _("This token is not for that: it needs the scope %(scope)s.") % {"scope": scope})
        if doors is None or not sight_of(request).has(doors):
            raise PermissionDenied(_("Your roles do not open this page."))
        return None


def _program(request: HttpRequest) -> HttpResponseBase | None:
    """Let a program in by its token. A session opens documents too, for reading: a form of another site sends none."""
    told = request.META.get("HTTP_AUTHORIZATION", "")
    if not told:
        if request.method not in ("GET", "HEAD", "OPTIONS") and settings.SESSION_COOKIE_NAME in request.COOKIES:
            return _refused(403, _("A session only reads here; send a token: Authorization: Bearer TOKEN."))
        return None
    kind, _space, secret = told.partition(" ")
    try:
        token = tokens.find(secret.strip()) if kind.lower() == "bearer" else None
    except (DatabaseError, InterfaceError):
        return _refused(503, AWAY)
    if token is None:
        return _refused(401, _("This token is none, or it ended or was revoked."))
    request.user = token.person
    request.__dict__["token"] = token
    return None


def _refused(status: int, text: str | Promise) -> JsonResponse:
    answer = JsonResponse({"error": str(text)}, status=status)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _sight(request: HttpRequest) -> Sight:
    person = request.user
    return person.sight() if isinstance(person, Person) else NOTHING


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Give every template the pages that this person may open, and which one is open now."""
    sight = request.__dict__.get("sight", NOTHING)
    first = "/" + request.path.split("/")[1]
    pages = [
        {"address": address, "name": name, "here": address == first} for address, name, who in PAGES if sight.has(who)
    ]
    return {"pages": pages, "oidc": getattr(settings, "COLLECTOR_OIDC", ())}
