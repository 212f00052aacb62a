"""Pages that say in one sentence what is wrong. A traceback goes to the log, never to a reader."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from collector.errors import CollectorError

LOG = logging.getLogger(__name__)
AWAY = _("The database does not answer now. Certificates wait at their stations; nothing is lost.")
TITLES = {
    400: _("A request that cannot be answered"),
    403: _("Not allowed"),
    404: _("Not found"),
    410: _("Not any more"),
    429: _("Too often"),
    503: _("Not now"),
}


def problem(request: HttpRequest, status: int, text: str | Promise) -> HttpResponse:
    """Answer with a page, or with a document where a program asked."""
    if request.path.startswith("/api/"):
        return JsonResponse({"error": str(text)}, status=status)
    title = TITLES.get(status) or HTTPStatus(status).phrase
    try:
        return render(request, "problem.html", {"title": title, "text": text}, status=status)
    except (DatabaseError, InterfaceError):  # who is signed in cannot be asked either
        return render(None, "problem.html", {"title": title, "text": text}, status=status)


def attempt(form: forms.Form, do: Callable[[dict[str, Any]], object]) -> bool:
    """Do what a valid form asks for; what is refused stands in the form."""
    if not form.is_valid():
        return False
    try:
        do(form.cleaned_data)
    except CollectorError as error:
        form.add_error(None, str(error))
        return False
    return True


class Problems:
    """Middleware: what a view raises becomes a page, and so does what no view is to be asked.

    A NUL stands in no name, number or text of ours, and PostgreSQL takes none: it is kept out once, for all pages.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., object], _args: object, _kwargs: object
    ) -> HttpResponse | None:
        """Refuse a NUL in a form; nothing is at an address with one, and in what is searched for it is a space.

        Whoever reads bytes of their own (a view without a CSRF token) looks at them themselves.
        """
        if any("\0" in text for _name, texts in request.GET.lists() for text in texts):
            request.__dict__["GET"] = _without_nul(request.GET)
        form = () if getattr(view, "csrf_exempt", False) else request.POST.lists()
        if "\0" in request.path:
            return problem(request, 404, NOT_THERE)
        told = (text for name, texts in form for text in (name, *texts))
        return problem(request, 400, NO_NUL) if any("\0" in text for text in told) else None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Find words for it."""
        if isinstance(error, Http404):
            return problem(request, 404, _words(error) or NOT_THERE)
        if isinstance(error, PermissionDenied):
            return problem(request, 403, _words(error) or FORBIDDEN)
        if isinstance(error, DatabaseError | InterfaceError) and not isinstance(error, DataError | IntegrityError):
            LOG.error("the database did not answer a page: %s", error)
            return problem(request, 503, AWAY)
        return None


def _without_nul(asked: QueryDict) -> QueryDict:
    kept = asked.copy()
    for name, texts in asked.lists():
        kept.setlist(name, [text.replace("\0", " ") for text in texts])
    return kept


def _words(error: Exception) -> str:
    """Return what an error of ours says. What a library says is not for readers, and in no language of theirs."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    ours = last is not None and str(last.tb_frame.f_globals.get("__name__", "")).startswith("collector.")
    return str(error) if ours and error.args else ""


NO_NUL = _("The form holds a NUL character; no text here has one.")
NOT_THERE = _("There is nothing at this address.")
FORBIDDEN = _("You may not do this.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for an address that nobody has."""
    return problem(request, 404, NOT_THERE)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer somebody whose roles do not open the page."""
    return problem(request, 403, _words(exception) or FORBIDDEN)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that is none, such as one for another host."""
    return HttpResponse("This is not a request that can be answered.\n", status=400, content_type="text/plain")


def failed(request: HttpRequest) -> HttpResponse:
    """Answer for a defect of ours, with nothing that could fail again."""
    return HttpResponse(
        "Something went wrong here. The collector's log says what.\n", status=500, content_type="text/plain"
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that did not come from our own page."""
    return problem(request, 403, _("This form is too old, or did not come from this site. Open the page again."))
